"""Scores against scikit-learn, known intervals, and the cases in which a figure has no value."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from imlogit.evaluate.intervals import wilson
from imlogit.evaluate.scores import NAMES, score


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
    with pytest.raises(ValueError, match="2 labels for 3 rows"):
        score(np.zeros(2, dtype=int), np.full((3, 2), 0.5))
    with pytest.raises(ValueError, match="no images"):
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
