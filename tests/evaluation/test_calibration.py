"""Reliability curves, by hand."""

import math

import numpy as np
import pytest
from scipy.special import expit

from imlogit.evaluation.calibration import error_interval, reliability
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


def drawn(rng, n, slope):
    """The reliability of n images of a model that is calibrated where slope is 1."""
    margin = 2.5 * rng.normal(size=n)
    return reliability(
        (rng.random(n) < expit(margin)).astype(int), two_columns(expit(slope * margin))
    )


@pytest.mark.once
@pytest.mark.parametrize("slope", [1.0, 1.5])
def test_the_interval_of_the_error_holds_it(rng, slope):
    """That of a perfectly calibrated model is 0, which no sample's is."""
    margin = 2.5 * np.random.default_rng(1).normal(size=400_000)
    claimed, true = expit(slope * margin), expit(margin)
    apart = np.bincount((claimed * 10).astype(int), weights=claimed - true)
    truth = float(np.abs(apart).sum() / len(margin)) if slope != 1 else 0.0
    found = [error_interval(drawn(rng, 500, slope)) for _ in range(200)]
    assert 0.9 <= np.mean([low <= truth <= high for low, high in found]) <= 0.995
    # a model that is out by as much is not taken for a calibrated one
    out = np.mean([low > 0 for low, _ in found])
    assert out > 0.8 if truth else out < 0.08


@pytest.mark.parametrize(
    ("claims", "codes"),
    [([0.5] * 20, [0, 1] * 10), ([1.0] * 20, [1] * 20), ([0.0, 1.0] * 3, [0, 1] * 3)],
)
def test_an_error_of_0_has_an_interval_all_the_same(claims, codes):
    low, high = error_interval(reliability(np.array(codes), two_columns(claims)))
    assert low == 0
    # no more than what so many images would have shown
    assert 0.5 / len(codes) < high < 3 / math.sqrt(len(codes))
