"""Scores against scikit-learn, known intervals, and the cases in which a figure has no value."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn import metrics

from imlogit.errors import DataError
from imlogit.evaluation.calibration import reliability
from imlogit.evaluation.intervals import delong, wilson
from imlogit.evaluation.score_intervals import MOST_ROWS
from imlogit.evaluation.scores import NAMES, score


def two_columns(p):
    return np.stack([1 - np.asarray(p), np.asarray(p)], axis=1)


def test_wilsons_interval_by_hand():
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@given(trials=st.integers(1, 10**7), data=st.data())
def test_wilsons_interval_holds_the_share(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    mirrored = wilson(trials - successes, trials)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-12)


def test_two_classes_agree_with_scikit_learn(rng):
    codes = (rng.random(400) < 0.3).astype(int)
    p = np.clip(0.3 * codes + rng.random(400) * 0.7, 0, 1)
    found, predicted = score(codes, two_columns(p)), (p > 0.5).astype(int)
    expected = {
        "accuracy": metrics.accuracy_score(codes, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(codes, predicted),
        "precision": metrics.precision_score(codes, predicted),
        "recall": metrics.recall_score(codes, predicted),
        "f1": metrics.f1_score(codes, predicted),
        "roc_auc": metrics.roc_auc_score(codes, p),
        "average_precision": metrics.average_precision_score(codes, p),
        "log_loss": metrics.log_loss(codes, p),
        "brier": metrics.brier_score_loss(codes, p),
    }
    values = {name: s.value for name, s in found.values.items()}
    assert 0 < values.pop("calibration_error") < 1
    assert values == pytest.approx(expected)
    assert found.base_rate == pytest.approx(1 - codes.mean())
    np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(codes, predicted))
    right, called = int((codes == predicted).sum()), int(predicted.sum())
    assert (found["accuracy"].low, found["accuracy"].high) == wilson(right, 400)
    both = int((codes & predicted).sum())
    assert (found["precision"].low, found["precision"].high) == wilson(both, called)
    assert (found["recall"].low, found["recall"].high) == wilson(both, int(codes.sum()))


def test_many_classes_agree_with_scikit_learn(rng):
    codes = rng.integers(0, 4, 300)
    p = rng.dirichlet(np.ones(4), 300) + np.eye(4)[codes] * 0.4
    p /= p.sum(axis=1, keepdims=True)
    found, predicted = score(codes, p), p.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(codes, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(codes, predicted),
        "precision": metrics.precision_score(codes, predicted, average="macro"),
        "recall": metrics.recall_score(codes, predicted, average="macro"),
        "f1": metrics.f1_score(codes, predicted, average="macro"),
        "roc_auc": metrics.roc_auc_score(codes, p, multi_class="ovr"),
        "average_precision": metrics.average_precision_score(np.eye(4)[codes], p),
        "log_loss": metrics.log_loss(codes, p),
        "brier": ((p - np.eye(4)[codes]) ** 2).sum(axis=1).mean(),
    }
    values = {name: s.value for name, s in found.values.items()}
    assert 0 < values.pop("calibration_error") < 1
    assert values == pytest.approx(expected)


def test_nothing_called_positive_has_no_precision():
    found = score(np.array([0, 0, 1]), two_columns([0.1, 0.2, 0.3]))
    assert math.isnan(found["precision"].value)
    assert found["recall"].value == 0
    assert found["f1"].value == 0


def test_one_class_only_has_no_area():
    found = score(np.zeros(3, dtype=int), two_columns([0.1, 0.2, 0.9]))
    assert math.isnan(found["roc_auc"].value)
    assert math.isnan(found["recall"].value)
    assert found.base_rate == 1


def test_plain_numbers_are_valid_json():
    plain = score(np.array([0, 1, 0]), two_columns([0.1, 0.2, 0.3])).to_dict()
    text = json.dumps(plain, allow_nan=False)
    assert json.loads(text)["values"]["precision"]["value"] is None


def test_lengths_that_differ_and_no_images():
    with pytest.raises(DataError, match="2 labels for 3 rows"):
        score(np.zeros(2, dtype=int), np.full((3, 2), 0.5))
    with pytest.raises(DataError, match="no images"):
        score(np.zeros(0, dtype=int), np.zeros((0, 2)))


def test_only_what_is_wanted(rng):
    p = rng.dirichlet(np.ones(3), 40)
    codes = rng.integers(0, 3, 40)
    everything = score(codes, p).to_dict()["values"]
    assert tuple(everything) == NAMES
    for name in NAMES:
        assert score(codes, p, only=[name]).to_dict()["values"] == {name: everything[name]}


@given(
    positive=st.lists(st.booleans(), min_size=2, max_size=60).filter(lambda y: len(set(y)) == 2),
    data=st.data(),
)
def test_areas_with_ties_agree_with_scikit_learn(positive, data):
    codes, n = np.array(positive, dtype=int), len(positive)
    p = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))) / 5
    found = score(codes, two_columns(p))
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(codes, p))
    assert found["average_precision"].value == pytest.approx(
        metrics.average_precision_score(codes, p)
    )


def draw(rng, n):
    """Labels and probabilities that are a little too sure of themselves."""
    margin = rng.normal(size=n) * 2.5 - 2
    return (rng.random(n) < expit(margin)).astype(int), two_columns(expit(1.3 * margin))


def test_delongs_interval_by_its_definition(rng):
    codes, p = draw(rng, 300)
    scores = np.round(p[:, 1], 2)  # with ties
    one, other = scores[codes == 1][:, None], scores[codes == 0]
    order = (one > other) + 0.5 * (one == other)
    area = order.mean()
    variance = order.mean(axis=1).var(ddof=1) / len(one)
    variance += order.mean(axis=0).var(ddof=1) / len(other)
    half = 1.959964 * math.sqrt(variance) / (area * (1 - area))
    expected = expit(logit(area) - half), expit(logit(area) + half)
    assert delong(codes == 1, scores) == pytest.approx(expected, abs=1e-7)


def test_an_area_without_variance():
    positive = np.arange(40) < 10
    assert delong(positive, positive * 1.0) == wilson(10, 10)
    assert delong(positive, ~positive * 1.0) == wilson(0, 10)
    assert all(map(math.isnan, delong(np.ones(3, dtype=bool), np.arange(3.0))))


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
        assert one.high - one.low < 0.4, name
        assert one.interval in ("Wilson", "DeLong", "bootstrap")
    assert score(codes, p, origin="test", intervals=True).to_dict() == found.to_dict()
    assert found["accuracy"].interval == "Wilson"
    assert found["roc_auc"].interval == ("DeLong" if n_classes == 2 else "bootstrap")


def test_intervals_of_many_images_are_as_narrow_as_they_should_be(rng):
    """More images than the bootstrap draws from: the spread is scaled."""
    n = 4 * MOST_ROWS
    codes, p = draw(rng, n)
    found = score(codes, p, ["log_loss"], intervals=True)["log_loss"]
    terms = -np.log(p[np.arange(n), codes])
    expected = 2 * 1.96 * terms.std() / math.sqrt(n)
    assert found.high - found.low == pytest.approx(expected, rel=0.2)


def test_intervals_cover_the_truth(rng):
    """In about 95 of 100 samples; benchmarks.checks simulates more of them."""
    truth = score(*draw(rng, 200_000))
    names = ["balanced_accuracy", "roc_auc", "average_precision", "brier"]
    hits = dict.fromkeys(names, 0)
    for _ in range(100):
        found = score(*draw(rng, 600), names, intervals=True)
        for name in names:
            hits[name] += found[name].low <= truth[name].value <= found[name].high
    assert all(87 <= count <= 100 for count in hits.values()), hits


def test_a_threshold_moves_the_decision():
    p = two_columns([0.2, 0.6, 0.7, 0.9])
    found = score(np.array([0, 0, 1, 1]), p, threshold=0.65)
    assert found.confusion.tolist() == [[2, 0], [0, 2]]
    assert score(np.array([0, 0, 1, 1]), p).confusion.tolist() == [[1, 1], [0, 2]]


def test_figures_of_each_class(rng):
    codes = rng.integers(0, 3, 200)
    p = rng.dirichlet(np.ones(3), 200) + np.eye(3)[codes] * 0.4
    p /= p.sum(axis=1, keepdims=True)
    found = score(codes, p).by_class()
    expected = metrics.precision_recall_fscore_support(codes, p.argmax(axis=1))
    assert [one.precision.value for one in found] == pytest.approx(expected[0])
    assert [one.recall.value for one in found] == pytest.approx(expected[1])
    assert [one.f1.value for one in found] == pytest.approx(expected[2])
    assert [one.n for one in found] == expected[3].tolist()
    right = int(((codes == 1) & (p.argmax(axis=1) == 1)).sum())
    assert (found[1].recall.low, found[1].recall.high) == wilson(right, int((codes == 1).sum()))


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
