"""Images that are negatives of what they should show: parts and classes of them, or single ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.checks.finding import Exhibit, Outcome, failed, not_applicable, passed
from imlogit.checks.material import LabelledRows, Material

# Backgrounds agree if so large a share of them lies within so many grey levels of their median.
COMMON_SHARE = 0.9
COMMON_LEVELS = 32
# Half of the range: what is light then was dark.
INVERTED_LEVELS = 128
WHITE = 255
# Most of a class or of a part is inverted, or it is not a class of negatives.
MOST = 0.5
# Mean images that are each other's negatives correlate below this.
OPPOSITE = -0.5
# A negative fits far better where a model gives it its label, which it hardly gives the image.
FITS, FITS_NOT = 0.5, 0.05
# So few images have no mean that says much.
FEWEST_IN_GROUP = 5
SOME_ROWS = 1024
ADVICE = (
    "Look at their pictures first (picture=... draws them, a run has them in findings.png): only "
    "what is seen to be a negative is to be inverted, or left out."
)


class Group(NamedTuple):
    """Images of one part or class, and what they are called.

    Attributes
    ----------
    words : str
    own : ndarray of bool, shape (n,)
        Which of all images, those of the training part first, are of it.
    """

    words: str
    own: NDArray[np.bool_]


def image_inverted(material: Material) -> Outcome:
    """Check that no part, class or image is a negative of what the others show.

    A background that is the negative of the usual one is no more than a hint: a bag may fill its
    picture. Most of a part or class must have it, with a mean image that is the negative of the
    others'; or a model must say that the negative has the image's label, and the image has not.
    """
    if not material.has_images:
        return not_applicable("The rows are not images of grey levels from 0 to 255.")
    border = _borders(material)
    found = np.zeros(len(border), dtype=bool)
    words = []
    for group in _groups(material):
        inverted = _inverted(material, group, border)
        if (inverted & ~found).any():
            words.append(f"{int(inverted.sum()):,} of {int(group.own.sum()):,} of {group.words}")
            found |= inverted
    single = _single(material, border) & ~found
    if single.any():
        words.append(f"{int(single.sum()):,} single images, which fit their label as negatives")
    if not words:
        return passed(f"None of {len(border):,} images is shown to be a negative of the others.")
    exhibits = tuple(
        Exhibit((part.where(row),), f"label {part.labels[row]}")
        for part, rows in _by_part(material, np.flatnonzero(found | single))
        for row in rows.tolist()
    )
    return failed(
        f"{len(exhibits):,} of {len(border):,} images look like negatives of the others: "
        f"{'; '.join(words)}.",
        ADVICE,
        exhibits,
        len(exhibits),
    )


def _groups(material: Material) -> Iterator[Group]:
    """Yield the smaller part, the classes, and the classes within each part."""
    labels = np.concatenate([part.labels.astype(str) for part in material.parts])
    names, codes = np.unique(labels, return_inverse=True)
    in_test = np.arange(len(labels)) >= len(material.training.rows)
    if material.test is not None:
        smaller = in_test if 2 * in_test.sum() <= len(labels) else ~in_test
        yield Group(f"the {'test' if smaller[-1] else 'training'} part", smaller)
    for code, name in enumerate(names.tolist()):
        yield Group(f"the images labelled {name!r}", codes == code)
    for part in material.parts if material.test is not None else ():
        of_part = in_test if part is material.test else ~in_test
        for code, name in enumerate(names.tolist()):
            words = f"the {part.name} images labelled {name!r}"
            yield Group(words, of_part & (codes == code))


def _inverted(material: Material, group: Group, border: Floats) -> NDArray[np.bool_]:
    """Return which images of a group are inverted: most of it, or none."""
    none = np.zeros(len(border), dtype=bool)
    own, rest = group.own, ~group.own
    if min(own.sum(), rest.sum()) < FEWEST_IN_GROUP or 2 * own.sum() > len(own):
        return none
    # most of it can be negatives only of what lies near the negative of its middle
    opposite = WHITE - float(np.median(border[own]))
    if (np.abs(border - opposite) <= 2 * COMMON_LEVELS).sum() < COMMON_SHARE * rest.sum():
        return none
    usual = _common(border[rest])
    if usual is None:
        return none
    negative = own & _has_negative_border(border, usual)
    if negative.sum() <= MOST * own.sum():
        return none
    means = [_mean_image(material, np.flatnonzero(rows)) for rows in (negative, rest)]
    if min(float(np.ptp(mean)) for mean in means) == 0:
        return none
    alike = float(np.corrcoef(means[0], means[1])[0, 1])
    return negative if alike < OPPOSITE else none


def _single(material: Material, border: Floats) -> NDArray[np.bool_]:
    """Return which images have a negative's border, and a model says that they are one."""
    found = np.zeros(len(border), dtype=bool)
    usual, model = _common(border), material.predictor
    if usual is None or model is None or model.fits_negatives is None:
        return found
    first = 0
    candidates = np.flatnonzero(_has_negative_border(border, usual))
    for part, rows in _by_part(material, candidates):
        if rows.size:
            as_they_are, as_negatives = model.fits_negatives(part, rows)
            found[first + rows] = (as_they_are <= FITS_NOT) & (as_negatives >= FITS)
        first += len(part.rows)
    return found


def _common(border: Floats) -> float | None:
    """Return the background that images have in common; None where they have none."""
    usual = float(np.median(border))
    agree = (np.abs(border - usual) <= COMMON_LEVELS).mean() >= COMMON_SHARE
    return usual if agree else None


def _has_negative_border(border: Floats, usual: float) -> NDArray[np.bool_]:
    """Return whose background is the negative of the usual one, and far from it."""
    far = np.abs(border - usual) >= INVERTED_LEVELS
    negative: NDArray[np.bool_] = far & (np.abs(WHITE - border - usual) <= COMMON_LEVELS)
    return negative


def _borders(material: Material) -> Floats:
    """Return the images' backgrounds, as they are where white is 255."""
    border = np.concatenate([part.levels.border for part in material.parts])
    return border if material.white is None else border * (WHITE / material.white.level)


def _by_part(material: Material, rows: Rows) -> Iterator[tuple[LabelledRows, Rows]]:
    """Yield each part with those of its rows that are among the rows of all."""
    first = 0
    for part in material.parts:
        own = rows[(rows >= first) & (rows < first + len(part.rows))]
        yield part, own - first
        first += len(part.rows)


def _mean_image(material: Material, rows: Rows) -> Floats:
    total = np.zeros(int(np.prod(material.training.rows.shape[1:])))
    for part, own in _by_part(material, rows):
        for start in range(0, len(own), SOME_ROWS):
            block = part.rows.take(own[start : start + SOME_ROWS])
            total += block.reshape(len(block), -1).sum(axis=0, dtype=np.float64)
    return total / max(len(rows), 1)
