"""Images that are numbers already, brought to the size and the colours that are asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imlogit.arrays import Pixels
from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode import fitted
from imlogit.data.images.room import check_room, room_for
from imlogit.data.images.sizes import Extent, with_size
from imlogit.data.reading import Reading
from imlogit.errors import DataError

DRAWABLE_CHANNELS = (3,)


def conform(image_set: ImageSet, reading: Reading) -> ImageSet:
    """Resize images and convert them to grey, where that is asked for and not yet so.

    Raises
    ------
    DataError
        For images that are neither grey nor of three channels.
    """
    reading = _sized(image_set, reading)
    size, grey = reading.size, reading.grey and len(image_set.image_shape) == 3
    if not grey and (size is None or image_set.image_shape[:2] == size):
        return image_set
    if image_set.image_shape[2:] not in ((), DRAWABLE_CHANNELS):
        resized = size is not None and image_set.image_shape[:2] != size
        words = f"size={size}" if resized else "grey=True"
        raise DataError(
            f"{image_set.name} has images of {image_set.image_shape[2]} channels, which can be "
            f"neither resized nor made grey: leave {words} out.",
            parameter=words.partition("=")[0],
        )
    if size is not None:
        check_room(len(image_set), size)
    from PIL import Image

    def conformed(row: int) -> Pixels:
        image = Image.fromarray(image_set.images[row])
        return np.asarray(fitted(image, size, reading.grey, reading.fit))

    images = room_for(len(image_set), conformed(0))
    for row in range(len(images)):
        images[row] = conformed(row)
    fit = image_set.fit if size is None else reading.fit
    return replace(image_set, images=images, sha256="", fit=fit)


def _sized(image_set: ImageSet, reading: Reading) -> Reading:
    """Return the reading with a size for images that are too large, if they can be resized."""
    height, width, *channels = image_set.image_shape
    if channels and tuple(channels) != DRAWABLE_CHANNELS:
        return reading
    return with_size(reading, [Extent(height, width, channels[0] if channels else 1)])
