"""Otsu's threshold, by hand."""

import numpy as np
import pytest

from imlogit.data.images.otsu import split_levels


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([10, 10, 200, 200], (10, 1.0)),
        ([7, 7, 7], (0, 0.0)),
        ([0, 2, 4], (0, 0.75)),
    ],
)
def test_the_variance_that_two_levels_explain(levels, expected):
    assert split_levels(np.array(levels)) == pytest.approx(expected)


def test_it_is_the_best_of_all_thresholds(rng):
    levels = rng.integers(0, 256, 300).astype(float)
    threshold, explained = split_levels(levels)
    shares = []
    for cut in range(255):
        parts = [part for part in (levels[levels <= cut], levels[levels > cut]) if part.size]
        between = sum(part.size * (part.mean() - levels.mean()) ** 2 for part in parts)
        shares.append(between / (levels.size * levels.var()))
    assert explained == pytest.approx(max(shares))
    assert shares[threshold] == pytest.approx(max(shares))
