"""Fits: whether they are one, and better than no model."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression as SklearnRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from imlogit import LogisticRegression, LogisticRegressionCV, check_arrays
from imlogit.checks.finding import Status

from helpers.findings import failed_codes, scaled_rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_fit_that_stopped_after_a_step_and_says_no(parts):
    images, digits, test, truth = parts
    hasty = SklearnRegression(tol=0.1, max_iter=1).fit(scaled_rows(images), digits == 2)
    found = check_arrays(scaled_rows(images), digits, scaled_rows(test), truth, hasty, 2)
    assert {"not-converged", "no-better-than-base-rate"} <= failed_codes(found)


def test_a_converged_one_passes(parts):
    images, digits, test, truth = parts
    rows = scaled_rows(images), digits == 2, scaled_rows(test), truth == 2
    for model in (SklearnRegression(max_iter=1000), LogisticRegression()):
        found = check_arrays(*rows, model.fit(*rows[:2]))
        assert failed_codes(found) == set()
        assert found["not-converged"].status is Status.PASSED


@pytest.mark.parametrize("how", [{}, {"class_weight": "balanced"}, {"fit_intercept": False}])
def test_the_gap_of_another_librarys_fit(parts, how):
    images, digits, *_ = parts
    rows = scaled_rows(images)
    for labels in (digits == 2, digits):
        loose = SklearnRegression(tol=1e-9, max_iter=2, **how).fit(rows, labels)
        tight = SklearnRegression(tol=1e-9, max_iter=5000, **how).fit(rows, labels)
        assert check_arrays(rows, labels, estimator=loose)["not-converged"].failed
        found = check_arrays(rows, labels, estimator=tight)["not-converged"]
        assert not found.failed
        assert float(found.sentence.split()[-1].rstrip(".")) < 1e-5


def test_pipelines_are_seen_through(parts):
    images, digits, test, truth = parts
    rows = scaled_rows(images), digits == 2, scaled_rows(test), truth == 2
    hasty = make_pipeline(StandardScaler(), SklearnRegression(max_iter=1)).fit(*rows[:2])
    assert check_arrays(*rows, hasty)["not-converged"].failed


def test_other_classifiers_have_no_gap(parts):
    images, digits, test, truth = parts
    rows = scaled_rows(images), digits == 2, scaled_rows(test), truth == 2
    found = check_arrays(*rows, DummyClassifier().fit(*rows[:2]))
    assert found["not-converged"].status is Status.NOT_APPLICABLE
    assert failed_codes(found) == {"no-better-than-base-rate"}


def test_separation():
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    model = LogisticRegression(C=np.inf).fit(x, [0, 0, 1, 1])
    assert "separable" in check_arrays(x, [0, 0, 1, 1], estimator=model).codes


@pytest.mark.parametrize(("Cs", "code"), [([1e-6, 1e-5], True), ([1e-6, 0.1, 1e6], False)])
def test_the_edge_of_a_grid(parts, Cs, code):
    images, digits, *_ = parts
    rows, labels = scaled_rows(images), digits == 2
    searches = (
        LogisticRegressionCV(Cs=Cs, cv=3),
        GridSearchCV(SklearnRegression(max_iter=500), {"C": Cs}, cv=3, scoring="neg_log_loss"),
    )
    for search in searches:
        found = check_arrays(rows, labels, estimator=search.fit(rows, labels))
        assert found["grid-edge"].failed is code
        assert found["grid-edge"].status is not Status.NOT_APPLICABLE
