"""Two models on the same rows of any number of labels."""

import numpy as np
import pytest

from imlogit.errors import DataError
from imlogit.evaluation.label_comparison import compare_label_probabilities, precision_difference

NAMES = ("sea", "sky", "sun")
MANY = 60_000


def made(rng, n, apart=(1.0, 1.4)):
    """Labels, and two models' margins of them, whose noise has much in common."""
    labels = (rng.normal(size=(n, 3)) + 0.5 * rng.normal(size=(n, 1)) > 1).astype(int)
    noise = rng.normal(size=(n, 3))
    return labels, *(labels * by + noise + 0.6 * rng.normal(size=(n, 3)) for by in apart)


def test_a_model_is_not_better_than_itself(rng):
    labels, margins, _ = made(rng, 200)
    p = 1 / (1 + np.exp(-margins))
    found = compare_label_probabilities(NAMES, labels, p, p)
    assert (found.only_first, found.only_second, found.p_value) == (0, 0, 1.0)
    assert found.average_precision.value == found.exact.value == 0
    assert list(found.by_label) == list(NAMES)
    assert "do not show that one has the higher mean average precision" in found.in_words()


@pytest.mark.once
def test_intervals_hold_the_truth(rng):
    truth = precision_difference(*made(rng, MANY)).value
    found = [precision_difference(*made(rng, 150)) for _ in range(200)]
    held = np.mean([one.low <= truth <= one.high for one in found])
    # 190 of 200, and what chance does to that
    assert 0.91 <= held <= 0.99


def test_other_rows_are_refused(rng):
    labels, first, second = made(rng, 50)
    with pytest.raises(DataError, match="probabilities"):
        compare_label_probabilities(NAMES, labels, first, second[:-1])
