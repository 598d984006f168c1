"""Fits without a penalty: an optimum, or the proof that there is none."""

import signal
import threading
import time

import numpy as np
import pytest
from scipy.optimize import OptimizeResult

import imlogit

from helpers.known_problems import SEPARATED_X, SEPARATED_Y, blobs, overlapping, softmax_objective
from helpers.regressions import fit

QUASI_X = np.array([[1.0], [2], [3], [4], [4], [5], [6], [7]])


def test_no_penalty_and_separated(name):
    found = fit(name, SEPARATED_X, SEPARATED_Y, np.inf)
    assert found.certificate.status == "separated"
    assert np.isnan(found.certificate.gap)
    signed = np.where(SEPARATED_Y == 1, 1, -1) * (SEPARATED_X @ found.weights + found.intercept)
    assert (signed > 0).all()


def test_no_penalty_and_quasi_separated(name):
    assert fit(name, QUASI_X, SEPARATED_Y, np.inf).certificate.status == "quasi-separated"


def test_no_penalty_and_an_optimum(name, rng):
    x, y = overlapping(rng)
    found = fit(name, x, y, np.inf)
    assert found.certificate.converged
    p = 1 / (1 + np.exp(-(x @ found.weights + found.intercept)))
    assert np.abs(x.T @ (p - y)).max() <= 1e-8 * len(y)


@pytest.mark.parametrize("size", [1e-100, 1e-12, 1e-3, 1e3, 1e12])
def test_no_penalty_and_features_of_any_size(name, rng, size):
    """Without a penalty the units of the features cannot matter."""
    x, y = overlapping(rng)
    here, there = fit(name, x, y, np.inf), fit(name, x * size, y, np.inf)
    assert there.certificate.objective == pytest.approx(here.certificate.objective, rel=1e-12)
    np.testing.assert_allclose(there.weights * size, here.weights, rtol=1e-6)


def test_no_penalty_and_too_many_features_to_end_exactly(rng):
    x, y = overlapping(rng, 2000, 600)
    here, there = (fit("numba", x * size, y, np.inf, max_iter=500) for size in (1.0, 1e-9))
    for found in (here, there):
        p = 1 / (1 + np.exp(-(x @ here.weights + here.intercept)))
        assert found.certificate.status == "undetermined"  # the gradient vanishes, as is shown
        assert np.abs(x.T @ (p - y)).max() <= 1e-8 * len(y) * np.abs(x).max()
    assert there.certificate.objective == pytest.approx(here.certificate.objective, rel=1e-9)


def test_no_penalty_and_few_positives_among_many(rng):
    """A start or a step may not leave the model worse than the base rate."""
    x = rng.integers(0, 256, (20_000, 50), dtype=np.uint8)
    y = np.arange(20_000) < 3
    found = fit("numba", x, y, np.inf, scale=1 / 255)
    at_base_rate = -(3 * np.log(3 / 20_000) + 19_997 * np.log(19_997 / 20_000))
    assert found.certificate.status == "separated"
    assert found.certificate.objective < at_base_rate


def test_no_penalty_and_too_large_to_tell(name, rng, monkeypatch):
    monkeypatch.setattr("imlogit.core.proof.separation.MOST_ENTRIES", 100)
    x, y = overlapping(rng)
    assert fit(name, x, y, np.inf).certificate.status == "undetermined"


def test_no_penalty_and_a_linear_programme_without_an_answer(name, rng, monkeypatch):
    limited = OptimizeResult(status=1, fun=None)
    monkeypatch.setattr("scipy.optimize.linprog", lambda *_, **__: limited)
    assert fit(name, QUASI_X, SEPARATED_Y, np.inf).certificate.status != "converged"
    # Newton's equations prove this one
    assert fit(name, *overlapping(rng), np.inf).certificate.status == "converged"


def test_no_penalty_and_an_interrupt_within_the_linear_programme(monkeypatch):
    """HiGHS does not look for interrupts, and may take long."""
    ended = threading.Event()

    def endless(*_, **__):
        signal.raise_signal(signal.SIGINT)
        ended.wait(60)

    monkeypatch.setattr("scipy.optimize.linprog", endless)
    # a shell has what it starts in the background ignore interrupts
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            fit("numba", QUASI_X, SEPARATED_Y, np.inf)
    finally:
        ended.set()
        signal.signal(signal.SIGINT, before)
    assert time.perf_counter() - began < 10


def test_softmax_without_penalty(name, rng):
    apart = np.repeat(np.eye(3), 4, axis=0)
    assert fit(name, apart, np.repeat([0, 1, 2], 4), np.inf).certificate.status == "separated"
    touching = np.array([[1.0], [2], [3], [3], [4], [5], [5], [6], [7]])
    status = fit(name, touching, np.repeat([0, 1, 2], 3), np.inf).certificate.status
    assert status == "quasi-separated"
    x, y = blobs(rng)
    found = fit(name, x, y, np.inf)
    assert found.certificate.converged
    _, in_weights, _ = softmax_objective(x, y, found.weights, found.intercept, 1.0)
    assert np.abs(in_weights - found.weights).max() <= 1e-8 * len(y)


@pytest.mark.parametrize("size", [1.0, 1e-3])
def test_weights_far_apart_do_not_hide_that_classes_are_apart(name, rng, size):
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 2)) * size])
    y = (x[:, 1] > 0).astype(int)
    weights = 10.0 ** rng.uniform(-6, 6, 40)
    assert fit(name, x, y, np.inf, weights=weights).certificate.status == "separated"


def test_classes_that_hardly_overlap_have_an_optimum(name):
    x = np.array([[1.0], [2], [3], [4 + 2e-9], [4], [5], [6], [7]])
    found = fit(name, x, SEPARATED_Y, np.inf)
    assert found.certificate.status == "converged"
    p = 1 / (1 + np.exp(-(x @ found.weights + found.intercept)))
    assert np.abs(x.T @ (p - SEPARATED_Y)).max() <= 1e-8 * len(x)


def test_no_usable_feature_and_no_intercept(name):
    found = fit(name, np.zeros((4, 2)), [0, 1, 0, 1], np.inf, intercept=False)
    assert found.certificate.status == "converged"
    assert not found.weights.any()


def test_ten_classes_of_pixels_are_apart(name):
    images = imlogit.load("mnist-5k")
    rows = np.random.default_rng(0).permutation(5000)[:300]
    pixels = images.images[rows].reshape(300, -1) / 255
    assert fit(name, pixels, images.labels[rows], np.inf).certificate.status == "separated"


def test_weights_of_the_softmax_add_up_to_zero(name, rng):
    x, y = blobs(rng)
    found = fit(name, x, y, np.inf)
    np.testing.assert_allclose(found.weights.sum(axis=0), 0.0, atol=1e-12)


def test_a_constant_feature_beside_the_intercept_keeps_its_weight(name, rng):
    x, y = overlapping(rng)
    x = np.column_stack([np.full(len(x), 0.7), x])
    found = fit(name, x, y, np.inf)
    assert found.certificate.converged
    assert np.abs(found.weights).max() < 100
