"""Fewer rows than features: optima found in coordinates of the rows, and proved on the features."""

import threading

import numpy as np
import pytest
from scipy.optimize import minimize

from imlogit.core.certificate import REASONS
from imlogit.core.regression import regression
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.core.starts import row_space
from imlogit.core.starts.row_space import RowSpace, pays
from imlogit.core.starts.start import fit_base_rate
from imlogit.engines.table import open_engine
from imlogit.errors import FitInterrupted, TooLargeError

from helpers.known_problems import objective, softmax_objective

SCALE = 1 / 255
N, D = 60, 900


def photos(rng, n=N, d=D, kind=np.uint8):
    """Few images of many pixels, all alike but for some waves and noise."""
    waves = np.sin(np.outer(rng.uniform(1, 9, 5), np.linspace(0, 3, d)))
    x = 128 + rng.normal(size=(n, 5)) @ waves * 25 + rng.normal(size=(n, d)) * 12
    x = np.clip(np.rint(x), 0, 255)
    return x.astype(np.uint8) if kind == np.uint8 else (x * SCALE).astype(kind)


def scale_of(x):
    return SCALE if x.dtype == np.uint8 else 1.0


def labels(rng, n, n_classes):
    y = rng.integers(0, n_classes, n)
    y[:n_classes] = np.arange(n_classes)
    return y


def run(name, x, some, *, through=None, monkeypatch=None, **how):
    """Solve, through row space where it pays, or always, or never."""
    how = {"starts": None, "observe": None, "rows": None, **how}
    settings = Settings(**{k: how.pop(k) for k in list(how) if k in ("tol", "max_iter", "seed")})
    if through is not None:
        # what row space holds goes the direct way
        monkeypatch.setattr(
            row_space, "pays", lambda engine, _: through and engine.n_features == x.shape[1]
        )
    with open_engine(name, x, scale_of(x)) as engine:
        return solve(engine, some, settings, **how)


def value(x, one, weights, b):
    """The objective by its definition, of C = 1 and row weights."""
    features = x.astype(float) * scale_of(x)
    if one.n_classes == 2:
        return objective(features, one.codes, weights[0], b[0], 1.0, one.costs)
    z = features @ weights.T + b
    top = z.max(axis=1)
    logs = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
    own = z[np.arange(len(z)), one.codes]
    return one.costs @ (logs - own) + 0.5 * np.vdot(weights, weights)


def assert_same_optimum(here, there):
    apart = np.linalg.norm(here.weights - there.weights)
    gaps = [one.certificate.gap for one in (here, there)]
    assert apart <= sum(np.sqrt(2 * gap) for gap in gaps)
    lower, higher = sorted(one.certificate.objective for one in (here, there))
    assert higher - lower <= max(gaps) + 1e-9 * higher


CASES = {
    "as they are": lambda rng, x, s: (x, s),
    "row weights": lambda rng, x, s: (x, rng.integers(0, 4, len(x)) * 1.0),
    "twice": lambda rng, x, s: (np.concatenate([x[: N // 2]] * 2), s),
    "of low rank": lambda rng, x, s: (x[rng.integers(0, 7, len(x))], s),
    "with an empty row": lambda rng, x, s: (
        x * (np.arange(len(x)) > 0)[:, None].astype(x.dtype),
        s,
    ),
    "all equal": lambda rng, x, s: (np.repeat(x[:1], len(x), axis=0), s),
}


KINDS = [
    ("as they are", np.uint8),
    ("as they are", np.float32),
    ("as they are", np.float64),
    ("row weights", np.uint8),
    ("twice", np.uint8),
    ("of low rank", np.float32),
    ("with an empty row", np.uint8),
    ("all equal", np.float64),
]


@pytest.mark.parametrize(("case", "kind"), KINDS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_optimum_is_that_of_the_features(
    name, rng, monkeypatch, case, kind, n_classes, intercept
):
    x, s = CASES[case](rng, photos(rng, kind=kind), np.ones(N))
    y = labels(rng, N, n_classes)
    s[:n_classes] = 1.0
    some = [regression(y, n_classes, s, 1.0, intercept=intercept)]
    (found,) = run(name, x, some, through=True, monkeypatch=monkeypatch)
    (direct,) = run(name, x, some, through=False, monkeypatch=monkeypatch)
    assert found.certificate.converged
    assert found.certificate.relative_gap <= 1e-6
    assert found.certificate.objective == pytest.approx(
        value(x, some[0], found.weights, found.intercept), rel=1e-10
    )
    assert intercept or not found.intercept.any()
    assert_same_optimum(found, direct)


def test_an_independent_solver_finds_the_same(name, rng):
    """In the coordinates of the singular vectors, by another's quasi-Newton steps."""
    x = photos(rng, 40, 700, np.float64)
    y = labels(rng, 40, 3)
    (found,) = run(name, x, [regression(y, 3, np.ones(40), 1.0)], tol=1e-10)
    left, size, right = np.linalg.svd(x, full_matrices=False)

    def slope(v):
        w, b = v[:-3].reshape(3, -1), v[-3:]
        at, in_w, in_b = softmax_objective(left * size, y, w, b, 1.0)
        return at, np.concatenate([in_w.ravel(), in_b])

    start = np.zeros(3 * len(size) + 3)
    options = {"maxiter": 3000, "ftol": 1e-15, "gtol": 1e-9}
    best = minimize(slope, start, jac=True, method="L-BFGS-B", options=options)
    assert found.certificate.converged
    assert found.certificate.objective == pytest.approx(best.fun, rel=1e-9)
    np.testing.assert_allclose(found.weights, best.x[:-3].reshape(3, -1) @ right, atol=1e-4)


def test_as_many_rows_as_features_by_that_way(name, rng, monkeypatch):
    x = photos(rng, 80, 80)
    some = [regression(labels(rng, 80, 3), 3, np.ones(80), 1.0)]
    here, there = (
        run(name, x, some, through=through, monkeypatch=monkeypatch)[0] for through in (True, False)
    )
    assert here.certificate.converged
    assert_same_optimum(here, there)


def test_weights_are_sums_of_rows(name, rng):
    """Without an intercept the optimum has nothing outside the rows' span."""
    x = photos(rng, 20, D, np.float64)
    some = [regression(labels(rng, 20, 3), 3, np.ones(20), 1.0, intercept=False)]
    (found,) = run(name, x, some)
    shares = np.linalg.lstsq(x.T, found.weights.T, rcond=None)[0]
    np.testing.assert_allclose(x.T @ shares, found.weights.T, atol=1e-8)
    np.testing.assert_allclose(found.weights.sum(axis=0), 0, atol=1e-8)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("rank", [1, 7, N])
def test_coordinates_keep_products_and_lengths(name, rng, intercept, rank):
    x = photos(rng, kind=np.float64)[np.arange(N) % rank]
    with open_engine(name, x) as engine:
        space = RowSpace.of(engine, intercept=intercept)
        centred = x - space.center
        found = space.coordinates @ space.coordinates.T
        np.testing.assert_allclose(found, centred @ centred.T, atol=1e-7)
        assert space.coordinates.shape[1] <= rank
        assert intercept or not space.center.any()
        inner = space.open()
        assert (inner.n_rows, inner.n_features) == space.coordinates.shape


@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_a_penalty_the_rows_are_separated(name, rng, n_classes):
    x = photos(rng, 30, 800)
    some = [regression(labels(rng, 30, n_classes), n_classes, np.ones(30), np.inf)]
    (found,) = run(name, x, some)
    assert found.certificate.status == "separated"
    margins = x * SCALE @ found.weights.T + found.intercept
    margins = np.column_stack([-margins, margins]) if n_classes == 2 else margins
    np.testing.assert_array_equal(margins.argmax(axis=1), some[0].codes)


def test_folds_that_start_from_each_other(name, rng):
    """And margins of the rows that are asked for, and a fold that lacks a class."""
    x = photos(rng)
    y = labels(rng, N, 3)
    folds = [np.where(np.arange(N) % 5 == fold, 0.0, 1.0) for fold in range(5)]
    some = [regression(y, 3, s, C) for C in (0.1, 10.0) for s in folds]
    lacking = regression(np.minimum(y, 1), 3, np.ones(N), 1.0)
    starts = [None] * 5 + list(range(5)) + [None]
    rows = [np.flatnonzero(one.costs == 0) for one in (*some, lacking)]
    *found, undefined = run(name, x, [*some, lacking], starts=starts, rows=rows)
    assert undefined.certificate.status == "undefined"
    assert undefined.weights.shape == (3, D)
    for one, which in zip(found, rows, strict=False):
        assert one.certificate.converged
        expected = x[which] * SCALE @ one.weights.T + one.intercept
        np.testing.assert_allclose(one.margins, expected, atol=1e-9)
    for one, regressed in zip(found, some, strict=True):
        reached = value(x, regressed, one.weights, one.intercept)
        assert one.certificate.objective == pytest.approx(reached, rel=1e-9)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_any_number_of_threads_gives_the_same_bits(rng, monkeypatch, kind):
    x = photos(rng, kind=kind)
    some = [regression(labels(rng, N, 3), 3, np.ones(N), 1.0)]
    found = []
    for count in (1, 3):
        monkeypatch.setenv("IMLOGIT_NUM_THREADS", str(count))
        found += run("numba", x, some)
    np.testing.assert_array_equal(found[0].weights, found[1].weights)
    np.testing.assert_array_equal(found[0].intercept, found[1].intercept)


def test_the_engine_keeps_its_threads(rng, monkeypatch):
    monkeypatch.setenv("IMLOGIT_NUM_THREADS", "2")
    some, at_work = [regression(labels(rng, N, 3), 3, np.ones(N), 1.0)], set()
    with open_engine("numba", photos(rng), SCALE) as engine:
        solve(engine, some, Settings())
        engine.team.share(lambda *_: at_work.add(threading.get_ident()), 8)
    assert threading.get_ident() not in at_work


@pytest.mark.parametrize("kind", [np.uint8, np.float64])
@pytest.mark.parametrize("after", [1, 3])
def test_an_interrupt_hands_over_weights_for_the_features(name, rng, kind, after):
    x = photos(rng, kind=kind)
    some = [regression(labels(rng, N, n), n, np.ones(N), 1.0) for n in (3, 3)]

    calls = []

    def interrupt(news):
        calls.append(news)
        if len(calls) > after:
            raise KeyboardInterrupt

    with pytest.raises(FitInterrupted) as stopped:
        run(name, x, some, tol=1e-10, observe=interrupt)
    assert len(stopped.value.partial) == 2
    for one, found in zip(some, stopped.value.partial, strict=True):
        assert found.certificate.status == "interrupted"
        assert found.weights.shape == (3, D)
        reached = value(x, one, found.weights, found.intercept)
        assert found.certificate.objective == pytest.approx(reached, rel=1e-6)


@pytest.mark.parametrize("where", ["of", "lift"])
def test_an_interrupt_on_the_way_there_and_back_is_one_of_the_fit(name, rng, monkeypatch, where):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(RowSpace, where, interrupt)
    some = [regression(labels(rng, N, 3), 3, np.ones(N), 1.0)]
    with pytest.raises(FitInterrupted) as stopped:
        run(name, photos(rng), some)
    assert len(stopped.value.partial) == 1


def test_an_interrupt_leaves_what_is_undefined_undefined(name, rng):
    y = labels(rng, N, 3)
    some = [regression(np.minimum(y, 1), 3, np.ones(N), 1.0), regression(y, 3, np.ones(N), 1.0)]

    calls = []

    def interrupt(news):
        calls.append(news)
        if len(calls) > 1:
            raise KeyboardInterrupt

    with pytest.raises(FitInterrupted) as stopped:
        run(name, photos(rng), some, tol=1e-10, observe=interrupt)
    first, second = (one.certificate.status for one in stopped.value.partial)
    assert (first, second) == ("undefined", "interrupted")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e160, 1e300])
def test_features_whose_squares_overflow_are_an_error(name, rng, size):
    x = rng.normal(size=(30, 700)) * size
    with pytest.raises(TooLargeError, match="too large"):
        run(name, x, [regression(labels(rng, 30, 3), 3, np.ones(30), 1.0)])


@pytest.mark.parametrize("size", [1e-300, 1e-100, 1e100])
def test_extreme_features_give_an_answer(name, rng, size):
    x = rng.normal(size=(30, 700)) * size
    some = [regression(labels(rng, 30, 3), 3, np.ones(30), 1.0)]
    (found,) = run(name, x, some, max_iter=5)
    assert np.isfinite(found.weights).all()
    assert found.certificate.status in REASONS


def test_progress_and_what_the_certificate_holds(name, rng):
    x, seen = photos(rng), []
    some = [regression(labels(rng, N, 3), 3, np.ones(N), C) for C in (0.1, 1.0)]
    found = run(name, x, some, observe=seen.append)
    assert [news.done for news in seen] == sorted(news.done for news in seen)
    assert {news.total for news in seen} == {6}
    assert seen[-1].done == 6
    for one, regressed in zip(found, some, strict=True):
        certificate = one.certificate
        assert certificate.iterations > 0
        # the way begins at the base rate, and ends with the look at the features
        assert certificate.history[0].objective == pytest.approx(fit_base_rate(regressed).objective)
        assert certificate.history[-1].objective == pytest.approx(certificate.objective, rel=1e-6)
        assert certificate.tol == 1e-6
        assert certificate.passes > 0


def test_the_seconds_hold_those_in_row_space(name, rng, monkeypatch):
    x = photos(rng)
    some = [regression(labels(rng, N, 3), 3, np.ones(N), 1.0)]
    of, spent = RowSpace.of, []

    def slow(engine, *, intercept):
        space = of(engine, intercept=intercept)
        spent.append(space.seconds)
        return row_space.replace(space, seconds=space.seconds + 1000.0)

    monkeypatch.setattr(RowSpace, "of", slow)
    (found,) = run(name, x, some)
    assert spent[0] > 0
    assert 1000.0 < found.certificate.seconds < 1100.0


@pytest.mark.parametrize(
    ("n", "d", "columns", "expected"),
    [
        (60, 900, 3, True),
        (60, 900, 1, True),
        (20, 30_000, 1, True),
        (900, 60, 3, False),
        (500, 500, 3, False),
        (499, 500, 3, False),  # fewer, but hardly
        (20, 100, 1, False),  # exact steps are cheaper
        (30, 400, 1, False),
    ],
)
def test_when_it_pays(n, d, columns, expected):
    assert pays(open_engine("reference", np.zeros((n, d))), columns) is expected


def test_the_more_columns_the_sooner_it_pays():
    engine = open_engine("reference", np.zeros((700, 800)))
    paid = [pays(engine, columns) for columns in (1, 5, 50, 500)]
    assert paid == sorted(paid)
    assert paid[-1]


def test_a_fit_has_the_same_bits_alone_and_with_those_that_start_from_it(rng):
    x = photos(rng)
    some = [regression(labels(rng, N, 3), 3, np.ones(N), C) for C in (1.0, 0.1)]
    alone, together = run("numba", x, some[:1]), run("numba", x, some, starts=[None, 0])
    np.testing.assert_array_equal(alone[0].weights, together[0].weights)
