"""Many classes in few features: intercepts go along with the weights, and are right in the end."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Peer

from imlogit.core.descent import Batch, Descent, ties_intercepts
from imlogit.core.regression import regression
from imlogit.core.starts.start import fit_base_rate
from imlogit.engines.table import open_engine

from helpers.known_problems import softmax_objective
from helpers.regressions import fit

K, D = 40, 20


def images(rng, n=280, d=D, k=K):
    """As many of every class, as far as that goes."""
    y = rng.permutation(np.arange(n) % k)
    return rng.normal(size=(n, d)) + 1.5 * rng.normal(size=(k, d))[y] + 2, y


def peer(x, y, C=1.0, *, intercept=True):
    """The objective that scikit-learn reaches."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = Peer(
            C=C, solver="newton-cholesky", tol=1e-9, max_iter=100, fit_intercept=intercept
        ).fit(x, y)
    return softmax_objective(x, y, found.coef_, np.broadcast_to(found.intercept_, K), C)[0]


def assert_confirmed(found, x, y, C=1.0, *, intercept=True):
    """An independent look at what a certificate claims."""
    certificate = found.certificate
    value, in_weights, in_b = softmax_objective(x, y, found.weights, found.intercept, C)
    assert certificate.converged
    assert certificate.objective == pytest.approx(value, rel=1e-10)
    assert 0.5 * np.vdot(in_weights, in_weights) <= 1.01e-6 * value + certificate.gap * 0.01
    np.testing.assert_allclose(found.weights.sum(axis=0), 0, atol=1e-9)
    if intercept:
        assert np.abs(in_b).max() <= 1e-7 * C * len(y)
        assert found.intercept.sum() == pytest.approx(0, abs=1e-9)
    else:
        assert not found.intercept.any()


@pytest.mark.parametrize("C", [0.01, 10.0])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_optimum_is_that_of_scikit_learn(name, rng, C, intercept):
    x, y = images(rng)
    found = fit(name, x, y, C, intercept=intercept)
    assert_confirmed(found, x, y, C, intercept=intercept)
    reached = peer(x, y, C, intercept=intercept)
    lowest = found.certificate.objective - found.certificate.gap
    assert lowest <= reached * (1 + 1e-12)
    assert found.certificate.objective <= reached * (1 + 1e-6)


def test_pixels_of_classes_of_very_different_sizes(name, rng):
    """Some of a single image among others of many."""
    x, y = images(rng)
    y = np.where((rng.random(len(y)) < 0.9) & (np.arange(len(y)) >= K), y % 3, y)
    y[:K] = np.arange(K)
    assert np.bincount(y).min() == 1
    assert np.bincount(y).max() > 70
    pixels = np.clip(128 + 20 * x, 0, 255).astype(np.uint8)
    found = fit(name, pixels, y, 3.0, scale=1 / 255)
    assert_confirmed(found, pixels / 255, y, 3.0)
    assert found.certificate.objective <= peer(pixels / 255, y, 3.0) * (1 + 1e-6)


def test_row_weights_are_repetition(name, rng):
    x, y = images(rng)
    times = rng.integers(0, 3, len(y)) + (np.arange(len(y)) < 1)
    for k in range(K):
        times[np.flatnonzero(y == k)[0]] = 1
    here = fit(name, x, y, weights=times, tol=1e-12)
    there = fit(name, np.repeat(x, times, axis=0), np.repeat(y, times), tol=1e-12)
    np.testing.assert_allclose(here.weights, there.weights, atol=1e-5)
    np.testing.assert_allclose(here.intercept, there.intercept, atol=1e-4)


@pytest.mark.parametrize("d", [D, 300])
def test_one_image_a_class(name, rng, d):
    x, y = images(rng, K, d)
    assert_confirmed(fit(name, x, y), x, y)


def test_any_number_of_threads_gives_the_same_bits(rng, monkeypatch):
    x, y = images(rng, 13_000)  # several lanes
    found = []
    for count in (1, 3):
        monkeypatch.setenv("IMLOGIT_NUM_THREADS", str(count))
        found.append(fit("numba", x.astype(np.float32), y, 0.01))
    np.testing.assert_array_equal(found[0].weights, found[1].weights)
    np.testing.assert_array_equal(found[0].intercept, found[1].intercept)


@pytest.mark.parametrize("C", [1e-3, 10.0])
def test_a_proof_puts_intercepts_at_their_minimum(name, rng, C):
    x, y = images(rng)
    one = regression(y, K, rng.integers(1, 4, len(y)) * 1.0, C)
    engine = open_engine(name, x)
    assert ties_intercepts(engine, K)
    problem = engine.open(1, K)
    problem.admit(0, one)
    descent = Descent(one, 0, 0.3 * rng.normal(size=(K, D)), rng.normal(size=K))
    batch = Batch(engine, problem)
    batch.place([descent], precise=True)
    off, before = descent.imbalance, descent.objective
    batch.prove([descent])
    assert off > 1e-2 * descent.total
    assert descent.imbalance <= 1e-10 * descent.total
    assert descent.objective < before
    # the gap is one, at whatever point it is taken
    best = fit(name, x, y, C, weights=one.costs / C).certificate
    assert descent.objective - best.objective <= descent.gap + best.gap


def test_several_are_settled_together(name, rng):
    """Each by its own Hessian, and one that is there already stays."""
    x, y = images(rng)
    some = [regression(y, K, np.ones(len(y)), C) for C in (0.01, 1.0, 1.0)]
    engine = open_engine(name, x)
    problem = engine.open(3, K)
    descents = []
    for slot, one in enumerate(some):
        problem.admit(slot, one)
        weights = np.zeros((K, D)) if slot == 2 else 0.2 * rng.normal(size=(K, D))
        descents.append(Descent(one, slot, weights, fit_base_rate(one).b))
    batch = Batch(engine, problem)
    batch.prove(descents)
    for one in descents:
        assert one.imbalance <= 1e-10 * one.total
    np.testing.assert_allclose(descents[2].b, fit_base_rate(some[2]).b, atol=1e-9)
    alone = Descent(some[1], 1, descents[1].weights, fit_base_rate(some[1]).b)
    problem.admit(1, some[1])
    batch.prove([alone])
    np.testing.assert_allclose(
        alone.b - alone.b.mean(), descents[1].b - descents[1].b.mean(), atol=1e-9
    )
    assert alone.gap == pytest.approx(descents[1].gap)


@pytest.mark.parametrize(
    ("n_columns", "d", "expected"),
    [
        (1, 1, False),
        (10, 5, False),
        (29, 5, False),
        (30, 5, True),
        (100, 400, True),
        (100, 784, False),
    ],
)
def test_when_intercepts_are_tied(n_columns, d, expected):
    assert ties_intercepts(open_engine("reference", np.zeros((3, d))), n_columns) is expected
