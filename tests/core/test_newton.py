"""Small problems that are hard: many classes, a large C, no intercept."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Peer

from imlogit import LogisticRegression
from imlogit.core.newton import System


def blobs(n, d, k, seed):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % k)
    return rng.normal(size=(n, d)) + rng.normal(size=(k, d))[y], y


@pytest.mark.parametrize("C", [1e2, 1e3, 1e4])
@pytest.mark.parametrize(("n", "d", "k"), [(96, 7, 12), (54, 5, 18)])
def test_many_classes_in_few_features_arrive(name, n, d, k, C):
    x, y = blobs(n, d, k, seed=n)
    found = LogisticRegression(C, engine=name).fit(x, y).certificate_
    peer = Peer(C=C, solver="newton-cholesky", tol=1e-10, max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.fit(x, y)
    rows = np.arange(n), np.searchsorted(peer.classes_, y)
    reached = -C * peer.predict_log_proba(x)[rows].sum() + 0.5 * np.vdot(peer.coef_, peer.coef_)
    assert found.status == "converged"
    assert found.objective <= reached * (1 + 1e-6)


@pytest.mark.parametrize("C", [1e3, 1e5, 1e6])
def test_pixels_and_a_large_c_end_where_floats_do(name, rng, C):
    pixels = rng.integers(0, 256, (300, 30)).astype(np.uint8)
    y = rng.integers(0, 4, 300)
    found, floats = (
        LogisticRegression(C, engine=name).fit(x, y).certificate_ for x in (pixels, pixels / 255)
    )
    assert found.status == floats.status == "converged"
    assert found.objective == pytest.approx(floats.objective, rel=1e-6)
    assert found.iterations <= 30


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_end_is_newtons_with_and_without_an_intercept(name, rng, fit_intercept):
    x = rng.normal(size=(60, 8)) + 3
    found = LogisticRegression(engine=name, fit_intercept=fit_intercept)
    certificate = found.fit(x, rng.integers(0, 3, 60)).certificate_
    assert certificate.relative_gap < 1e-18  # what rounding may hide
    assert certificate.iterations - len(certificate.history) < 8


def test_exact_steps_that_cost_more_than_all_others_are_not_taken(rng, monkeypatch):
    monkeypatch.setattr(System, "of", lambda *_: pytest.fail("an exact Hessian was asked for"))
    x = rng.normal(size=(30_000, 280)).astype(np.float32)  # few weights, and many rows
    y = x[:, 0] + rng.normal(size=len(x)) > 0
    assert LogisticRegression().fit(x, y).certificate_.converged


@pytest.mark.parametrize(("n", "d", "k", "C"), [(200, 5, 5, 1e11), (60, 64, 10, 1e16)])
def test_nothing_that_is_not_proved_is_called_converged(name, n, d, k, C):
    x, y = blobs(n, d, k, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = LogisticRegression(C, engine=name).fit(x, y)
    certificate = found.certificate_
    assert np.isfinite(certificate.objective)
    assert np.isfinite(found.coef_).all()
    assert certificate.objective <= C * n * np.log(k) * (1 + 1e-9)  # that of the base rate
    if certificate.status == "converged":
        assert certificate.gap <= certificate.tol * certificate.objective


def test_steps_never_raise_the_objective(rng):
    x, y = blobs(60, 64, 10, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        history = LogisticRegression(1e6, engine="reference").fit(x, y).certificate_.history
    objectives = np.array([one.objective for one in history])
    assert (np.diff(objectives) <= 1e-9 * objectives[:-1]).all()
