"""Scores against scikit-learn's, and the cases in which a figure has no value."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics

from imlogit.errors import DataError
from imlogit.evaluation.intervals import wilson
from imlogit.evaluation.scores import NAMES, score

from helpers.probabilities import two_columns


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
    assert tuple(everything) == tuple(NAMES)
    for name in NAMES:
        assert score(codes, p, only=[name]).to_dict()["values"] == {name: everything[name]}


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


def test_figures_whose_resamples_are_undefined_have_no_interval():
    """Thirty classes with an image each, none of them found: JSON knows no nan."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(30), size=30)
    found = score(np.arange(30), p, intervals=True)
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert "NaN" not in text
