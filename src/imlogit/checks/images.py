"""Checks of images: those that are unlike the rest in a way that no label explains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imlogit.checks.brightness import stand_apart
from imlogit.checks.causes import how_to_say_white, largest_pixel
from imlogit.checks.finding import Exhibit, Outcome, failed, not_applicable, passed
from imlogit.checks.material import Levels, Material

# Mean brightness this many deviations (by the median absolute one) away is another brightness,
# where it stands apart from all others.
BRIGHTNESS_DEVIATIONS = 5.0
# The deviation of a normal variable is this many times its median absolute one.
MAD_TO_DEVIATION = 1.4826
# An image whose brightest pixel is below this share of the usual one is on another scale.
SCALE_SHARE = 0.125
NOT_IMAGES = "The rows are not images of grey levels from 0 to 255."


def image_constant(material: Material) -> Outcome:
    """Check that no image is of one grey level all over."""
    if not material.has_images:
        return not_applicable(NOT_IMAGES)
    return _unlike(
        material,
        [levels.least == levels.most for levels in _levels(material)],
        "hold one grey level all over: there is nothing to see",
        "Leave them out, or find out why they are empty.",
    )


def image_range(material: Material) -> Outcome:
    """Check that pixels use the range from black to what is taken for white."""
    if not material.has_images:
        return not_applicable(NOT_IMAGES)
    if material.white is None:
        return not_applicable("The pixels are taken as they are.")
    largest = largest_pixel(material)
    if largest is None:
        return passed(f"The pixels run up to white, which is {material.white.level:g}.")
    least = min(float(part.levels.least.min()) for part in material.parts)
    return failed(
        f"All pixels run from {least:g} to {largest:g} of {material.white.level:g}: a model takes "
        "them for almost black, and its penalty weighs as much more.",
        f"Say which pixel is white: {how_to_say_white(material, largest)}.",
    )


def image_brightness(material: Material) -> Outcome:
    """Check that no image is far brighter or darker than the rest."""
    if not material.has_images:
        return not_applicable(NOT_IMAGES)
    mean = np.concatenate([part.levels.mean for part in material.parts])
    usual = float(np.median(mean))
    deviation = MAD_TO_DEVIATION * float(np.median(np.abs(mean - usual)))
    if deviation == 0:
        return not_applicable("Half of the images or more have the same mean brightness.")
    labels = np.concatenate([part.labels.astype(str) for part in material.parts])
    apart = stand_apart(mean, np.unique(labels, return_inverse=True)[1])
    apart &= np.abs(mean - usual) > BRIGHTNESS_DEVIATIONS * deviation
    return _unlike(
        material,
        np.split(apart, [len(material.training.rows)]),
        f"are far brighter or darker than the usual {usual:.0f} +- {deviation:.0f} grey levels",
        "Look at them, and bring all images to one exposure.",
    )


def image_scale(material: Material) -> Outcome:
    """Check that all images use the same range of grey levels, or of features."""
    if material.has_images:
        most = np.concatenate([part.levels.most for part in material.parts])
        limit = SCALE_SHARE * float(np.median(most))
        return _unlike(
            material,
            [(one.most < limit) & (one.least < one.most) for one in _levels(material)],
            f"stay below {limit:.0f}, far below the brightest pixel of the others: "
            "they look scaled to another range",
            "Find out what they were multiplied with, and bring all images to 0 to 255.",
        )
    if material.test is None or not all(p.rows.dtype.kind in "buif" for p in material.parts):
        return not_applicable("There are no two parts of numbers to compare.")
    sizes = [part.rows.largest for part in material.parts]
    if min(sizes) >= SCALE_SHARE * max(sizes):
        return passed("The features of both parts are of one size.")
    return failed(
        f"The largest feature is {sizes[0]:.4g} in the training part and {sizes[1]:.4g} in the "
        "test part: they are on different scales.",
        "Scale both in the same way, such as / 255.",
    )


def _levels(material: Material) -> list[Levels]:
    return [part.levels for part in material.parts]


def _unlike(
    material: Material, odd: Sequence[NDArray[np.bool_]], words: str, advice: str
) -> Outcome:
    """Fail if any image is odd, part by part."""
    exhibits = []
    for part, found in zip(material.parts, odd, strict=False):  # no test part: none is odd
        exhibits += [
            Exhibit((part.where(row),), f"label {part.labels[row]}")
            for row in np.flatnonzero(found).tolist()
        ]
    total = sum(len(part.rows) for part in material.parts)
    if not exhibits:
        return passed(f"None of {total:,} images is unlike the rest in this.")
    return failed(
        f"{len(exhibits):,} of {total:,} images {words}.", advice, tuple(exhibits), len(exhibits)
    )
