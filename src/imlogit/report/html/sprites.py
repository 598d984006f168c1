"""Many small images as one sheet, from which a page cuts each."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imlogit.data.image_set import ImageSet

# Of a tile in pixels, and of a section's sheet in bytes: five sheets leave the pad's
# weights, up to 1.1 MB, their room in 3 MB.
LARGEST_SIDE = 48
MOST_BYTES = 300_000
ACROSS = 24


@dataclass(frozen=True)
class Sheet:
    """A sheet, and the place of each image on it.

    Attributes
    ----------
    name : str
    uri : str
        The sheet as a data URI.
    width, height : int
        Of one tile.
    places : dict of int to int
        By an image's row in the source, its number on the sheet.
    """

    name: str
    uri: str
    width: int
    height: int
    places: dict[int, int]

    @property
    def down(self) -> int:
        """How many rows of tiles there are."""
        return -(-len(self.places) // ACROSS)

    def box(self, row: int) -> str:
        """Return where an image is, as SVG's viewBox."""
        down, across = divmod(self.places[row], ACROSS)
        return f"{across * self.width} {down * self.height} {self.width} {self.height}"


def sheet_of(name: str, images: ImageSet, rows: Sequence[int]) -> Sheet:
    """Draw images on a sheet of at most ``MOST_BYTES``: the last ones are left out, if need be."""
    wanted = list(dict.fromkeys(int(row) for row in rows))
    while True:
        sheet = _drawn(name, images, wanted)
        if len(sheet.uri) <= MOST_BYTES or len(wanted) <= ACROSS:
            return sheet
        wanted = wanted[: int(0.9 * len(wanted) * MOST_BYTES / len(sheet.uri))]


def _drawn(name: str, images: ImageSet, rows: list[int]) -> Sheet:
    from PIL import Image

    high, wide = images.image_shape[:2]
    scale = min(1.0, LARGEST_SIDE / max(high, wide))
    width, height = max(1, round(wide * scale)), max(1, round(high * scale))
    coloured = len(images.image_shape) == 3 and images.image_shape[2] == 3
    mode = "RGB" if coloured else "L"
    sheet = Image.new(mode, (ACROSS * width, max(1, -(-len(rows) // ACROSS)) * height))
    for number, row in enumerate(rows):
        pixels = np.asarray(images.images[row])
        if pixels.ndim == 3 and not coloured:
            pixels = pixels[:, :, 0]
        tile = Image.fromarray(pixels)
        if scale < 1:
            tile = tile.resize((width, height), Image.Resampling.BOX)
        down, across = divmod(number, ACROSS)
        sheet.paste(tile, (across * width, down * height))
    return Sheet(name, _uri(sheet, coloured), width, height, {r: n for n, r in enumerate(rows)})


def _uri(picture: object, coloured: bool) -> str:
    from PIL import Image

    assert isinstance(picture, Image.Image)
    file = io.BytesIO()
    if coloured:
        picture.save(file, "JPEG", quality=82)
    else:
        picture.save(file, "PNG")
    kind = "jpeg" if coloured else "png"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
