"""The weights of a model as small pictures: red speaks for a class, blue against it."""

from __future__ import annotations

import base64
import io
from typing import NamedTuple

import numpy as np

from imlogit.model.fields import SavedModel

MOST_SHOWN, LARGEST_SIDE = 20, 64
FOR, AGAINST = np.array([178, 24, 43]), np.array([33, 102, 172])


class WeightPicture(NamedTuple):
    """The weights of one class."""

    name: str
    uri: str


def weight_pictures(model: SavedModel) -> list[WeightPicture]:
    """Return the weights of the first classes, summed over colours, on one scale.

    Of features there are none.
    """
    from PIL import Image

    if model.image_shape is None or model.features is not None:
        return []  # no pixel has a weight of its own
    high, wide = model.image_shape[:2]
    panels = model.coef[:MOST_SHOWN].reshape(-1, high, wide, *model.image_shape[2:])
    if panels.ndim == 4:
        panels = panels.sum(axis=3)
    largest = float(np.abs(panels).max()) or 1.0
    names = model.names if len(model.coef) > 1 else model.names[1:]
    found = []
    for name, panel in zip(names, panels, strict=False):
        share = (panel / largest)[:, :, None]
        full = np.where(share > 0, FOR, AGAINST)
        pixels = (255 + (full - 255) * np.abs(share)).round().astype(np.uint8)
        picture = Image.fromarray(pixels)
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
        file = io.BytesIO()
        picture.save(file, "PNG")
        uri = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
        found.append(WeightPicture(name, uri))
    return found
