"""Targets beyond one class a row: labels, probabilities; alpha; and where a fit starts."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, log_loss

from imlogit import (
    LogisticRegression,
    LogisticRegressionCV,
    bootstrap,
    check_arrays,
    cross_validate,
    load_model,
    save_model,
)
from imlogit.errors import DataError, KindError, ModelFileError, ParameterError
from imlogit.model.persist import open_model

from helpers.engines import INSTALLED

N, D = 240, 6


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(N, D))


def soft(x, k, seed=2):
    """Probabilities of ``k`` classes, noisy enough that no linear model has them."""
    rng = np.random.default_rng(seed)
    return softmax(x @ rng.normal(size=(D, k)) + rng.normal(size=(len(x), k)), axis=1)


def fit(x, y, **how):
    return LogisticRegression(soft_labels=np.ndim(y) == 2, tol=1e-10, **how).fit(x, y)


def same(one, other, atol=1e-4):
    np.testing.assert_allclose(one.coef_, other.coef_, atol=atol)
    np.testing.assert_allclose(one.intercept_, other.intercept_, atol=atol)


@pytest.mark.parametrize("engine", INSTALLED)
@pytest.mark.parametrize("k", [2, 3, 5])
def test_soft_labels_are_rows_with_weights(x, k, engine):
    y, weights = soft(x, k), np.random.default_rng(3).integers(0, 3, N)
    found = LogisticRegression(soft_labels=True, tol=1e-10, engine=engine).fit(x, y, weights)
    expected = LogisticRegression(tol=1e-10).fit(
        np.repeat(x, k, axis=0), np.tile(np.arange(k), N), (y * weights[:, None]).ravel()
    )
    assert found.certificate_.converged
    same(found, expected)
    assert found.certificate_.objective == pytest.approx(expected.certificate_.objective, rel=1e-9)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 1.0, 2: 0.5}])
@pytest.mark.parametrize("multi_class", ["multinomial", "ovr"])
def test_weights_of_classes_are_of_their_shares(x, class_weight, multi_class):
    y = soft(x, 3)
    how = {"class_weight": class_weight, "multi_class": multi_class}
    rows = np.repeat(x, 3, axis=0), np.tile(np.arange(3), N)
    expected = LogisticRegression(tol=1e-10, **how).fit(*rows, y.ravel())
    same(fit(x, y, **how), expected)


@pytest.mark.parametrize("k", [2, 4])
def test_certain_labels_are_hard_ones(x, k):
    codes = soft(x, k).argmax(axis=1)
    same(fit(x, np.eye(k)[codes]), fit(x, codes))


def objective(flat, x, y, C):
    k = y.shape[1]
    w, b = flat[: k * D].reshape(k, D), flat[k * D :]
    return -C * (y * log_softmax(x @ w.T + b, axis=1)).sum() + 0.5 * (w**2).sum()


@pytest.mark.parametrize("scale", [1.0, 30.0], ids=["small", "steep"])
def test_an_independent_minimiser_finds_the_same(x, scale):
    y = soft(x, 3)
    found = minimize(objective, np.zeros(3 * (D + 1)), (x * scale, y, 0.5), tol=1e-12)
    model = fit(x * scale, y, C=0.5)
    at = np.concatenate([model.coef_.ravel(), model.intercept_])
    reached = objective(at, x * scale, y, 0.5)
    assert model.certificate_.objective == pytest.approx(reached, rel=1e-12)
    assert reached <= found.fun * (1 + 1e-9)
    assert reached - found.fun >= -model.certificate_.gap - 1e-4 * found.fun


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("steps", [1, 2, 4])
def test_the_gap_holds_what_is_missing(k, steps):
    """Of fits that stopped early; and enough weights that steps are not exact."""
    rng = np.random.default_rng(4)
    wide = rng.normal(size=(700, 520))
    y = softmax(wide[:, :k] * 2 + rng.normal(size=(700, k)), axis=1)
    best = fit(wide, y)
    with pytest.warns(UserWarning, match="max_iter"):
        early = LogisticRegression(soft_labels=True, tol=1e-12, max_iter=steps).fit(wide, y)
    missing = early.certificate_.objective - best.certificate_.objective
    assert best.certificate_.converged
    assert -best.certificate_.gap <= missing <= early.certificate_.gap


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda y: y.__setitem__((7, 0), np.nan), "row 7 .*NaN"),
        (lambda y: y.__setitem__(5, [1.5, -0.5, 0]), "row 5 .*negative"),
        (lambda y: y.__setitem__(3, [0.5, 0.5, 1e-5]), "row 3 .*adds up to 1.00001"),
        (lambda y: y.__setitem__((slice(None), 1), 0.0), "row 0 .*not to 1"),
    ],
)
def test_soft_labels_that_are_no_probabilities(x, spoil, says):
    y = soft(x, 3)
    spoil(y)
    with pytest.raises(DataError, match=says):
        fit(x, y)


def test_soft_labels_need_columns_and_every_class(x):
    with pytest.raises(DataError, match=r"shape \(240,\)"):
        LogisticRegression(soft_labels=True).fit(x, np.ones(N))
    with pytest.raises(DataError, match="class 2 has no row"):
        fit(x, np.column_stack([soft(x, 2), np.zeros(N)]))


def test_a_model_of_soft_labels_is_saved(x, tmp_path):
    model = fit(x, soft(x, 3))
    save_model(model, tmp_path / "model")
    np.testing.assert_array_equal(
        load_model(tmp_path / "model").predict_proba(x), model.predict_proba(x)
    )


@pytest.fixture(scope="module")
def labels(x):
    return (x[:, :4] + np.random.default_rng(5).normal(size=(N, 4)) > 0.3).astype(int)


@pytest.mark.parametrize("how", [{}, {"class_weight": "balanced"}, {"standardize": True}])
def test_labels_are_columns_of_their_own(x, labels, how):
    model = LogisticRegression(tol=1e-10, **how).fit(x, labels)
    alone = [LogisticRegression(tol=1e-10, **how).fit(x, one) for one in labels.T]
    np.testing.assert_allclose(model.coef_, np.concatenate([one.coef_ for one in alone]), atol=1e-6)
    assert len(model.certificates_) == len(model.classes_) == 4
    np.testing.assert_array_equal(
        model.predict(x), np.stack([one.predict(x) for one in alone], axis=1)
    )
    for found, one in zip(model.predict_proba(x), alone, strict=True):
        np.testing.assert_allclose(found, one.predict_proba(x), atol=1e-6)
    for found, one in zip(model.predict_log_proba(x), alone, strict=True):
        np.testing.assert_allclose(found, one.predict_log_proba(x), atol=1e-5)
    assert model.decision_function(x).shape == labels.shape


@pytest.mark.parametrize("value", [0, 1])
def test_a_label_that_all_have_or_none(x, labels, value):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(labels, columns=["cat", "dog", "hat", "cup"])
    frame["hat"] = value
    with pytest.raises(DataError, match=f"label 'hat' of 4 .* is {value} in every row"):
        LogisticRegression().fit(x, frame)


def test_columns_of_other_numbers(x, labels):
    with pytest.raises(DataError, match="other than 0 and 1"):
        LogisticRegression().fit(x, labels * 2)


def test_what_scores_answers_takes_no_soft_labels(x):
    for task in (
        lambda: cross_validate(LogisticRegression(soft_labels=True), x, soft(x, 3), cv=3),
        lambda: bootstrap(LogisticRegression(soft_labels=True), x, soft(x, 3), n=2),
    ):
        with pytest.raises(KindError, match="takes labels, and no soft labels"):
            task()


def test_a_model_of_labels_is_saved(x, labels, tmp_path):
    model = LogisticRegression().fit(x, labels)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    for one, other in zip(again.predict_proba(x), model.predict_proba(x), strict=True):
        np.testing.assert_array_equal(one, other)


FOLDS = [(np.arange(160), np.arange(160, N)), (np.arange(80, N), np.arange(80))]


def test_labels_are_cross_validated_as_columns_of_one_fit(x, labels):
    found = cross_validate(LogisticRegression(tol=1e-10), x, labels, cv=FOLDS)
    alone = [cross_validate(LogisticRegression(tol=1e-10), x, y, cv=FOLDS) for y in labels.T]
    for k, one in enumerate(alone):
        np.testing.assert_allclose(found.probabilities[:, k], one.probabilities[:, 1], atol=1e-6)
    for name in ("accuracy", "log_loss", "average_precision"):
        each = np.mean([one.values(name) for one in alone], axis=0)
        np.testing.assert_allclose(found.values(name), each, atol=1e-6)
    seen = ~np.isnan(found.probabilities[:, 0])
    p, y = found.probabilities[seen], labels[seen]
    mean = average_precision_score(y, p, average="macro")
    assert found.pooled["average_precision"].value == pytest.approx(mean)
    assert found.pooled.exact.value == accuracy_score(y, p > 0.5)
    assert found.pooled.by_label[2]["average_precision"].low < found.pooled.by_label[2].n
    np.testing.assert_array_equal(found.predictions, p > 0.5)
    assert "accuracy" in repr(found)


def test_numbers_of_folds_hold_out_each_row_once(x, labels):
    found = cross_validate(LogisticRegression(), x, labels, cv=3)
    assert sorted(np.concatenate([fold.test for fold in found.folds])) == list(range(N))


def test_a_fold_in_which_a_label_is_all_rows(x, labels):
    rare = labels.copy()
    rare[:, 1] = np.arange(N) < 5
    with pytest.raises(ParameterError, match=r"part of fold 2 of 2 .* the same of label 1"):
        cross_validate(LogisticRegression(), x, rare, cv=[FOLDS[0], FOLDS[1]])
    with pytest.raises(ParameterError, match=f"no more than rows, of which there are {N}"):
        cross_validate(LogisticRegression(), x, labels, cv=N + 1)


@pytest.mark.filterwarnings("ignore::imlogit.GridEdgeWarning")
@pytest.mark.parametrize("scoring", [None, "accuracy", "f1_macro"])
def test_one_penalty_is_chosen_for_all_labels(x, labels, scoring):
    Cs = [0.003, 0.05, 1.0]
    found = LogisticRegressionCV(Cs, cv=FOLDS, scoring=scoring, tol=1e-10).fit(x, labels)
    score = {
        None: lambda y, p: -np.mean([log_loss(a, b) for a, b in zip(y.T, p.T, strict=True)]),
        "accuracy": lambda y, p: ((p > 0.5) == y).mean(),
        "f1_macro": lambda y, p: f1_score(y, p > 0.5, average="macro"),
    }[scoring]
    expected = []
    for train, test in FOLDS:
        models = [LogisticRegression(C, tol=1e-10).fit(x[train], labels[train]) for C in Cs]
        each = [np.stack([p[:, 1] for p in m.predict_proba(x[test])], axis=1) for m in models]
        expected.append([score(labels[test], p) for p in each])
    np.testing.assert_allclose(found.scores_, expected, atol=1e-5)
    assert found.C_ == Cs[int(np.mean(expected, axis=0).argmax())]
    same(found, LogisticRegression(found.C_, tol=1e-10).fit(x, labels))
    assert found.out_of_fold_.shape == (N, 4)


def test_the_bootstrap_of_labels_is_that_of_each(x, labels):
    few = labels[:, :2]
    test = x[:50], few[:50]
    how = {"n": 3, "random_state": 1, "scores": ("accuracy", "average_precision", exact)}
    found = bootstrap(LogisticRegression(tol=1e-10), x, few, test=test, **how)
    for k in range(2):
        own = {**how, "scores": ("accuracy", "average_precision"), "test": (x[:50], few[:50, k])}
        alone = bootstrap(LogisticRegression(tol=1e-10), x, few[:, k], **own)
        np.testing.assert_allclose(found.coef[:, k], alone.coef[:, 0], atol=1e-5)
        if k == 0:
            first = alone.scores["average_precision"].values
        else:
            second = alone.scores["average_precision"].values
    mean = (first + second) / 2
    np.testing.assert_allclose(found.scores["average_precision"].values, mean, atol=1e-6)
    assert 0 < found.scores["exact"].value <= found.scores["accuracy"].value <= 1
    assert bootstrap(LogisticRegression(), x, few, **how).scores["accuracy"].value > 0.5


def exact(labels, p):
    """Return the share of rows of which all labels are right."""
    return ((p > 0.5) == labels).all(axis=1).mean()


def test_a_replicate_in_which_a_label_is_all_rows(x, labels):
    few = labels[:, :2].copy()
    few[:, 1] = np.arange(N) == 7
    found = bootstrap(LogisticRegression(), x, few, n=6, scores=())
    lacks = {k for k, drawn in enumerate(found.times) if not drawn[7]}
    assert {one.replicate for one in found.undefined} == lacks != set()
    assert {one.label for one in found.undefined} == {1}
    with pytest.raises(DataError, match=r"the test labels have the shape \(9,\)"):
        bootstrap(LogisticRegression(), x, few, n=2, test=(x[:9], few[:9, 0]))


def test_checks_take_labels_one_by_one(x, labels):
    with pytest.raises(KindError, match=r"give each column .* by itself"):
        check_arrays(x, labels)


def test_alpha_is_the_penalty_of_the_mean_loss(x, labels):
    weights = np.arange(N) % 3
    found = LogisticRegression(alpha=0.01, tol=1e-10).fit(x, labels[:, 0], weights)
    expected = LogisticRegression(C=1 / (0.01 * weights.sum()), tol=1e-10)
    same(found, expected.fit(x, labels[:, 0], weights), atol=0)
    assert found.C_ == expected.C_
    assert expected.alpha_ == pytest.approx(0.01)


@pytest.mark.parametrize("how", [{"alpha": 0.1, "C": 2.0}, {"alpha": 0}, {"alpha": "1"}])
def test_an_alpha_that_is_none(x, labels, how):
    with pytest.raises(ParameterError, match="alpha="):
        LogisticRegression(**how).fit(x, labels[:, 0])


@pytest.mark.parametrize("how", [{}, {"standardize": True}, {"multi_class": "ovr"}])
@pytest.mark.parametrize("kind", ["estimator", "loaded", "path"])
def test_a_start_near_the_optimum_is_near_for_the_fit(how, kind, tmp_path):
    rng = np.random.default_rng(6)
    wide = rng.normal(size=(900, 520)) * 3 + 1
    names = np.array(["ant", "bee", "cow"])[
        (wide[:, :3] + rng.normal(size=(900, 3))).argmax(axis=1)
    ]
    cold = LogisticRegression(C=0.01, **how).fit(wide, names)
    save_model(cold, tmp_path / "model")
    start = {
        "estimator": lambda: cold,
        "loaded": lambda: load_model(tmp_path / "model"),
        "path": lambda: tmp_path / "model",
    }[kind]()
    warm = LogisticRegression(C=0.01, **how).fit(wide, names, start=start)
    assert warm.certificate_.converged
    assert warm.certificate_.iterations <= 1 < cold.certificate_.iterations
    same(warm, cold, atol=np.sqrt(2 * cold.certificate_.gap) + 1e-3)


def test_a_start_that_knows_other_classes(x):
    y = np.array(["a", "b", "c"])[soft(x, 3).argmax(axis=1)]
    some = LogisticRegression().fit(x[y != "b"], y[y != "b"])
    same(LogisticRegression(tol=1e-10).fit(x, y, start=some), fit(x, y))


def test_a_start_that_does_not_fit(x, labels):
    y = labels[:, 0]
    with pytest.raises(DataError, match="model of 6 features, and X has 5"):
        LogisticRegression().fit(x[:, 1:], y, start=LogisticRegression().fit(x, y))
    with pytest.raises(KindError, match=r"no fitted model but dict.*a model file"):
        LogisticRegression().fit(x, y, start={})
    with pytest.raises(ModelFileError, match="there is no such file"):
        LogisticRegression().fit(x, y, start="model.imlogit")
    with pytest.raises(DataError, match="differ in kind"):
        LogisticRegression().fit(x, labels, start=LogisticRegression().fit(x, y))


def test_labels_start_from_a_file(x, labels, tmp_path):
    cold = LogisticRegression().fit(x, labels)
    save_model(cold, tmp_path / "model")
    same(LogisticRegression().fit(x, labels, start=tmp_path / "model"), cold)
    same(LogisticRegression().fit(x, labels, start=open_model(tmp_path / "model")), cold)
