"""What speaks for a class and what against it, as two small pictures side by side.

One picture in two colours would say by colour alone which is which.
"""

from __future__ import annotations

import base64
import io
from typing import NamedTuple

import numpy as np

from imlogit.arrays import Floats
from imlogit.evaluation.evidence import evidence_of
from imlogit.model.fields import SavedModel
from imlogit.model.head import Head, head_of
from imlogit.report.html.content import PageContent
from imlogit.report.html.lists import surest_mistakes
from imlogit.report.html.sprites import Sheet, sheet_of

MOST_WEIGHTS, LARGEST_SIDE = 20, 64
FOR, AGAINST = (178, 24, 43), (33, 102, 172)
# So few levels that a picture of noise stays small, too.
LEVELS = 32
MOST_RIGHT = MOST_WRONG = 4


class Sides(NamedTuple):
    """Two pictures of one size, as data URIs."""

    toward: str
    against: str
    width: int
    height: int


class WeightPicture(NamedTuple):
    """The weights of one class."""

    name: str
    sides: Sides


class EvidencePicture(NamedTuple):
    """Why a model says what it says of one image."""

    row: int
    name: str
    label: str
    answer: str
    probability: float
    toward: str
    against: str
    sides: Sides
    sums: tuple[float, float]
    intercept: float
    margin: float


def weight_pictures(model: SavedModel) -> list[WeightPicture]:
    """Return the weights of the first classes, summed over colours, on one scale.

    Of features there are none.
    """
    if model.image_shape is None or model.features is not None:
        return []  # no pixel has a weight of its own
    high, wide = model.image_shape[:2]
    panels = model.coef[:MOST_WEIGHTS].reshape(-1, high, wide, *model.image_shape[2:])
    if panels.ndim == 4:
        panels = panels.sum(axis=3)
    largest = float(np.abs(panels).max()) or 1.0
    names = model.names if len(model.coef) > 1 else model.names[1:]
    return [
        WeightPicture(name, sides_of(panel / largest))
        for name, panel in zip(names, panels, strict=False)
    ]


def evidence_pictures(content: PageContent) -> tuple[Sheet, list[EvidencePicture]]:
    """Return why the model is right about some images, and wrong about others."""
    head = head_of(content.model)
    found = [_evidence(content, head, place) for place in _telling(content)]
    return sheet_of("evidence", content.images, [one.row for one in found]), found


def _telling(content: PageContent) -> list[int]:
    """Return the places of images that the model is surest of: right ones first, then wrong ones.

    Of each class as many as of any other, of the first classes if there are many.
    """
    kept, n_classes = content.predictions, len(content.names)
    right = np.flatnonzero(content.answers == kept.test_codes)
    codes = kept.test_codes[right]
    order = right[np.argsort(-kept.test_probabilities[right, codes], kind="stable")]
    per_class = max(1, MOST_RIGHT // n_classes)
    places = [
        place
        for code in range(n_classes)
        for place in order[kept.test_codes[order] == code][:per_class].tolist()
    ][:MOST_RIGHT]
    return [*places, *surest_mistakes(content)[:MOST_WRONG].tolist()]


def _evidence(content: PageContent, head: Head, place: int) -> EvidencePicture:
    kept, names = content.predictions, content.names
    row, p = int(kept.test_rows[place]), kept.test_probabilities[place]
    found = evidence_of(head, content.images.images[row], p)
    terms = found.by_place
    answer = int(content.answers[place])
    return EvidencePicture(
        row=row,
        name=content.file_of(row),
        label=names[kept.test_codes[place]],
        answer=names[answer],
        probability=float(p[answer]),
        toward=names[found.toward],
        against=names[found.against],
        sides=sides_of(terms / (float(np.abs(terms).max()) or 1.0)),
        sums=(float(terms[terms > 0].sum()), float(terms[terms < 0].sum())),
        intercept=found.intercept,
        margin=found.margin,
    )


def sides_of(shares: Floats) -> Sides:
    """Draw shares from -1 to 1, shape (h, w): the positive ones, and the negative ones."""
    high, wide = shares.shape
    scale = min(1.0, LARGEST_SIDE / max(high, wide))
    width, height = max(1, round(wide * scale)), max(1, round(high * scale))
    toward, against = (
        _drawn(np.maximum(sign * shares, 0), (width, height), colour)
        for sign, colour in ((1, FOR), (-1, AGAINST))
    )
    return Sides(toward, against, width, height)


def _drawn(shares: Floats, size: tuple[int, int], colour: tuple[int, int, int]) -> str:
    """Return a picture from white to a colour, as a data URI."""
    from PIL import Image

    smaller = Image.fromarray(shares.astype(np.float32))
    if smaller.size != size:
        smaller = smaller.resize(size, Image.Resampling.BOX)
    levels = (np.asarray(smaller) * (LEVELS - 1)).round().astype(np.uint8)
    picture = Image.fromarray(levels).convert("P")
    steps = np.linspace(0, 1, LEVELS)[:, None]
    picture.putpalette((255 + (np.array(colour) - 255) * steps).round().astype(np.uint8).tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
