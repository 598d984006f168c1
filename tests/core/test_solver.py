"""The solver: known answers, optimality, and certificates that an independent look confirms."""

import itertools
import signal
import threading
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import OptimizeResult
from threadpoolctl import threadpool_info, threadpool_limits

import imlogit
from imlogit.core.certificate import REASONS, Certificate, combine, feasible_duals
from imlogit.core.descent import Batch, Descent
from imlogit.core.pool import Pool
from imlogit.core.preconditioner import Preconditioner
from imlogit.core.regression import regression
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.engines.table import open_engine
from imlogit.errors import FitInterrupted

from helpers.engines import ENGINE_NAMES, INSTALLED
from helpers.known_problems import (
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
    softmax_objective,
)


@pytest.fixture(params=ENGINE_NAMES)
def name(request):
    return request.param


def fit(name, x, y, C=1.0, weights=None, *, intercept=True, scale=1.0, **how):
    """Solve one regression; of two classes the weights are (d,) and the intercept a number."""
    codes = np.asarray(y).astype(int)
    weights = np.ones(len(codes)) if weights is None else np.asarray(weights, dtype=float)
    one = regression(codes, codes.max() + 1, weights, C, intercept=intercept)
    with open_engine(name, np.asarray(x), scale) as engine:
        (found,) = solve(engine, [one], Settings(**how))
    if one.n_columns > 1:
        return found
    return replace(found, weights=found.weights[0], intercept=found.intercept[0])


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
    engine = open_engine("reference", x)
    one = regression(y.astype(int), 2, np.ones(80), C)
    batch = Batch(engine, engine.open(1, 2))
    batch.problem.admit(0, one)
    descent = Descent(one, 0, size * rng.normal(size=(1, 4)), size * rng.normal(size=1))
    batch.place([descent], precise=True)
    for prove in (False, True):
        if prove:
            batch.prove([descent])  # with the intercept at its minimum
        else:
            batch.measure([descent])  # at any intercept the duals are made feasible
        lowest = objective(x, y, best.weights, best.intercept, C)
        here = objective(x, y, descent.weights[0], descent.b[0], C)
        slack = 1 + 1e-9
        assert here - lowest <= descent.gap * slack + 1e-9 * lowest
    away = np.linalg.norm(descent.weights[0] - best.weights)
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
    monkeypatch.setattr("imlogit.core.separation.QUASI_SEPARATION_ENTRIES", 100)
    x, y = overlapping(rng)
    assert fit(name, x, y, np.inf).certificate.status == "undetermined"


def test_no_penalty_and_a_linear_programme_without_an_answer(name, rng, monkeypatch):
    limited = OptimizeResult(status=1, fun=None)
    monkeypatch.setattr("scipy.optimize.linprog", lambda *_, **__: limited)
    assert fit(name, *overlapping(rng), np.inf).certificate.status == "undetermined"


def test_no_penalty_and_an_interrupt_within_the_linear_programme(rng, monkeypatch):
    """HiGHS does not look for interrupts, and may take long."""
    ended = threading.Event()

    def endless(*_, **__):
        signal.raise_signal(signal.SIGINT)
        ended.wait(60)

    monkeypatch.setattr("scipy.optimize.linprog", endless)
    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        fit("numba", *overlapping(rng), np.inf)
    ended.set()
    assert time.perf_counter() - began < 10


def several(rng, n_regressions, n=300, d=5, C=1.0):
    """Features, and regressions with labels and row weights of their own."""
    x, _ = overlapping(rng, n, d)
    codes = [(rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(int) for _ in range(n_regressions)]
    return x, [regression(c, 2, rng.integers(0, 3, n) * 1.0, C) for c in codes]


def test_a_regression_that_lacks_a_class_is_undefined_and_named(name, rng):
    x, (fine,) = several(rng, 1)
    lacking = regression(np.zeros(len(x), dtype=int), 2, np.ones(len(x)), 1.0)
    with open_engine(name, x) as engine:
        found, undefined, heir = solve(
            engine, [fine, lacking, fine], Settings(), starts=[None, None, 1]
        )
    assert found.certificate.converged
    assert undefined.certificate.status == "undefined"
    assert np.isnan(undefined.weights).all()
    assert heir.certificate.converged  # although there is nothing to start from


def test_a_start_shortens_the_way(name, few):
    images, y = few
    one = regression(y.astype(int), 2, np.ones(len(y)), 1.0)
    with open_engine(name, images.reshape(len(images), -1), 1 / 255) as engine:
        cold, warm = solve(engine, [one, one], Settings(), starts=[None, 0])
    assert warm.certificate.converged
    assert warm.certificate.iterations == 0 < cold.certificate.iterations


@pytest.mark.parametrize("room", [1, 2, 64])
def test_together_as_one_by_one(name, rng, monkeypatch, room):
    x, some = several(rng, 7, 300, 600)
    rows = np.array([5, 0, 299])
    with open_engine(name, x) as engine:
        monkeypatch.setattr(engine, "room", lambda _: room)
        together = solve(engine, some, Settings(), rows=[rows] * 7, starts=[None, 0, 0, 1, 1, 1, 2])
        alone = [solve(engine, [one], Settings())[0] for one in some]
    for here, there in zip(together, alone, strict=True):
        apart = np.linalg.norm(here.weights - there.weights)
        assert here.certificate.converged
        assert apart <= sum(np.sqrt(2 * one.certificate.gap) for one in (here, there))
        expected = x[rows] @ here.weights.T + here.intercept
        np.testing.assert_allclose(here.margins, expected, atol=1e-9)


def test_preconditioners_are_kept_no_longer_than_they_serve(name, rng, monkeypatch):
    """A long path of values of C, with folds at each: memory must not grow with the path."""
    x, some = several(rng, 3, 200, 600)
    path, starts, before = [], [], None
    for C in np.geomspace(1e-3, 1, 12):
        whole = len(path)
        path += [replace(one, costs=one.costs * C) for one in some]
        starts += [before, whole, whole]
        before = whole
    alive, most, made = weakref.WeakSet(), 0, Preconditioner.of

    def make(factors):
        nonlocal most
        one = made(factors)
        alive.add(one)
        most = max(most, len(alive))
        return one

    monkeypatch.setattr(Preconditioner, "of", make)
    monkeypatch.setattr("imlogit.core.pool.FRESH_FOR", 2)
    monkeypatch.setattr("imlogit.core.pool_queue.PRECONDITIONER_BYTES", 0)
    with open_engine(name, x) as engine:
        found = solve(engine, path, Settings(), starts=starts)
    assert all(one.certificate.converged for one in found)
    assert most <= 6


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("n_classes", [2, 10])
def test_blocks_have_the_same_bits_for_any_number_of_threads(
    monkeypatch, embedded, n_threads, n_classes
):
    rows = np.tile(embedded.images.reshape(5000, -1), (4, 1))
    labels = np.tile(embedded.labels, 4).astype(int)
    codes = [labels] if n_classes == 10 else [(labels == k).astype(int) for k in range(5)]
    some = [regression(c, n_classes, np.ones(len(c)), 1e-2) for c in codes]
    found = []
    for count in (1, n_threads):
        monkeypatch.setenv("IMLOGIT_NUM_THREADS", str(count))
        with open_engine("numba", rows, 1 / 255) as engine:
            found.append(solve(engine, some, Settings(tol=1e-4)))
    for here, there in zip(*found, strict=True):
        np.testing.assert_array_equal(here.weights, there.weights)
        np.testing.assert_array_equal(here.intercept, there.intercept)


def test_progress_is_reported(name, rng):
    x, some = several(rng, 5)
    seen = []
    with open_engine(name, x) as engine:
        solve(engine, some, Settings(), starts=[None, 0, 0, 1, 1], observe=seen.append)
    assert [news.done for news in seen] == sorted(news.done for news in seen)
    assert [news.passes for news in seen] == sorted(news.passes for news in seen)
    assert {news.total for news in seen} == {5}
    assert seen[-1].done == 5


def test_an_interrupt_leaves_what_is_certified(name, rng):
    x, some = several(rng, 3, 200, 600)

    def interrupt(news):
        if news.done == 1:
            raise KeyboardInterrupt

    with open_engine(name, x) as engine, pytest.raises(FitInterrupted) as stopped:
        solve(engine, some, Settings(tol=1e-9), starts=[None, 0, 0], observe=interrupt)
    first, *others = stopped.value.partial
    assert first.certificate.converged
    for one, found in zip(some[1:], others, strict=True):
        if found is not None:
            assert found.certificate.status == "interrupted"
            C_s = one.costs
            value = objective(x, one.codes, found.weights[0], found.intercept[0], 1.0, C_s)
            assert found.certificate.objective == pytest.approx(value)


def test_an_interrupt_of_a_single_fit_hands_over_where_it_was(name, rng):
    x, (one,) = several(rng, 1, 200, 600)

    def interrupt(news):
        if news.passes > 4:
            raise KeyboardInterrupt

    with open_engine(name, x) as engine:
        (best,) = solve(engine, [one], Settings(tol=1e-10))
        with pytest.raises(FitInterrupted) as stopped:
            solve(engine, [one], Settings(tol=1e-10), observe=interrupt)
    (found,) = stopped.value.partial
    assert found.certificate.status == "interrupted"
    assert found.certificate.objective - best.certificate.objective <= found.certificate.gap
    apart = np.linalg.norm(found.weights - best.weights)
    assert 0 < apart <= np.sqrt(2 * found.certificate.gap) + 1e-4


def test_an_interrupt_while_several_finish_keeps_those_that_have(name, rng, monkeypatch):
    x, (one,) = several(rng, 1)
    hand_on, calls = Pool._hand_on, []

    def interrupt(pool, way):
        calls.append(way)
        if len(calls) == 2:
            raise KeyboardInterrupt
        hand_on(pool, way)

    monkeypatch.setattr(Pool, "_hand_on", interrupt)
    with open_engine(name, x) as engine, pytest.raises(FitInterrupted) as stopped:
        solve(engine, [one, one], Settings())
    first, second = (found.certificate for found in stopped.value.partial)
    assert first.status == "converged"
    assert second.status == "interrupted"
    assert second.relative_gap <= 1e-6


MULTINOMIAL_COEF = (
    (-0.38023389305, -0.01226499932),
    (-8.164030176e-05, 0.04734548012),
    (0.3803155334, -0.0350804808),
)
MULTINOMIAL_INTERCEPT = (-0.12004759652, 0.2251747383, -0.1051271418)


def test_glmnet_multinomial(name):
    found = fit(name, GLMNET_X, np.repeat([0, 1, 2], 3), GLMNET_C, tol=1e-16)
    # the published digits are good to 2e-8; both engines agree to 1e-14
    np.testing.assert_allclose(found.weights, MULTINOMIAL_COEF, atol=5e-8)
    np.testing.assert_allclose(found.intercept, MULTINOMIAL_INTERCEPT, atol=5e-8)


def blobs(rng, n=300, d=5, n_classes=4):
    x = rng.normal(size=(n, d))
    logits = x @ rng.normal(size=(d, n_classes)) / np.sqrt(d)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (rng.random(n)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(max=n_classes - 1)
    y[:n_classes] = np.arange(n_classes)
    return x, y


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


@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0, 3), C=st.sampled_from([1e-3, 1.0, 1e2]))
@settings(max_examples=40, deadline=None)
def test_the_gap_of_the_softmax_bounds_the_distance_anywhere(seed, size, C):
    rng = np.random.default_rng(seed)
    x, y = blobs(rng, 80, 4, 3)
    best = fit("reference", x, y, C, tol=1e-15)
    engine = open_engine("reference", x)
    one = regression(y, 3, np.ones(80), C)
    batch = Batch(engine, engine.open(1, 3))
    batch.problem.admit(0, one)
    descent = Descent(one, 0, size * rng.normal(size=(3, 4)), size * rng.normal(size=3))
    batch.place([descent], precise=True)
    for work in (batch.measure, batch.prove):
        work([descent])
        lowest = softmax_objective(x, y, best.weights, best.intercept, C)[0]
        here = softmax_objective(x, y, descent.weights, descent.b, C)[0]
        assert here - lowest <= descent.gap * (1 + 1e-9) + 1e-9 * lowest


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


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("shape", [(200, 5), (60, 200)])
def test_an_independent_look_confirms_every_claim_of_a_batch(name, rng, n_classes, shape):
    """Values of C and row weights of all sizes in one block, more of them than there is room."""
    x, _ = blobs(rng, *shape)
    codes = [blobs(rng, *shape, n_classes)[1] for _ in range(3)]
    weights = [rng.integers(0, 3, len(x)) + (np.arange(len(x)) < n_classes) for _ in codes]
    settings = [(k, C) for C in (1e-8, 1e-3, 1.0, 1e3, 1e10) for k in range(3)]
    some = [regression(codes[k], n_classes, weights[k] * 1.0, C) for k, C in settings]
    with open_engine(name, x) as engine:
        found = solve(engine, some, Settings(max_iter=500))
    for (k, C), one in zip(settings, found, strict=True):
        w, b = one.weights, one.intercept
        if n_classes == 2:
            value = objective(x, codes[k], w[0], b[0], C, weights[k])
            in_weights, in_b = gradient(x, codes[k], w[0], b[0], C, weights[k])
        else:
            times = np.repeat(np.arange(len(x)), weights[k])
            value, in_weights, in_b = softmax_objective(x[times], codes[k][times], w, b, C)
        certificate = one.certificate
        assert certificate.converged
        assert certificate.objective == pytest.approx(value, rel=1e-9)
        assert 0.5 * np.vdot(in_weights, in_weights) <= 1.01e-6 * value + certificate.gap * 0.01
        assert np.abs(in_b).max() <= 1e-7 * C * weights[k].sum()


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


def test_full_mnist_multinomial_reaches_the_known_optimum(full_data):
    images = imlogit.load("mnist").train
    found = fit("numba", images.images.reshape(60_000, -1), images.labels, scale=1 / 255)
    assert found.certificate.converged
    assert found.certificate.objective == pytest.approx(13927.061, abs=0.014)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("size", [1e100, 1e150, 1e-100, 1e-300])
def test_extreme_features_give_an_answer(name, size):
    found = fit(name, SEPARATED_X * size, SEPARATED_Y)
    assert np.isfinite(found.weights).all()
    assert found.certificate.status in REASONS


@pytest.mark.timeout(10)
@pytest.mark.parametrize("size", [1e100, 1e-100, 1e-300])
def test_extreme_features_give_an_answer_of_the_softmax(name, size):
    # few steps: each takes hundreds of evaluations, which cost TensorFlow a millisecond each
    found = fit(name, SEPARATED_X * size, SEPARATED_Y + (SEPARATED_X[:, 0] > 9), max_iter=5)
    assert np.isfinite(found.weights).all()
    assert found.certificate.status in REASONS


@pytest.mark.timeout(10)
def test_features_whose_squares_overflow_are_an_error(name):
    with pytest.raises(FloatingPointError, match="too large"):
        fit(name, SEPARATED_X * 1e300, SEPARATED_Y)


def test_feasible_duals_weigh_the_same_on_both_sides():
    mass = np.array([[3.0, 2.0], [0.5, 4.0], [0.0, 0.0]])
    shrunk = feasible_duals(mass, np.ones((3, 2)), True) * mass
    np.testing.assert_allclose(shrunk[:, 0], shrunk[:, 1])
    np.testing.assert_array_equal(feasible_duals(mass, np.ones((3, 2)), False), 1.0)


def test_feasible_duals_of_many_classes_add_up_to_what_the_labels_do():
    costs = np.array([[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]])
    mass = np.array([[2.0, 1.0, 3.0], [2.0, 2.0, 2.0]])
    moved = feasible_duals(mass, costs, True)
    kept = 1 - moved.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(kept * mass + moved * costs.sum(axis=1, keepdims=True), costs)
    np.testing.assert_array_equal(moved[1], 0.0)
    np.testing.assert_array_equal(feasible_duals(mass, costs, False), 0.0)


def test_combined_certificates_add_up():
    parts = [
        Certificate("converged", 10.0, 1e-6, 1e-6, 3, 9, 0.1),
        Certificate("max_iter", 20.0, 2e-3, 1e-6, 5, 11, 0.2),
    ]
    both = combine(parts)
    assert (both.status, both.objective, both.gap) == ("max_iter", 30.0, 1e-6 + 2e-3)
    assert (both.iterations, both.passes, both.columns) == (5, 11, tuple(parts))


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
