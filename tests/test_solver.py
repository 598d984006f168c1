"""The solver: known answers, optimality, and certificates that an independent look confirms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

import imlogit
from imlogit.core.certificate import REASONS, Certificate, combine, feasible_shrink
from imlogit.core.columns import binary_columns
from imlogit.core.descent import Descent
from imlogit.core.solver import Settings, solve
from imlogit.engines.table import ENGINES, open_engine

from problems import (
    GLMNET_C,
    GLMNET_COEF,
    GLMNET_INTERCEPT,
    GLMNET_X,
    GLMNET_Y,
    SEPARATED_COEF,
    SEPARATED_INTERCEPT,
    SEPARATED_X,
    SEPARATED_Y,
    gradient,
    objective,
)


@pytest.fixture(params=sorted(ENGINES))
def name(request):
    return request.param


def fit(name, x, y, C=1.0, weights=None, *, intercept=True, scale=1.0, **how):
    """Solve one column."""
    y = np.asarray(y, dtype=bool)
    weights = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    columns = binary_columns(y[None], weights[None], C, intercept=intercept)
    with open_engine(name, np.asarray(x), scale) as engine:
        return solve(engine, columns, Settings(**how))[0]


def overlapping(rng, n=300, d=5):
    x = rng.normal(size=(n, d))
    return x, rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))


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


@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0, 3), C=st.sampled_from([1e-3, 1.0, 1e3]))
@settings(max_examples=60, deadline=None)
def test_the_gap_bounds_the_distance_anywhere(seed, size, C):
    """At any point, not only near the optimum: F - F* <= gap and |w - w*| <= sqrt(2 gap)."""
    rng = np.random.default_rng(seed)
    x, y = overlapping(rng, 80, 4)
    best = fit("reference", x, y, C, tol=1e-15)
    columns = binary_columns(y[None], np.ones((1, 80)), C)
    engine = open_engine("reference", x)
    descent = Descent(engine, columns, size * rng.normal(size=4), size * rng.normal())
    for prove in (False, True):
        if prove:
            descent.prove()  # with the intercept at its minimum
        else:
            descent.proved = True  # at any intercept the duals are made feasible
            descent.measure()
        lowest = objective(x, y, best.weights, best.intercept, C)
        here = objective(x, y, descent.weights, descent.b, C)
        slack = 1 + 1e-9
        assert here - lowest <= descent.gap * slack + 1e-9 * lowest
    away = np.linalg.norm(descent.weights - best.weights)
    assert away <= np.sqrt(2 * descent.gap) * slack + 1e-6


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
    found = [fit(name, rows, y, scale=1 / 255) for name in sorted(ENGINES)]
    apart = np.linalg.norm(found[0].weights - found[1].weights)
    assert apart <= sum(np.sqrt(2 * f.certificate.gap) for f in found)


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


def test_the_threads_of_blas_come_back_when_the_last_engine_ends(name):
    def threads():
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    before = threads()
    first, second = (open_engine(name, np.ones((3, 2))) for _ in range(2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == before


def test_number_of_threads_must_be_a_number(monkeypatch):
    monkeypatch.setenv("IMLOGIT_NUM_THREADS", "many")
    with pytest.raises(ValueError, match="IMLOGIT_NUM_THREADS='many'"):
        open_engine("numba", np.zeros((2, 2)))


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


def test_no_penalty_and_separated(name):
    found = fit(name, SEPARATED_X, SEPARATED_Y, np.inf)
    assert found.certificate.status == "separated"
    assert np.isnan(found.certificate.gap)
    signed = np.where(SEPARATED_Y == 1, 1, -1) * (SEPARATED_X @ found.weights + found.intercept)
    assert (signed > 0).all()


def test_no_penalty_and_quasi_separated(name):
    x = np.array([[1.0], [2], [3], [4], [4], [5], [6], [7]])
    assert fit(name, x, SEPARATED_Y, np.inf).certificate.status == "quasi-separated"


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
    monkeypatch.setattr("imlogit.core.solver.QUASI_SEPARATION_ENTRIES", 100)
    x, y = overlapping(rng)
    assert fit(name, x, y, np.inf).certificate.status == "undetermined"


def test_a_column_without_positive_rows_is_undefined_and_named(name, rng):
    x, y = overlapping(rng)
    columns = binary_columns(np.stack([y, np.zeros_like(y)]), np.ones((2, len(y))), 1.0)
    with open_engine(name, x) as engine:
        fine, undefined = solve(engine, columns, Settings())
    assert fine.certificate.converged
    assert undefined.certificate.status == "undefined"
    assert np.isnan(undefined.weights).all()


def test_a_start_shortens_the_way(name, few):
    images, y = few
    rows = images.reshape(len(images), -1)
    columns = binary_columns(y[None], np.ones((1, len(y))), 1.0)
    with open_engine(name, rows, 1 / 255) as engine:
        cold = solve(engine, columns, Settings())
        warm = solve(engine, columns, Settings(), starts=cold)
    assert warm[0].certificate.converged
    assert warm[0].certificate.iterations == 0 < cold[0].certificate.iterations


def test_progress_is_reported_column_by_column(name, rng):
    x, y = overlapping(rng)
    seen = []
    columns = binary_columns(np.stack([y, ~y]), np.ones((2, len(y))), 1.0)
    with open_engine(name, x) as engine:
        solve(engine, columns, Settings(), observe=lambda *news: seen.append(news))
    assert seen[0][:2] == (0, 2)
    assert seen[-1][:2] == (2, 2)
    assert seen[-1][2] <= 1e-6
    assert [done for done, *_ in seen] == sorted(done for done, *_ in seen)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("size", [1e100, 1e150, 1e-100, 1e-300])
def test_extreme_features_give_an_answer(name, size):
    found = fit(name, SEPARATED_X * size, SEPARATED_Y)
    assert np.isfinite(found.weights).all()
    assert found.certificate.status in REASONS


@pytest.mark.timeout(10)
def test_features_whose_squares_overflow_are_an_error(name):
    with pytest.raises(FloatingPointError, match="too large"):
        fit(name, SEPARATED_X * 1e300, SEPARATED_Y)


def test_feasible_duals_weigh_the_same_on_both_sides():
    residual = np.array([[3.0, 2.0], [0.5, 4.0], [0.0, 0.0]])
    shrunk = feasible_shrink(residual, True) * residual
    np.testing.assert_allclose(shrunk[:, 0], shrunk[:, 1])
    np.testing.assert_array_equal(feasible_shrink(residual, False), 1.0)


def test_combined_certificates_add_up():
    parts = [
        Certificate("converged", 10.0, 1e-6, 1e-6, 3, 9, 0.1),
        Certificate("max_iter", 20.0, 2e-3, 1e-6, 5, 11, 0.2),
    ]
    both = combine(parts)
    assert (both.status, both.objective, both.gap) == ("max_iter", 30.0, 1e-6 + 2e-3)
    assert (both.iterations, both.passes, both.columns) == (5, 20, tuple(parts))


def test_a_certificate_as_plain_facts():
    certificate = Certificate("separated", 1.5, float("nan"), 1e-6, 2, 6, 0.5, seconds=3.0)
    facts = certificate.to_dict()
    assert facts["gap"] is None
    assert "seconds" not in facts
    again = Certificate.from_dict(facts)
    assert (again.status, again.objective, again.passes) == ("separated", 1.5, 6)
    assert np.isnan(again.gap)


def test_full_mnist_reaches_the_known_optimum(full_data):
    images = imlogit.load("mnist").train
    rows = images.images.reshape(60_000, -1)
    found = fit("numba", rows, images.labels == 2, scale=1 / 255)
    assert found.certificate.converged
    assert found.certificate.objective == pytest.approx(3833.1776, abs=0.0039)
