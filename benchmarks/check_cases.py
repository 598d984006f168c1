"""Clean sets to plant faults in: digits, and made grey and colour photographs of four classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import imlogit
from benchmarks.changes import textures
from imlogit.checks.arrays import material_of

DIGITS = (2, 3, 5, 8)
SIDE = 32
# How strongly a class's own pattern shows in made photographs, and how they differ in exposure.
PATTERN, EXPOSURE, LEAST_CONTRAST = 0.12, 10, 0.7


@dataclass(frozen=True)
class Case:
    """Images in two parts, and what is done with them."""

    rows: Any
    labels: Any
    test_rows: Any
    test_labels: Any
    positive: Any = None
    estimator: Any = None
    cv: Any = None

    def material(self) -> Any:
        """Return what checks look at, with the estimator fitted."""
        parts = self.rows, self.labels, self.test_rows, self.test_labels
        if self.estimator is not None:
            self.estimator.fit(self.rows, self.labels)
        return material_of(*parts, self.estimator, self.positive, cv=self.cv)

    def images(self) -> Any:
        """Return the same as a source of images."""
        rows = np.concatenate([self.rows, self.test_rows])
        labels = np.concatenate([self.labels, self.test_labels])
        names = tuple(f"class {code}" for code in range(len(DIGITS)))
        return imlogit.ImageSet(rows, labels, names, len(self.rows), "made", "made")


def kinds_of(digits: Any, labels: Any) -> dict[str, Callable[[int, int], Case]]:
    """Return what makes sets of each kind, from a seed and half the number of images."""
    codes = np.full(labels.max() + 1, -1)
    codes[list(DIGITS)] = range(len(DIGITS))
    own = np.flatnonzero(codes[labels] >= 0)

    def of_digits(seed: int, half: int) -> Case:
        rows = np.random.default_rng(seed).choice(own, 2 * half, replace=False)
        return _in_halves(digits[rows], codes[labels[rows]], half)

    return {
        "digits": of_digits,
        "grey photographs": lambda seed, half: photographs(seed, half, 1),
        "colour photographs": lambda seed, half: photographs(seed, half, 3),
    }


def photographs(seed: int, half: int, channels: int) -> Case:
    """Return made photographs of 32 x 32, in which every class shows a pattern of its own."""
    rng = np.random.default_rng((seed, channels))
    labels = rng.integers(0, len(DIGITS), 2 * half)
    patterns = textures(rng, len(DIGITS), SIDE, channels) - 128.0
    shown = textures(rng, 2 * half, SIDE, channels) - 128.0 + PATTERN * patterns[labels]
    shape = (2 * half, 1, 1, 1)
    shown *= rng.uniform(LEAST_CONTRAST, 1, shape)
    pixels = as_pixels(128 + shown + rng.normal(0, EXPOSURE, shape))
    return _in_halves(pixels[..., 0] if channels == 1 else pixels, labels, half)


def _in_halves(rows: Any, labels: Any, half: int) -> Case:
    return Case(rows[:half], labels[:half], rows[half:], labels[half:])


def as_pixels(levels: Any) -> Any:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
