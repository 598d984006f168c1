"""Doubtful labels, by hand and where labels are known to be wrong."""

import numpy as np
import pytest

from imlogit import LogisticRegression, cross_validate
from imlogit.errors import DataError
from imlogit.evaluation.doubts import find_doubts


def test_by_hand():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.6, 0.4], [np.nan, np.nan]])
    found = find_doubts(np.array([0, 0, 1, 1, 0]), p)
    assert found.rows.tolist() == [1, 3, 0, 2]
    assert found.given.tolist() == [0, 1, 0, 1]
    assert found.likely.tolist() == [1, 0, 1, 0]
    assert found.confidence == pytest.approx([0.2, 0.4, 0.9, 0.9])
    assert found.margin == pytest.approx([-0.6, -0.2, 0.8, 0.8])
    # the classes' usual probabilities are 0.55 and 0.65
    assert found.confident.tolist() == [True, True, False, False]


def test_flipped_labels_come_first(embedded):
    rng = np.random.default_rng(0)
    flipped = rng.choice(5000, 100, replace=False)
    labels = embedded.labels.copy()
    labels[flipped] = (labels[flipped] + rng.integers(1, 10, 100)) % 10
    model = LogisticRegression(C=0.1, random_state=0)
    found = find_doubts(labels, cross_validate(model, embedded.images, labels, cv=3).probabilities)
    assert np.isin(found.rows[:200], flipped).sum() >= 80
    assert found.confident[:100].mean() > 0.6


def test_nothing_held_out_and_lengths_that_differ():
    with pytest.raises(DataError, match="no image was held out"):
        find_doubts(np.zeros(2, dtype=int), np.full((2, 2), np.nan))
    with pytest.raises(DataError, match="3 labels for 2 rows"):
        find_doubts(np.zeros(3, dtype=int), np.full((2, 2), 0.5))
