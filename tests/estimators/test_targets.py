"""Targets beyond one class a row: labels, probabilities; alpha; and where a fit starts."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from imlogit import LogisticRegression, cross_validate, load_model, save_model
from imlogit.errors import DataError, KindError, ParameterError

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


@pytest.mark.parametrize("kind", ["labels", "soft"])
def test_what_takes_one_class_a_row_says_so(x, labels, kind, tmp_path):
    y = labels if kind == "labels" else soft(x, 3)
    model = LogisticRegression(soft_labels=kind == "soft")
    with pytest.raises(KindError, match="cross_validate takes"):
        cross_validate(model, x, y, cv=3)
    if kind == "labels":
        with pytest.raises(KindError, match="fits no model file"):
            save_model(model.fit(x, y), tmp_path / "model")


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
@pytest.mark.parametrize("saved", [False, True], ids=["estimator", "file"])
def test_a_start_near_the_optimum_is_near_for_the_fit(how, saved, tmp_path):
    rng = np.random.default_rng(6)
    wide = rng.normal(size=(900, 520)) * 3 + 1
    names = np.array(["ant", "bee", "cow"])[
        (wide[:, :3] + rng.normal(size=(900, 3))).argmax(axis=1)
    ]
    cold = LogisticRegression(C=0.01, **how).fit(wide, names)
    if saved:
        save_model(cold, tmp_path / "model")
    start = load_model(tmp_path / "model") if saved else cold
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
    with pytest.raises(KindError, match=r"no fitted model but str.*load_model"):
        LogisticRegression().fit(x, y, start="model.imlogit")
    with pytest.raises(DataError, match="differ in kind"):
        LogisticRegression().fit(x, labels, start=LogisticRegression().fit(x, y))
