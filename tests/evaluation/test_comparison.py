"""Two models on the same images, by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest

from imlogit.errors import DataError
from imlogit.evaluation.comparison import compare_probabilities


def test_by_hand(rng):
    codes = rng.integers(0, 2, 200)
    right = np.where(codes[:, None] == [0, 1], 0.9, 0.1)
    first, second = right.copy(), right.copy()
    first[:15], second[10:20] = 1 - right[:15], 1 - right[10:20]
    found = compare_probabilities(codes, first, second)
    assert (found.only_first, found.only_second) == (5, 10)
    assert found.p_value == pytest.approx(binomtest(10, 15).pvalue)
    assert found.accuracy.value == pytest.approx(0.025)
    assert found.accuracy.low < 0.025 < found.accuracy.high
    assert found.log_loss.value == pytest.approx(-0.025 * np.log(9))


def test_shapes_that_differ():
    with pytest.raises(DataError, match="shapes"):
        compare_probabilities(np.zeros(2, dtype=int), np.full((2, 2), 0.5), np.full((2, 3), 0.3))
