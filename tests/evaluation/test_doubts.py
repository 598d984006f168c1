"""Doubtful labels, by hand and where labels are known to be wrong."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from imlogit import LogisticRegression, cross_validate
from imlogit.errors import DataError
from imlogit.evaluation.doubts import find_doubts


def test_by_hand():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.6, 0.4], [np.nan, np.nan]])
    found = find_doubts(np.array([0, 0, 1, 1, 0]), p)
    assert found.rows.tolist() == [1, 3, 0, 2]
    assert found.given.tolist() == [0, 1, 0, 1]
    assert found.suggested.tolist() == [1, 0, 1, 0]
    assert found.confidence == pytest.approx([0.2, 0.4, 0.9, 0.9])
    assert found.margin == pytest.approx([-0.6, -0.2, 0.8, 0.8])
    # one certain mistake and one right label of each class: Bayes' rule changes nothing
    assert found.trust == pytest.approx(found.confidence)
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


def test_trust_by_hand():
    """Of three images that are surely of class 1, one bears the label 0; none the reverse."""
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.05, 0.95], [0.1, 0.9], [0.1, 0.9]])
    given = np.array([0, 0, 0, 1, 1])
    found = find_doubts(given, p)
    assert found.rows[found.confident].tolist() == [2]
    # given 0: 2 + 1 of class 0 and 1 + 1 of class 1; given 1: 0 + 1 and 2 + 1
    borne = np.array([[3 / 4, 2 / 5], [1 / 4, 3 / 5]])
    truth = p * borne[given]
    trust = truth[np.arange(5), given] / truth.sum(axis=1)
    order = np.argsort(trust, kind="stable")
    assert found.rows.tolist() == order.tolist()
    assert found.trust == pytest.approx(trust[order])


@pytest.mark.parametrize(
    ("ranking", "rows"), [("confidence", [2, 1, 0, 3]), ("margin", [1, 2, 0, 3])]
)
def test_rankings_differ_by_the_other_classes(ranking, rows):
    """The second has the third's probability and a surer rival."""
    p = np.array([[0.5, 0.4, 0.1], [0.3, 0.7, 0.0], [0.29, 0.36, 0.35], [0.0, 0.9, 0.1]])
    assert find_doubts(np.array([0, 0, 0, 1]), p, ranking).rows.tolist() == rows


@pytest.mark.parametrize("n_classes", [2, 3, 7, 10])
def test_probabilities_that_say_nothing_make_no_label_doubtful(n_classes):
    given = np.arange(5 * n_classes) % n_classes
    rng = np.random.default_rng(0)
    for p in (
        np.full((len(given), n_classes), 1 / n_classes),
        1 / n_classes + 1e-12 * rng.standard_normal((len(given), n_classes)),
    ):
        assert not find_doubts(given, p).confident.any()


def test_a_tie_with_another_class_is_no_doubt():
    p = np.array([[0.5, 0.5], [0.5, 0.5], [0.8, 0.2], [0.4, 0.6]])
    assert not find_doubts(np.array([1, 0, 0, 1]), p).confident.any()


@pytest.mark.parametrize("pairs", [{4: 9}, {2: 7, 3: 8, 5: 6, 6: 5, 7: 1}])
def test_mistakes_with_a_system_come_first(embedded, pairs):
    rng = np.random.default_rng(0)
    called = np.array([pairs.get(digit, digit) for digit in range(10)])
    chosen = rng.random(5000) < 0.25
    labels = np.where(chosen, called[embedded.labels], embedded.labels)
    model = LogisticRegression(C=0.03, random_state=0)
    found = find_doubts(labels, cross_validate(model, embedded.images, labels, cv=3).probabilities)
    wrong = (labels != embedded.labels)[found.rows]
    by_trust, by_confidence = (
        average_precision_score(wrong, -rank) for rank in (found.trust, found.confidence)
    )
    assert by_trust > by_confidence + 0.25
    assert (found.suggested == embedded.labels[found.rows])[wrong].mean() > 0.95


def test_nothing_held_out_and_lengths_that_differ():
    with pytest.raises(DataError, match="no image was held out"):
        find_doubts(np.zeros(2, dtype=int), np.full((2, 2), np.nan))
    with pytest.raises(DataError, match="3 labels for 2 rows"):
        find_doubts(np.zeros(3, dtype=int), np.full((2, 2), 0.5))
