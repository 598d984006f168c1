"""Checks of drift: a test part that was drawn differently from the training part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlogit.checks.finding import Outcome, failed, not_applicable, passed
from imlogit.checks.material import Material

# Chance alone explains what is seen with less than this probability...
SIGNIFICANCE = 1e-3
# ...and the difference is large enough to matter: a share of the labels, and deviations.
LABELS_MOVED = 0.05
BRIGHTNESS_MOVED = 0.2
NO_TEST = "There is no test part."


def class_mix(material: Material) -> Outcome:
    """Check that the classes are as frequent in the test part as in the training part."""
    if material.test is None:
        return not_applicable(NO_TEST)
    counts = _table(material.training.labels, material.test.labels)
    if counts.shape[1] < 2:
        return not_applicable("There is one class only.")
    from scipy.stats import chi2_contingency

    p = float(chi2_contingency(counts).pvalue)
    shares = counts / counts.sum(axis=1, keepdims=True)
    moved = 0.5 * float(np.abs(shares[0] - shares[1]).sum())
    said = f"{moved:.1%} of the labels would have to change to make the mixes equal (p = {p:.2g})"
    if p < SIGNIFICANCE and moved > LABELS_MOVED:
        return failed(
            f"{said}: the parts were drawn differently.",
            "Draw the test part at random from the same images, or expect other figures in use.",
        )
    return passed(f"{said}.")


def brightness_shift(material: Material) -> Outcome:
    """Check that the test images are as bright as the training images."""
    if material.test is None:
        return not_applicable(NO_TEST)
    if not material.has_images:
        return not_applicable("The rows are not images.")
    one, other = (part.levels.mean for part in material.parts)
    if min(len(one), len(other)) < 2 or np.ptp(np.concatenate([one, other])) == 0:
        return not_applicable("There are too few images, or all are of one brightness.")
    p, effect = _difference(one, other)
    said = (
        f"The test images' mean grey level is {other.mean():.1f}, the training images' "
        f"{one.mean():.1f}: {abs(effect):.2f} deviations apart (p = {p:.2g})"
    )
    if p < SIGNIFICANCE and abs(effect) > BRIGHTNESS_MOVED:
        return failed(
            f"{said}. The parts were taken, or prepared, differently.",
            "Prepare both parts in the same way, or expect other figures in use.",
        )
    return passed(f"{said}.")


def _table(*labels: NDArray[np.generic]) -> NDArray[np.intp]:
    """Count the labels of each part, shape (parts, classes)."""
    texts = [part.astype(str) for part in labels]
    known = np.unique(np.concatenate(texts))
    return np.stack([np.bincount(np.searchsorted(known, t), minlength=len(known)) for t in texts])


def _difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """Return Welch's p and Cohen's d."""
    from scipy.stats import ttest_ind

    p = float(ttest_ind(one, other, equal_var=False).pvalue)
    pooled = np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)
    return p, float((other.mean() - one.mean()) / pooled) if pooled > 0 else float("inf")
