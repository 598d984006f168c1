"""The choice of C: scikit-learn's results, rules, warnings, and interruptions."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as PeerRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score

from imlogit import FitInterrupted, LogisticRegression, LogisticRegressionCV
from imlogit.errors import GridEdgeWarning
from imlogit.estimators import logistic_cv
from imlogit.estimators.c_grid import grid_of

CS = [1e-2, 1.0, 1e-3]


@pytest.fixture(scope="module")
def noisy(few):
    """The few images as rows, with labels partly at random: the best C is a small one."""
    images, y = few
    flipped = np.random.default_rng(3).random(len(y)) < 0.1
    return images.reshape(len(images), -1) / 255, y ^ flipped


@pytest.fixture(scope="module")
def folds(noisy):
    return list(StratifiedKFold(3, shuffle=True, random_state=0).split(*noisy))


@pytest.fixture(scope="module")
def fitted(noisy, folds):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridEdgeWarning)
        return LogisticRegressionCV(CS, cv=folds, tol=1e-10).fit(*noisy)


@pytest.mark.parametrize("scoring", [None, "accuracy", "roc_auc"])
def test_scores_are_scikit_learns(noisy, folds, scoring):
    found = LogisticRegressionCV([1e-2, 1e-3, 1e-4], cv=folds, tol=1e-10, scoring=scoring)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridEdgeWarning)
        found.fit(*noisy)
    for k, C in enumerate(found.Cs_):
        peer = PeerRegression(C=C, tol=1e-8, max_iter=10_000)
        name = scoring or "neg_log_loss"
        expected = cross_val_score(peer, *noisy, cv=folds, scoring=name)
        np.testing.assert_allclose(found.scores_[:, k], expected, atol=1e-4)
    assert found.C_ == found.Cs_[found.scores_.mean(axis=0).argmax()]


def test_the_model_is_the_fit_on_all_rows_at_the_chosen_value(noisy, fitted):
    alone = LogisticRegression(fitted.C_, tol=1e-10).fit(*noisy)
    np.testing.assert_allclose(fitted.coef_, alone.coef_, atol=1e-4)
    np.testing.assert_allclose(fitted.predict_proba(noisy[0]), alone.predict_proba(noisy[0]), 1e-4)
    assert fitted.certificate_.converged


def test_paths_are_refits_in_the_order_of_the_values(noisy, folds, fitted):
    assert fitted.Cs_.tolist() == CS
    assert fitted.coefs_paths_.shape == (3, 3, 1, 785)
    assert fitted.certificates_.shape == (4, 3)
    train, _ = folds[1]
    for k, C in enumerate(CS):
        alone = LogisticRegression(C, tol=1e-10).fit(noisy[0][train], noisy[1][train])
        np.testing.assert_allclose(fitted.coefs_paths_[1, k, :, :-1], alone.coef_, atol=1e-4)
        np.testing.assert_allclose(fitted.coefs_paths_[1, k, :, -1], alone.intercept_, atol=1e-3)


def test_the_rule_of_one_standard_error(noisy, folds, fitted):
    simple = clone(fitted).set_params(rule="one-standard-error").fit(*noisy)
    mean = simple.scores_.mean(axis=0)
    best = mean.argmax()
    error = simple.scores_[:, best].std(ddof=1) / np.sqrt(3)
    near = [C for C, value in zip(CS, mean, strict=True) if value >= mean[best] - error]
    assert simple.C_ == min(near)
    assert simple.path_.best == best


def test_a_best_value_at_the_edge_is_said(noisy, folds):
    model = LogisticRegressionCV([1.0, 10.0], cv=folds)
    with pytest.warns(GridEdgeWarning, match=r"1, is the smallest of the grid.*add smaller"):
        model.fit(*noisy)
    assert model.path_.edge == "low"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LogisticRegressionCV([1.0], cv=folds).fit(*noisy).path_.edge is None


def test_a_number_of_values():
    assert LogisticRegressionCV().get_params()["Cs"] == 10
    np.testing.assert_allclose(grid_of(3), [1e-4, 1, 1e4])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Cs": 0}, "Cs=0 must be"),
        ({"Cs": [1, -1]}, "positive numbers"),
        ({"Cs": []}, "positive numbers"),
        ({"Cs": "many"}, "positive numbers"),
        ({"rule": "worst"}, "rule='worst' must be one of"),
        ({"scoring": "beauty"}, "beauty"),
        ({"cv": 1000}, "cv=1000 folds"),
    ],
)
def test_parameters_out_of_range(noisy, parameters, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegressionCV(**({"Cs": 2, "cv": 2} | parameters)).fit(*noisy)


@pytest.mark.filterwarnings("ignore::imlogit.errors.GridEdgeWarning")
@pytest.mark.parametrize("multi_class", ["multinomial", "ovr"])
def test_many_classes(embedded, multi_class):
    images, labels = embedded.images[::10], embedded.labels[::10]
    model = LogisticRegressionCV([1e-3, 1e-2], cv=2, multi_class=multi_class).fit(images, labels)
    assert model.coefs_paths_.shape == (2, 2, 10, 785)
    assert model.path_.accuracy.mean() > 0.7
    assert model.predict_proba(images).shape == (500, 10)


@pytest.mark.filterwarnings("ignore::imlogit.errors.GridEdgeWarning")
def test_groups_and_weights(noisy):
    groups = np.arange(500) % 5
    weights = 1.0 + np.arange(500) % 2
    model = LogisticRegressionCV([1e-3], cv=GroupKFold(5)).fit(*noisy, weights, groups=groups)
    assert model.scores_.shape == (5, 1)
    alone = LogisticRegression(1e-3).fit(*noisy, weights)
    np.testing.assert_allclose(model.coef_, alone.coef_, atol=1e-3)


def test_held_out_rows_without_weight(noisy):
    weights = np.where(np.arange(500) < 400, 1.0, 0.0)
    cv = [(np.arange(400), np.arange(400, 500))]
    with pytest.raises(ValueError, match="held-out rows of fold 1 of 1 have no positive weight"):
        LogisticRegressionCV([1.0], cv=cv).fit(*noisy, weights)


def test_values_without_a_score_are_never_chosen(noisy, folds):
    def only_at_strong_penalties(model, x, y):
        return model.score(x, y) if np.abs(model.coef_).max() < 0.1 else np.nan

    model = LogisticRegressionCV([1.0, 1e-4, 1e-5], cv=folds, scoring=only_at_strong_penalties)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GridEdgeWarning)
        model.fit(*noisy)
    assert np.isnan(model.scores_[:, 0]).all()
    assert model.C_ < 1
    with pytest.raises(ValueError, match=r"scoring is nan .*of fold 1 for one.*stratified"):
        LogisticRegressionCV([1.0], cv=folds, scoring=lambda *_: np.nan).fit(*noisy)


def test_an_interrupt_hands_over_the_values_that_are_finished(noisy, folds, monkeypatch):
    whole = logistic_cv.fit_all

    def interrupted(estimator, data, fits, **how):
        found = whole(estimator, data, fits, **how)
        raise FitInterrupted([*found[:-1], None])

    monkeypatch.setattr(logistic_cv, "fit_all", interrupted)
    with pytest.raises(FitInterrupted) as stopped:
        LogisticRegressionCV(CS, cv=folds).fit(*noisy)
    assert stopped.value.partial.Cs.tolist() == [1e-2, 1e-3]
    with pytest.raises(FitInterrupted) as stopped:
        LogisticRegressionCV([1.0], cv=folds).fit(*noisy)
    assert stopped.value.partial is None


@pytest.mark.parametrize("n_Cs", [2, 9, 30])
def test_a_single_fold_is_fitted_at_every_value_and_all_rows_at_the_chosen_one(noisy, folds, n_Cs):
    Cs = np.geomspace(1e-5, 1, n_Cs)[::-1]
    model = LogisticRegressionCV(Cs, cv=folds[:1], tol=1e-9).fit(*noisy)
    of_all, of_fold = model.certificates_
    assert [k for k, one in enumerate(of_all) if one is not None] == [model.path_.chosen]
    assert all(one.converged for one in of_fold)
    train, _ = folds[0]
    for k in (0, n_Cs // 2, n_Cs - 1):
        alone = LogisticRegression(Cs[k], tol=1e-9).fit(noisy[0][train], noisy[1][train])
        np.testing.assert_allclose(model.coefs_paths_[0, k, :, :-1], alone.coef_, atol=1e-4)
    whole = LogisticRegression(model.C_, tol=1e-9).fit(*noisy)
    np.testing.assert_allclose(model.coef_, whole.coef_, atol=1e-4)


def test_an_interrupt_of_the_last_fit_keeps_the_path(noisy, folds, monkeypatch):
    whole = logistic_cv.fit_all

    def interrupted(estimator, data, fits, **how):
        if len(fits) == 1:
            raise FitInterrupted([None])
        return whole(estimator, data, fits, **how)

    monkeypatch.setattr(logistic_cv, "fit_all", interrupted)
    with pytest.raises(FitInterrupted) as stopped:
        LogisticRegressionCV(CS, cv=folds[:1]).fit(*noisy)
    assert stopped.value.partial.Cs.tolist() == CS


@pytest.mark.parametrize("scoring", [None, "accuracy", "roc_auc", "neg_log_loss", "f1"])
def test_score_is_by_the_scoring(few, scoring):
    images, is_two = few
    model = LogisticRegressionCV(Cs=[0.01, 0.1, 1.0], cv=3, scoring=scoring).fit(images, is_two)
    expected = get_scorer(scoring or "accuracy")(model, images, is_two)
    assert model.score(images, is_two) == expected


def test_a_loss_is_that_of_scikit_learn_and_of_cross_validate(rng):
    x = rng.normal(size=(60, 2)) * 1e4
    y = x[:, 0] + rng.normal(size=60) * 3e3 > 0
    by_name, built_in = (
        LogisticRegressionCV(Cs=[0.1, 1e3], cv=3, scoring=scoring).fit(x, y).scores_
        for scoring in (get_scorer("neg_log_loss"), None)
    )
    np.testing.assert_allclose(built_in, by_name, rtol=1e-9)


def test_a_fit_short_of_its_gap_is_said_of_the_callers_line(noisy, folds):
    model = LogisticRegressionCV([1.0], cv=folds, max_iter=1)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(*noisy)
    assert [one.filename for one in caught] == [__file__]


def test_a_scorer_is_asked_fold_by_fold(few):
    images, is_two = few
    asked = []

    def scorer(model, rows, labels):
        asked.append((len(rows), float(abs(model.coef_).sum())))
        return -float(len(asked))

    with pytest.warns(GridEdgeWarning):
        LogisticRegressionCV(Cs=[1.0, 0.01], cv=3, scoring=scorer).fit(images, is_two)
    sizes = [size for _, size in asked]
    assert len(asked) == 6
    # within a fold from the first C to the last, and the larger C has the larger weights
    assert all(sizes[k] > 2 * sizes[k + 1] for k in (0, 2, 4))


def test_balanced_weights_are_by_the_rows_that_a_fold_is_fitted_on(rng):
    x = rng.normal(size=(60, 3))
    y = np.arange(60) < 20
    # the first fold is fitted on 10 and 20 rows of the classes, the second on 20 and 30
    folds = [(np.arange(10, 40), np.r_[:10, 40:60]), (np.arange(50), np.arange(50, 60))]
    model = LogisticRegressionCV([1.0], cv=folds, class_weight="balanced", tol=1e-12).fit(x, y)
    for (train, _), (found,) in zip(folds, model.coefs_paths_, strict=True):
        alone = LogisticRegression(class_weight="balanced", tol=1e-12).fit(x[train], y[train])
        np.testing.assert_allclose(found[0, :-1], alone.coef_[0], rtol=1e-5)
