"""The solver: known answers, optimality, and claims that an independent look confirms."""

import itertools

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import imlogit
from imlogit.core.certificate import REASONS

from helpers.engines import INSTALLED
from helpers.known_problems import (
    GLMNET_C,
    GLMNET_COEF,
    GLMNET_INTERCEPT,
    GLMNET_X,
    GLMNET_Y,
    MULTINOMIAL_COEF,
    MULTINOMIAL_INTERCEPT,
    SEPARATED_COEF,
    SEPARATED_INTERCEPT,
    SEPARATED_X,
    SEPARATED_Y,
    blobs,
    gradient,
    objective,
    overlapping,
    softmax_objective,
)
from helpers.regressions import fit


def test_glmnet(name):
    found = fit(name, GLMNET_X, GLMNET_Y, GLMNET_C, tol=1e-16)
    np.testing.assert_allclose(found.weights, GLMNET_COEF, atol=1e-8)
    assert found.intercept == pytest.approx(GLMNET_INTERCEPT, abs=1e-8)


def test_separated_with_a_penalty(name):
    found = fit(name, SEPARATED_X, SEPARATED_Y, tol=1e-16)
    np.testing.assert_allclose(found.weights, SEPARATED_COEF, atol=1e-8)
    assert found.intercept == pytest.approx(SEPARATED_INTERCEPT, abs=1e-8)


def test_the_intercept_is_not_penalised(name):
    found = fit(name, np.ones((10, 1)), [1] * 7 + [0] * 3, 1e-7, tol=1e-12)
    assert found.intercept + found.weights[0] == pytest.approx(np.log(7 / 3), abs=1e-6)


@pytest.mark.parametrize("C", [1e-8, 1e-3, 1.0, 1e3, 1e10])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(300, 1), (300, 5), (60, 200), (40, 700)])
def test_an_independent_look_confirms_every_claim(name, rng, C, intercept, shape):
    x, y = overlapping(rng, *shape)
    found = fit(name, x, y, C, intercept=intercept)
    certificate = found.certificate
    assert certificate.converged
    value = objective(x, y, found.weights, found.intercept, C)
    in_weights, in_b = gradient(x, y, found.weights, found.intercept, C)
    assert certificate.objective == pytest.approx(value, rel=1e-10)
    assert 0.5 * in_weights @ in_weights <= 1.01e-6 * value + certificate.gap * 0.01
    assert intercept or found.intercept == 0
    # the intercept's own scale: its slope against the cost of all rows
    assert not intercept or abs(in_b) <= 1e-7 * C * len(y)


def test_moving_away_raises_the_objective(name, rng):
    x, y = overlapping(rng)
    found = fit(name, x, y, tol=1e-14)
    lowest = objective(x, y, found.weights, found.intercept, 1.0)
    for _ in range(20):
        moved = found.weights + 1e-3 * rng.normal(size=5)
        assert objective(x, y, moved, found.intercept + 1e-3 * rng.normal(), 1.0) > lowest


def test_weights_are_repetition(name, rng):
    x, y = overlapping(rng)
    times = rng.integers(0, 5, len(y))
    weighted = fit(name, x, y, weights=times)
    repeated = fit(name, np.repeat(x, times, axis=0), np.repeat(y, times))
    np.testing.assert_allclose(weighted.weights, repeated.weights, atol=1e-8)
    assert weighted.intercept == pytest.approx(repeated.intercept, abs=1e-8)


def test_stacked_twice_at_half_the_cost(name, rng):
    x, y = overlapping(rng)
    once, twice = fit(name, x, y, 1.0), fit(name, np.tile(x, (2, 1)), np.tile(y, 2), 0.5)
    np.testing.assert_allclose(once.weights, twice.weights, atol=1e-8)


def test_order_of_rows_and_of_features_does_not_matter(name, rng):
    x, y = overlapping(rng)
    rows, features = rng.permutation(len(y)), rng.permutation(5)
    here, there = fit(name, x, y), fit(name, x[rows][:, features], y[rows])
    np.testing.assert_allclose(here.weights[features], there.weights, atol=1e-8)


def test_duplicated_and_constant_features(name, rng):
    x, y = overlapping(rng)
    padded = np.column_stack([x, x[:, 0], np.zeros(len(y)), np.full(len(y), 5.0)])
    found = fit(name, padded, y)
    assert found.certificate.converged
    assert found.weights[0] == pytest.approx(found.weights[5], abs=1e-9)
    # a constant adds nothing that the free intercept does not give for nothing
    np.testing.assert_allclose(found.weights[6:], 0, atol=1e-9)


def test_features_of_very_different_sizes(name, rng):
    x = rng.normal(size=(400, 40)) * 10 ** rng.uniform(-5, 5, 40)
    found = fit(name, x, rng.random(400) < 0.5)
    assert found.certificate.converged


@pytest.mark.parametrize(
    ("kind", "C", "most"),
    [("far from zero", 1e-2, 10), ("separable", 1e10, 60), ("heavy tails", 1.0, 90)],
)
def test_hard_problems_take_few_steps(kind, C, most):
    """Steps come from centring, from fresh curvature and from a safeguarded line search."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 600))
    x = {"far from zero": x + 100, "separable": x, "heavy tails": np.exp(3 * x)}[kind]
    certificate = fit("numba", x, rng.random(400) < 0.5, C).certificate
    assert certificate.converged
    assert certificate.iterations <= most


def test_pixels_of_every_type_agree(name, few):
    images, y = few
    rows = images.reshape(len(images), -1)
    as_bytes = fit(name, rows, y, scale=1 / 255, tol=1e-10)
    as_floats = fit(name, rows / 255, y, tol=1e-10)
    as_singles = fit(name, (rows / 255).astype(np.float32), y, tol=1e-10)
    np.testing.assert_allclose(as_bytes.weights, as_floats.weights, atol=1e-4)
    np.testing.assert_allclose(as_singles.weights, as_floats.weights, atol=1e-4)


def test_engines_agree_within_their_certificates(few):
    images, y = few
    rows = images.reshape(len(images), -1)
    found = [fit(name, rows, y, scale=1 / 255) for name in INSTALLED]
    for first, second in itertools.pairwise(found):
        apart = np.linalg.norm(first.weights - second.weights)
        assert apart <= sum(np.sqrt(2 * f.certificate.gap) for f in (first, second))


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, embedded, n_threads):
    rows = np.tile(embedded.images.reshape(5000, -1), (4, 1))  # several lanes, and a first subset
    y = np.tile(embedded.labels == 2, 4)
    found = []
    for count in (1, n_threads):
        monkeypatch.setenv("IMLOGIT_NUM_THREADS", str(count))
        found.append(fit("numba", rows, y, scale=1 / 255))
    np.testing.assert_array_equal(found[0].weights, found[1].weights)
    assert found[0].intercept == found[1].intercept


@pytest.mark.parametrize("blas_threads", [1, 2])
def test_the_threads_of_blas_do_not_reach_the_bits(name, few, blas_threads):
    images, y = few
    rows = images.reshape(len(images), -1)
    expected = fit(name, rows, y, scale=1 / 255)
    with threadpool_limits(limits=blas_threads, user_api="blas"):
        found = fit(name, rows, y, scale=1 / 255)
    np.testing.assert_array_equal(found.weights, expected.weights)


def test_the_seed_changes_the_path_and_not_the_answer(embedded):
    rows, y = embedded.images.reshape(5000, -1), embedded.labels == 2
    x, y = np.tile(rows, (4, 1)), np.tile(y, 4)
    here, there = (fit("numba", x, y, scale=1 / 255, seed=seed) for seed in (1, 2))
    apart = np.linalg.norm(here.weights - there.weights)
    assert 0 < apart <= np.sqrt(2 * here.certificate.gap) + np.sqrt(2 * there.certificate.gap)


def test_too_few_steps_are_not_called_converged(name, few):
    images, y = few
    found = fit(name, images.reshape(len(images), -1), y, scale=1 / 255, max_iter=1)
    assert found.certificate.status == "max_iter"
    assert found.certificate.iterations == 1
    assert found.certificate.relative_gap > 1e-6


def test_rounding_is_said(name, rng):
    x, y = overlapping(rng, 200, 600)
    found = fit(name, x * 1e3, y, 1e6, tol=1e-30, max_iter=400)
    assert found.certificate.status == "rounding"


def test_glmnet_multinomial(name):
    found = fit(name, GLMNET_X, np.repeat([0, 1, 2], 3), GLMNET_C, tol=1e-16)
    # the published digits are good to 2e-8; both engines agree to 1e-14
    np.testing.assert_allclose(found.weights, MULTINOMIAL_COEF, atol=5e-8)
    np.testing.assert_allclose(found.intercept, MULTINOMIAL_INTERCEPT, atol=5e-8)


@pytest.mark.parametrize("C", [1e-8, 1e-3, 1.0, 1e3, 1e10])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(300, 1), (300, 5), (60, 200)])
def test_an_independent_look_confirms_every_claim_of_the_softmax(name, rng, C, intercept, shape):
    x, y = blobs(rng, *shape)
    found = fit(name, x, y, C, intercept=intercept, max_iter=500)
    certificate = found.certificate
    value, in_weights, in_b = softmax_objective(x, y, found.weights, found.intercept, C)
    assert certificate.converged
    assert certificate.objective == pytest.approx(value, rel=1e-9)
    assert 0.5 * np.vdot(in_weights, in_weights) <= 1.01e-6 * value + certificate.gap * 0.01
    assert intercept or not found.intercept.any()
    assert not intercept or np.abs(in_b).max() <= 1e-7 * C * len(y)


def test_softmax_weights_are_repetition_and_order_does_not_matter(name, rng):
    x, y = blobs(rng)
    times = rng.integers(0, 4, len(y))
    times[:4] = 1
    weighted = fit(name, x, y, weights=times)
    repeated = fit(name, np.repeat(x, times, axis=0), np.repeat(y, times))
    np.testing.assert_allclose(weighted.weights, repeated.weights, atol=1e-8)
    rows, features, classes = rng.permutation(len(y)), rng.permutation(5), rng.permutation(4)
    here, there = fit(name, x, y), fit(name, x[rows][:, features], classes[y[rows]])
    np.testing.assert_allclose(here.weights[:, features], there.weights[classes], atol=1e-8)
    np.testing.assert_allclose(here.weights.sum(axis=0), 0, atol=1e-10)


def test_moving_away_raises_the_objective_of_the_softmax(name, rng):
    x, y = blobs(rng)
    found = fit(name, x, y, tol=1e-14)
    lowest = softmax_objective(x, y, found.weights, found.intercept, 1.0)[0]
    for _ in range(20):
        w = found.weights + 1e-3 * rng.normal(size=found.weights.shape)
        b = found.intercept + 1e-3 * rng.normal(size=4)
        assert softmax_objective(x, y, w, b, 1.0)[0] > lowest


def test_duplicated_and_constant_features_of_the_softmax(name, rng):
    x, y = blobs(rng)
    padded = np.column_stack([x, x[:, 0], np.zeros(len(y)), np.full(len(y), 5.0)])
    found = fit(name, padded, y)
    assert found.certificate.converged
    np.testing.assert_allclose(found.weights[:, 0], found.weights[:, 5], atol=1e-9)
    np.testing.assert_allclose(found.weights[:, 6:], 0, atol=1e-9)


def test_full_mnist_multinomial_reaches_the_known_optimum(full_data):
    images = imlogit.load("mnist").train
    found = fit("numba", images.images.reshape(60_000, -1), images.labels, scale=1 / 255)
    assert found.certificate.converged
    assert found.certificate.objective == pytest.approx(13927.061, abs=0.014)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("size", [1e100, 1e150, 1e-100, 1e-300])
def test_extreme_features_give_an_answer(name, size):
    found = fit(name, SEPARATED_X * size, SEPARATED_Y)
    assert np.isfinite(found.weights).all()
    assert found.certificate.status in REASONS


@pytest.mark.timeout(60)
@pytest.mark.parametrize("size", [1e100, 1e-100, 1e-300])
def test_extreme_features_give_an_answer_of_the_softmax(name, size):
    # few steps: each takes hundreds of evaluations, which cost TensorFlow a millisecond each
    found = fit(name, SEPARATED_X * size, SEPARATED_Y + (SEPARATED_X[:, 0] > 9), max_iter=5)
    assert np.isfinite(found.weights).all()
    assert found.certificate.status in REASONS


@pytest.mark.timeout(60)
def test_features_whose_squares_overflow_are_an_error(name):
    with pytest.raises(FloatingPointError, match="too large"):
        fit(name, SEPARATED_X * 1e300, SEPARATED_Y)


def test_full_mnist_reaches_the_known_optimum(full_data):
    images = imlogit.load("mnist").train
    rows = images.images.reshape(60_000, -1)
    found = fit("numba", rows, images.labels == 2, scale=1 / 255)
    assert found.certificate.converged
    assert found.certificate.objective == pytest.approx(3833.1776, abs=0.0039)
