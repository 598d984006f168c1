"""What a classifier's classes mean for the labels, however its target was written."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.linear_model import LogisticRegressionCV as PeerCV

from imlogit import LogisticRegression, check_arrays
from imlogit.checks.finding import Status

from helpers.findings import scaled_rows

CODE = "no-better-than-base-rate"
TARGETS = {
    "bool": lambda y, label: y == label,
    "1 and 0": lambda y, label: (y == label).astype(int),
    "1 and -1": lambda y, label: np.where(y == label, 1, -1),
    "2.0 and 1.0": lambda y, label: np.where(y == label, 2.0, 1.0),
    "yes after no": lambda y, label: np.where(y == label, "yes", "no"),
    "yes before no": lambda y, label: np.where(y == label, "a seven", "other"),
}


@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("target", TARGETS)
def test_the_share_of_right_answers_is_the_models(parts, label, target):
    images, digits, test, truth = parts
    rows, others = (scaled_rows(some[:, ::2, ::2]) for some in (images, test))
    of = TARGETS[target]
    model = Peer(max_iter=1000).fit(rows, of(digits, label))
    right = model.score(others, of(truth, label))
    found = check_arrays(rows, digits, others, truth, model, label)
    assert right > 0.95
    assert f"right for {right:.2%} of the test part" in found[CODE].sentence
    assert found["not-converged"].status is Status.PASSED


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("target", TARGETS)
def test_labels_that_are_0_and_1_themselves(parts, label, target):
    images, digits, test, truth = parts
    rows, others = (scaled_rows(some[:, ::2, ::2]) for some in (images, test))
    odd, odd_truth = digits % 2, truth % 2
    model = Peer(max_iter=1000).fit(rows, TARGETS[target](odd, label))
    right = model.score(others, TARGETS[target](odd_truth, label))
    found = check_arrays(rows, odd, others, odd_truth, model, label)
    assert f"right for {right:.2%} of the test part" in found[CODE].sentence


@pytest.mark.parametrize("label", [0, "0", 2])
def test_labels_that_are_the_target_already(parts, label):
    images, digits, test, truth = parts
    model = LogisticRegression().fit(images, digits == int(label))
    rows = images, digits == int(label), test, truth == int(label)
    found = check_arrays(*rows, model, label)
    right = model.score(test, truth == int(label))
    assert f"right for {right:.2%} of the test part" in found[CODE].sentence
    assert f"Always answering 'not {label}'" in found["base-rate"].sentence
    assert not found["label-type"].failed


def test_classes_that_are_none_of_the_labels_are_not_scored(parts):
    images, digits, test, truth = parts
    model = LogisticRegression().fit(images, digits == 0)
    found = check_arrays(images, digits, test, truth, model)
    assert found[CODE].status is Status.NOT_APPLICABLE


# newer ones warn of what their defaults will be
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_search_by_scikit_learn_as_it_is(parts):
    images, digits, *_ = parts
    rows = scaled_rows(images)[:, ::20]
    search = PeerCV(Cs=3, cv=3, max_iter=2000).fit(rows, digits)
    found = check_arrays(rows, digits, rows, digits, search)
    assert found["not-converged"].status is Status.PASSED
    assert found[CODE].status is Status.PASSED
