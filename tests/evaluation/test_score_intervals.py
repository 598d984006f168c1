"""Intervals of scores: they hold the figure and the truth, and none is a point."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax

from imlogit.evaluation.curve_areas import area_terms
from imlogit.evaluation.intervals import wilson
from imlogit.evaluation.score_intervals import delong, f1_interval, shares_interval
from imlogit.evaluation.scores import NAMES, score

from helpers.probabilities import draw_answers, two_columns

LOSSES = {"log_loss", "brier"}


@pytest.mark.parametrize("n_classes", [2, 5])
def test_every_figure_has_an_interval_that_holds_it(rng, n_classes):
    codes = rng.integers(0, n_classes, 500)
    p = rng.dirichlet(np.ones(n_classes), 500) + np.eye(n_classes)[codes] * 0.5
    p /= p.sum(axis=1, keepdims=True)
    found = score(codes, p, origin="test", intervals=True)
    assert found.origin == "test"
    for name in NAMES:
        one = found[name]
        assert one.low <= one.value <= one.high, name
        assert 0 < one.high - one.low < 0.4, name
    assert score(codes, p, origin="test", intervals=True).to_dict() == found.to_dict()
    by = {name: str(found[name].interval) for name in NAMES}
    many = "effective size"
    assert by == {
        "accuracy": "Wilson",
        "balanced_accuracy": "Newcombe" if n_classes == 2 else many,
        "precision": "Wilson" if n_classes == 2 else many,
        "recall": "Wilson" if n_classes == 2 else many,
        "f1": "Wilson" if n_classes == 2 else many,
        "roc_auc": "DeLong" if n_classes == 2 else many,
        "average_precision": many,
        "log_loss": "tilting",
        "brier": "tilting",
        "calibration_error": "inversion",
    }


@given(data=st.data(), n_classes=st.integers(2, 4), sure=st.booleans())
def test_no_interval_is_a_point_and_none_costs_the_run(data, n_classes, sure):
    """Of few images: one class only, all right, all wrong, all alike, certain of all."""
    codes = np.array(data.draw(st.lists(st.integers(0, n_classes - 1), min_size=1, max_size=9)))
    calls = st.lists(st.integers(0, n_classes - 1), min_size=len(codes), max_size=len(codes))
    p = np.eye(n_classes)[data.draw(calls)]
    if not sure:
        p = 0.4 * p + 0.6 / n_classes
    found = score(codes, p, intervals=True)
    of_classes = [getattr(one, name) for one in found.by_class() for name in ("recall", "f1")]
    for one in (*found.values.values(), *of_classes):
        assert (one.low is None) == (one.high is None) == (one.interval is None)
        if one.low is not None:
            assert one.low <= one.value <= one.high
            assert one.high - one.low > 1e-3
    assert all(found[name].low is not None for name in ("accuracy", *LOSSES, "calibration_error"))
    assert "NaN" not in json.dumps(found.to_dict())


def test_a_class_without_images_leaves_its_means_without_an_interval():
    p = np.full((12, 3), 0.2) + 0.4 * np.eye(3)[np.arange(12) % 2]
    found = score(np.arange(12) % 2, p, intervals=True)
    for name in ("balanced_accuracy", "recall", "precision", "f1"):
        assert found[name].value == 1
        assert found[name].low is None
    assert math.isnan(found["roc_auc"].value)


def test_f1_by_the_proportion_that_it_is_a_function_of():
    low, high = f1_interval(6, 20)  # 6 of 14 images that are called or are of the class
    assert [end / (2 - end) for end in (low, high)] == pytest.approx(wilson(6, 14))


def test_the_mean_of_two_shares_as_newcombe_has_it():
    (low, high), _ = shares_interval(np.array([9, 3]), np.array([10, 8]))
    one, other = wilson(9, 10), wilson(3, 8)
    middle = (0.9 + 0.375) / 2
    assert middle - low == pytest.approx(math.hypot(0.9 - one.low, 0.375 - other.low) / 2)
    assert high - middle == pytest.approx(math.hypot(one.high - 0.9, other.high - 0.375) / 2)


def test_the_interval_of_an_area_has_delongs_variance(rng):
    codes, p = draw_answers(rng, 4000)
    scores = np.round(p[:, 1], 2)  # with ties
    one, other = scores[codes == 1][:, None], scores[codes == 0]
    order = (one > other) + 0.5 * (one == other)
    variance = order.mean(axis=1).var(ddof=1) / len(one)
    variance += order.mean(axis=0).var(ddof=1) / len(other)
    low, high = delong(codes == 1, area_terms(codes == 1, scores))
    assert low < order.mean() < high
    assert high - low == pytest.approx(2 * 1.959964 * math.sqrt(variance), rel=0.02)


def test_an_area_without_variance():
    positive = np.arange(40) < 10
    low, high = delong(positive, area_terms(positive, positive * 1.0))
    assert high == 1
    assert wilson(10, 10).low < low < wilson(40, 40).low
    mirrored = delong(positive, area_terms(positive, positive * -1.0))
    assert mirrored == pytest.approx((0, 1 - low))


def rare(rng, n):
    """Two classes of which one is 10%, and a model that is a little too sure."""
    margin = 2.5 * rng.normal(size=n) - 3.93
    return (rng.random(n) < expit(margin)).astype(int), two_columns(expit(1.3 * margin + 0.2))


def several(rng, n):
    """Five classes, and a model that is calibrated."""
    p = softmax(4 * rng.normal(size=(n, 5)), axis=1)
    return (p.cumsum(axis=1)[:, :-1] < rng.random(n)[:, None]).sum(axis=1), p


@pytest.mark.once
@pytest.mark.parametrize(
    ("draw", "n", "names"),
    [
        (rare, 20, ("log_loss", "brier", "f1", "average_precision", "roc_auc")),
        (rare, 200, (*NAMES,)),
        (several, 60, (*NAMES,)),
        (draw_answers, 20_000, ("log_loss", "brier", "average_precision", "calibration_error")),
    ],
)
def test_intervals_cover_the_truth(draw, n, names):
    """Of 200 samples about 190; `benchmarks.coverage` simulates more."""
    large = [score(*draw(np.random.default_rng(seed), 200_000), names) for seed in range(5)]
    truth = {name: float(np.mean([one[name].value for one in large])) for name in names}
    if draw is several:
        truth["calibration_error"] = 0.0
    rng, hits, given = np.random.default_rng(0), dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for _ in range(200 if n < 20_000 else 100):
        found = score(*draw(rng, n), names, intervals=True)
        for name in names:
            if found[name].low is not None:
                given[name] += 1
                hits[name] += found[name].low <= truth[name] <= found[name].high
    # three errors of the simulation below 93%
    least = {name: 0.93 - 3 * math.sqrt(0.93 * 0.07 / given[name]) for name in names}
    assert {
        name: hits[name] / given[name] for name in names if hits[name] < least[name] * given[name]
    } == {}
