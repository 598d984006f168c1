"""Metadata routing: weights, groups and others go where scikit-learn would send them."""

import numpy as np
import pytest
import sklearn
from sklearn import config_context
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegressionCV as SklearnCV
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.model_selection import cross_validate as sklearn_cross_validate
from sklearn.utils.fixes import parse_version

from imlogit import LogisticRegression, LogisticRegressionCV, ParameterError, cross_validate

pytestmark = pytest.mark.filterwarnings("ignore::imlogit.GridEdgeWarning", "ignore::FutureWarning")
CS = [0.01, 1.0]
CV = StratifiedKFold(3)


@pytest.fixture
def data(rng):
    X = rng.normal(size=(120, 4))
    y = (X[:, 0] + rng.normal(size=120) > 0).astype(int)
    return X, y, rng.integers(1, 6, 120).astype(float)


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


def both(scoring, cv=CV):
    """Our estimator and scikit-learn's, with the same scorer."""
    return (
        LogisticRegressionCV(CS, cv=cv, scoring=scoring, tol=1e-10),
        SklearnCV(Cs=CS, cv=cv, scoring=scoring, tol=1e-10, max_iter=1000),
    )


def scores_of(model):
    """Scores by fold and C; scikit-learn's are by class, and may have an axis for l1_ratios."""
    if isinstance(model.scores_, dict):
        return np.reshape(next(iter(model.scores_.values())), (-1, len(CS)))
    return np.reshape(model.scores_, (-1, len(CS)))


@pytest.mark.usefixtures("routing")
class TestScores:
    @pytest.mark.parametrize("name", ["accuracy", "neg_log_loss", "roc_auc"])
    @pytest.mark.parametrize("asked", [True, False])
    def test_weights_go_to_a_scorer_that_asks_for_them(self, data, name, asked):
        X, y, weights = data
        scorer = get_scorer(name).set_score_request(sample_weight=asked)
        ours, theirs = (model.fit(X, y, sample_weight=weights) for model in both(scorer))
        np.testing.assert_allclose(scores_of(ours), scores_of(theirs), rtol=1e-4)
        given = {"sample_weight": weights} if asked else {}
        assert ours.score(X, y, **given) == pytest.approx(theirs.score(X, y, **given), rel=1e-4)

    def test_asked_and_refused_differ(self, data):
        X, y, weights = data
        scores = []
        for asked in (True, False):
            scorer = get_scorer("accuracy").set_score_request(sample_weight=asked)
            scores.append(both(scorer)[0].fit(X, y, sample_weight=weights).scores_)
        assert (scores[0] != scores[1]).any()

    @pytest.mark.skipif(
        parse_version(sklearn.__version__) < parse_version("1.9"),
        reason="scikit-learn let weights pass that nobody asked for",
    )
    @pytest.mark.parametrize("scoring", ["accuracy", get_scorer("neg_log_loss")])
    def test_neither_is_an_error(self, data, scoring):
        X, y, weights = data
        errors = []
        for model in both(scoring):
            for call in (model.fit, model.fit(X, y).score):
                try:
                    errors.append(call(X, y, sample_weight=weights) and None)
                except UnsetMetadataPassedError as error:
                    errors.append(str(error).split(" for ")[0])
        assert errors[:2] == errors[2:]
        assert None not in errors

    def test_an_alias(self, data):
        X, y, weights = data
        scorer = get_scorer("accuracy").set_score_request(sample_weight="other")
        ours, theirs = (model.fit(X, y, other=weights) for model in both(scorer))
        np.testing.assert_array_equal(scores_of(ours), scores_of(theirs))
        assert ours.score(X, y, other=weights) == theirs.score(X, y, other=weights)

    def test_metadata_of_a_scorer_of_ones_own(self, data):
        X, y, _ = data
        seen = []

        def own(true, predicted, prices, currency):
            seen.append((len(prices), currency))
            return accuracy_score(true, predicted, sample_weight=prices)

        scorer = make_scorer(own).set_score_request(prices=True, currency=True)
        for model in both(scorer):
            model.fit(X, y, prices=np.arange(120).tolist(), currency="EUR")
        assert seen == [(40, "EUR")] * len(seen)

    def test_what_nobody_takes(self, data):
        X, y, weights = data
        for model in both("accuracy"):
            with pytest.raises(TypeError, match=r"unexpected argument.*prices"):
                model.fit(X, y, prices=weights)


@pytest.mark.usefixtures("routing")
class TestGroups:
    def test_they_go_to_a_splitter_of_groups(self, data):
        X, y, _ = data
        groups = np.arange(120) % 6
        ours, theirs = (model.fit(X, y, groups=groups) for model in both("accuracy", GroupKFold(3)))
        np.testing.assert_array_equal(scores_of(ours), scores_of(theirs))
        assert len({tuple(np.unique(ours.folds_[groups == k])) for k in range(6)}) == 3

    def test_no_other_takes_them(self, data):
        X, y, _ = data
        for model in both("accuracy"):
            with pytest.raises(TypeError, match=r"unexpected argument.*groups"):
                model.fit(X, y, groups=y)

    def test_through_a_search(self, data):
        X, y, weights = data
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        groups = np.arange(120) % 6
        inner = both(scorer, GroupKFold(2))
        for model in inner:
            model.set_fit_request(sample_weight=True)
            search = GridSearchCV(model, {"Cs": [CS]}, cv=GroupKFold(3), scoring=scorer)
            search.fit(X, y, sample_weight=weights, groups=groups)
            assert search.best_score_ > 0.5


@pytest.mark.usefixtures("routing")
class TestCrossValidation:
    def test_weights_go_to_an_estimator_that_asks_for_them(self, data):
        X, y, weights = data
        model = LogisticRegression(tol=1e-10).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=False)  # ours counts every image once
        found = cross_validate(model, X, y, sample_weight=weights, cv=CV)
        theirs = sklearn_cross_validate(
            model, X, y, params={"sample_weight": weights}, cv=CV, return_estimator=True
        )
        p = [
            one.predict_proba(X[fold.test])
            for one, fold in zip(theirs["estimator"], found.folds, strict=True)
        ]
        for fold, own in zip(found.folds, p, strict=True):
            np.testing.assert_allclose(found.probabilities[fold.test], own, atol=1e-5)

    @pytest.mark.parametrize(
        ("asked", "error"), [(None, UnsetMetadataPassedError), (False, TypeError), ("w", TypeError)]
    )
    def test_no_other_takes_them(self, data, asked, error):
        X, y, weights = data
        model = LogisticRegression().set_fit_request(sample_weight=asked)
        model.set_score_request(sample_weight=False)
        with pytest.raises(error):
            cross_validate(model, X, y, sample_weight=weights, cv=CV)
        with pytest.raises(error):
            sklearn_cross_validate(model, X, y, params={"sample_weight": weights}, cv=CV)

    def test_groups(self, data):
        X, y, _ = data
        groups = np.arange(120) % 6
        found = cross_validate(LogisticRegression(), X, y, groups=groups, cv=GroupKFold(3))
        assert len(found.folds) == 3


def test_without_routing_weights_go_everywhere_and_others_nowhere(data):
    X, y, weights = data
    ours, theirs = (model.fit(X, y, sample_weight=weights) for model in both("accuracy"))
    np.testing.assert_array_equal(scores_of(ours), scores_of(theirs))
    for call in (ours.fit, ours.score):
        with pytest.raises(ParameterError, match=r"prices=.*is only supported if") as error:
            call(X, y, prices=weights)
        assert error.value.parameter == "prices"
