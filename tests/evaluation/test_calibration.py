"""Reliability curves, by hand."""

import numpy as np
import pytest

from imlogit.evaluation.calibration import reliability
from imlogit.evaluation.intervals import wilson
from imlogit.evaluation.scores import score

from helpers.probabilities import two_columns


def test_a_reliability_curve_by_hand():
    p = two_columns([0.02, 0.04, 0.31, 0.39, 1.0])
    curve = reliability(np.array([0, 1, 0, 0, 1]), p)
    assert curve.count.tolist() == [2, 0, 0, 2, 0, 0, 0, 0, 0, 1]
    assert curve.claimed[[0, 3, 9]] == pytest.approx([0.03, 0.35, 1.0])
    assert curve.observed[[0, 3, 9]] == pytest.approx([0.5, 0.0, 1.0])
    assert (curve.low[0], curve.high[0]) == wilson(1, 2)
    assert curve.expected_error == pytest.approx((2 * 0.47 + 2 * 0.35) / 5)
    assert score(np.array([0, 1, 0, 0, 1]), p)["calibration_error"].value == curve.expected_error
    assert [one["n"] for one in curve.to_dict()] == [2, 2, 1]


def test_many_classes_are_calibrated_by_their_most_probable_one():
    p = np.array([[0.72, 0.2, 0.08], [0.1, 0.78, 0.12], [0.3, 0.3, 0.4]])
    curve = reliability(np.array([0, 2, 2]), p)
    assert curve.count[[7, 4]].tolist() == [2, 1]
    assert curve.observed[[7, 4]].tolist() == [0.5, 1.0]
