"""Every protocol does what its paper or package does, re-enacted here by other means."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from imlogit import LogisticRegression as OurLogisticRegression
from imlogit.data.feature_set import FeatureSet
from imlogit.errors import DataError
from imlogit.runs.probes.few_shots import draws_of
from imlogit.runs.probes.probe import linear_probe
from imlogit.runs.probes.probe_fits import Fitter
from imlogit.runs.probes.protocols import PROTOCOLS, draw_validation, find_peak

N, N_TRAIN, D = 260, 180, 5


def made(n_classes, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((n_classes, D))
    labels = np.arange(N) % n_classes
    X = (1.2 * centres[labels] + rng.standard_normal((N, D))).astype(np.float32)
    names = tuple("abcdef"[:n_classes])
    return FeatureSet(X, labels, names, N_TRAIN, "made", "by hand")


@pytest.fixture(scope="module")
def features():
    return made(3)


def fitted(X, y, C):
    return LogisticRegression(C=C, tol=1e-9, max_iter=5000).fit(X.astype(float), y)


def parts(features):
    train, test = features.train, features.test
    return *map(np.asarray, train), *map(np.asarray, test)


@pytest.mark.parametrize("name", ["dinov2", "dinov3"])
def test_dino(name, features):
    X, y, X_test, y_test = parts(features)
    order = np.random.default_rng(0).permutation(N_TRAIN)
    held_out = order[: N_TRAIN // 10]
    if name == "dinov3":
        held_out = np.concatenate([order[y[order] == k][:6] for k in range(3)])
    kept = np.setdiff1d(order, held_out)
    best, chosen = -1, None
    for C in 10.0 ** np.linspace(-6, 5, 45):
        accuracy = fitted(X[kept], y[kept], C).score(X[held_out], y[held_out])
        if accuracy > best:
            best, chosen = accuracy, C
    found = linear_probe(features, protocol=name)
    assert found.C == pytest.approx(chosen, rel=1e-12)
    again = fitted(X, y, chosen)
    np.testing.assert_allclose(found.model.coef, again.coef_ - again.coef_.mean(0), atol=1e-4)
    assert found.test["accuracy"].value == again.score(X_test, y_test)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_uni_is_solved_as_what_it_is(n_classes):
    features = made(n_classes)
    # where the gradient at W = 0 outweighs the penalty
    larger = features.features * np.float32(10)
    features = replace(features, features=larger, sha256="")
    X, y, *_ = parts(features)
    X, C = X.astype(float), D * n_classes / 100

    def objective(flat):
        W, b = flat[:-n_classes].reshape(n_classes, D), flat[-n_classes:]
        margins = X @ W.T + b
        loss = (logsumexp(margins, axis=1) - margins[np.arange(len(y)), y]).mean()
        return loss + 0.5 * np.linalg.norm(W) / C

    # away from W = 0, where the norm has no gradient
    begin = np.random.default_rng(1).standard_normal(n_classes * (D + 1))
    best = minimize(objective, begin, tol=1e-10, options={"maxiter": 2000}).fun
    found = linear_probe(features, protocol="uni")
    coef, intercept = found.model.coef, found.model.intercept
    if n_classes == 2:
        coef, intercept = np.stack([-coef[0], coef[0]]) / 2, np.array([-1, 1]) * intercept[0] / 2
    ours = objective(np.concatenate([coef.ravel(), intercept]))
    assert ours <= best + 1e-7
    assert found.penalties()["C of the norm, d K / 100"] == pytest.approx(C)


def test_uni_refuses_an_optimum_of_zero(features):
    few = features.features[:, :1] * np.float32(1e-6)
    flat = FeatureSet(few, features.labels, features.class_names, N_TRAIN, "m", "o")
    with pytest.raises(DataError, match="the optimum .* is W = 0"):
        linear_probe(flat, protocol="uni")


@pytest.mark.parametrize("peak", [0, 37, 96])
def test_clip_searches_around_the_peak(peak):
    asked = []

    def score(places):
        asked.append(list(places))
        return -np.abs(np.asarray(places) - peak).astype(float)

    known = find_peak(97, score)
    assert asked[0] == [0, 16, 32, 48, 64, 80, 96]
    assert len(asked) == 5
    assert max(known, key=known.get) == peak


def test_clip_takes_the_best_of_what_it_looked_at(features):
    found = linear_probe(features, protocol="clip")
    X, y, *_ = parts(features)
    kept, held_out = draw_validation(y, 0.1, 0, by_class=True)
    scores = [fitted(X[kept], y[kept], row.C).score(X[held_out], y[held_out]) for row in found.path]
    assert [row.accuracy for row in found.path] == pytest.approx(scores)
    assert found.C == found.path[int(np.argmax(scores))].C
    grid = PROTOCOLS["clip"].grid
    assert grid[8] == pytest.approx(1e-5)
    assert (grid[0], grid[-1], len(grid)) == (1e-6, 1e6, 97)


def test_mteb_fits_eight_of_each_class_ten_times(features):
    found = linear_probe(features, protocol="mteb")
    X, y, X_test, y_test = parts(features)
    rng = np.random.default_rng((0, 8))
    for accuracy in found.shots[0].accuracy:
        rows = [rng.choice(np.flatnonzero(y == k), 8, replace=False) for k in range(3)]
        rows = np.concatenate(rows)
        assert accuracy == fitted(X[rows], y[rows], 1.0).score(X_test, y_test)
    assert len(found.shots[0].accuracy) == 10
    assert found.stopping.excess >= -1e-9


def test_few_shots_of_dinov3_choose_each_draws_own_value(features, monkeypatch):
    # of few rows, values near 0 differ by rounding alone
    grid = tuple(10.0 ** np.linspace(-2, 2, 9))
    monkeypatch.setitem(PROTOCOLS, "dinov3", replace(PROTOCOLS["dinov3"], grid=grid))
    found = linear_probe(features, protocol="dinov3", shots=(4,), draws=2)
    X, y, X_test, y_test = parts(features)
    kept, held_out = draw_validation(y, 0.01, 0, by_class=True)
    rng = np.random.default_rng((0, 4))
    for C, accuracy in zip(found.shots[0].Cs, found.shots[0].accuracy, strict=True):
        classes = [np.flatnonzero(y[kept] == k) for k in range(3)]
        rows = kept[np.concatenate([rng.choice(one, 4, replace=False) for one in classes])]
        scores = [fitted(X[rows], y[rows], one).score(X[held_out], y[held_out]) for one in grid]
        assert C == grid[int(np.argmax(scores))]
        assert accuracy == fitted(X[rows], y[rows], C).score(X_test, y_test)


def test_few_shots_choose_what_exact_solutions_choose_on_dinov3s_own_grid(features):
    """Down to C = 1e-6, where a loose gap would let weights differ that all decide."""
    X, y, *_ = parts(features)
    grid = PROTOCOLS["dinov3"].grid
    kept, held_out = draw_validation(y, 0.01, 0, by_class=True)
    chosen = []
    for rows in draws_of(y, kept, 2, 2, 0):
        exact = Fitter(OurLogisticRegression(tol=1e-12), X[rows], y[rows]).along(grid)
        assert max(one.certificate.relative_gap for one in exact) < 1e-12
        margins = [X[held_out].astype(float) @ one.coef.T + one.intercept for one in exact]
        scores = [(one.argmax(axis=1) == y[held_out]).mean() for one in margins]
        chosen.append(grid[int(np.argmax(scores))])
    found = linear_probe(features, protocol="dinov3", shots=(2,), draws=2)
    assert found.shots[0].Cs == tuple(chosen)


@pytest.mark.parametrize("name", ["mteb", "dinov2"])
def test_a_source_that_is_too_small_is_refused(name):
    few = FeatureSet(
        np.eye(9, dtype=np.float32), np.arange(9) % 3, ("a", "b", "c"), 6, "few", "made"
    )
    with pytest.raises(DataError, match=r"too few"):
        linear_probe(few, protocol=name)
