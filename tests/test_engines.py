"""One suite for every engine: each sum against its definition, and against differences."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlogit.core.columns import binary_columns
from imlogit.core.contract import SPAN
from imlogit.core.loss import divergence, logistic
from imlogit.engines.numba_kernels import kernel
from imlogit.engines.table import ENGINES, open_engine

from problems import five_point

SCALE = 1 / 255
K = 3


@pytest.fixture(params=sorted(ENGINES))
def name(request):
    return request.param


@pytest.fixture(params=["uint8", "float32", "float64"])
def features(request, rng):
    pixels = rng.integers(0, 256, (700, 12), dtype=np.uint8)
    pixels[:, 3] = 0
    return pixels.astype(request.param)


@pytest.fixture
def columns(rng):
    return binary_columns(rng.random((K, 700)) < 0.3, rng.integers(0, 3, (K, 700)) * 1.0, 0.7)


@pytest.fixture
def point(rng):
    return rng.normal(size=(K, 12)), rng.normal(size=K)


@pytest.fixture
def problem(name, features, columns, point):
    """Placed at a point and evaluated there, with both directions set."""
    opened = open_engine(name, features, SCALE).open(columns)
    weights, b = point
    opened.place(weights, precise=True)
    opened.extend(np.ones((K, 12)), precise=True)
    opened.step(np.full((K, 2), 0.0))
    opened.evaluate(np.zeros((K, 2)), b)
    return opened


def signed_margins(features, columns, weights, b):
    return columns.signs * (weights @ (features.astype(float) * SCALE).T + b[:, None])


def test_multiply(name, features, point):
    expected = point[0] @ (features.astype(float) * SCALE).T
    np.testing.assert_allclose(open_engine(name, features, SCALE).multiply(point[0]), expected)


def test_evaluate(problem, features, columns, point):
    m = signed_margins(features, columns, *point)
    loss, dual, _ = logistic(m)
    found = problem.evaluate(np.zeros((K, 2)), point[1])
    np.testing.assert_allclose(found.loss, (columns.costs * loss).sum(axis=1))
    positive = columns.signs > 0
    for side, rows in enumerate((~positive, positive)):
        expected = (columns.costs * dual * rows).sum(axis=1)
        np.testing.assert_allclose(found.residual[:, side], expected)
    worst = np.where(columns.costs > 0, m, np.inf).min(axis=1)
    np.testing.assert_allclose(found.worst, worst)


def test_gradient_is_the_derivative_of_the_loss(problem, point):
    weights, b = point
    found, apart = problem.gradient(np.ones((K, 2)), precise=True)
    assert not apart.any()

    def loss(value, feature):
        moved = weights.copy()
        moved[:, feature] = value
        problem.place(moved, precise=True)
        return problem.evaluate(np.zeros((K, 2)), b).loss

    for feature in range(12):
        expected = five_point(lambda v, f=feature: loss(v, f), weights[:, feature], 1e-3)
        np.testing.assert_allclose(found[:, feature], expected, rtol=1e-7, atol=1e-8)


def test_projection_is_the_derivative_in_the_span(problem, point, rng):
    b = point[1]
    problem.extend(rng.normal(size=(K, 12)), precise=True)
    problem.step(np.tile([0.0, 0.1], (K, 1)))  # the last step is now a direction, too
    problem.extend(rng.normal(size=(K, 12)), precise=True)

    def at(coordinate, value):
        steps = np.zeros((K, SPAN))
        steps[:, coordinate] = value
        return problem.evaluate(np.ascontiguousarray(steps[:, :2]), b + steps[:, 2])

    at(0, 0.0)
    gradient, hessian = problem.project()
    for c in range(SPAN):
        slope = five_point(lambda v, c=c: at(c, v).loss, 0.0, 1e-3)
        np.testing.assert_allclose(gradient[:, c], slope, rtol=1e-7, atol=1e-8)

        def slopes(value, c=c):
            at(c, value)
            return problem.project()[0]

        np.testing.assert_allclose(
            hessian[:, c], five_point(slopes, 0.0, 1e-3), rtol=1e-7, atol=1e-8
        )


def test_step_moves_the_margins(problem, features, point, rng):
    direction = rng.normal(size=(K, 12))
    steps = np.stack([np.zeros(K), rng.normal(size=K)], axis=1)
    problem.extend(direction, precise=True)
    problem.step(steps)
    moved = point[0] + steps[:, 1:] * direction
    expected = moved @ (features.astype(float) * SCALE).T
    np.testing.assert_allclose(problem.margins(), expected, atol=1e-12)


def test_shrunk_duals_and_their_divergence(problem, features, columns, point):
    shrink = np.array([[1.0, 0.3], [0.9, 1.0], [1.0, 0.0]])
    found, apart = problem.gradient(shrink, precise=True)
    m = signed_margins(features, columns, *point)
    s = np.where(columns.signs > 0, shrink[:, 1:], shrink[:, :1])
    _, dual, _ = logistic(m)
    q = s * dual
    expected = (-columns.signs * columns.costs * q) @ (features.astype(float) * SCALE)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    with np.errstate(divide="ignore", invalid="ignore"):
        kl = np.where(q > 0, q * np.log(q / dual), 0) + (1 - q) * np.log((1 - q) / (1 - dual))
    np.testing.assert_allclose(apart, (columns.costs * kl).sum(axis=1))


def test_gram(problem, features, columns, point, name):
    center = open_engine(name, features, SCALE).center()
    x = features.astype(float) * SCALE - center
    _, _, curvature = logistic(signed_margins(features, columns, *point))
    h = columns.costs * curvature
    for j in range(K):
        second, first, total = problem.gram(j, center)
        np.testing.assert_allclose(second, (x.T * h[j]) @ x, atol=1e-12)
        np.testing.assert_allclose(first, h[j] @ x, atol=1e-12)
        assert total == pytest.approx(h[j].sum())


def test_draws_follow_the_curvature(problem, features, columns, point):
    _, _, curvature = logistic(signed_margins(features, columns, *point))
    h = columns.costs * curvature
    positions = (np.arange(400) + 0.5) / 400
    rows, weights = problem.draw(1, positions)
    assert weights.sum() == pytest.approx(h[1].sum())
    # systematic draws: each row comes as often as its share says, give or take one
    times = np.bincount(rows, minlength=700)
    assert (np.abs(times - 400 * h[1] / h[1].sum()) <= 1).all()
    rows, weights = problem.draw(1, np.arange(700) / 700)
    np.testing.assert_array_equal(rows, np.arange(700))
    np.testing.assert_allclose(weights, h[1])


def test_columns_do_not_touch_each_other(name, features, columns, point):
    together = open_engine(name, features, SCALE).open(columns)
    weights, b = point
    together.place(weights, precise=False)
    together.evaluate(np.zeros((K, 2)), b)
    found, _ = together.gradient(np.ones((K, 2)), precise=False)
    for j in range(K):
        alone = open_engine(name, features, SCALE).open(columns.one(j))
        alone.place(weights[j : j + 1], precise=False)
        alone.evaluate(np.zeros((1, 2)), b[j : j + 1])
        gradient, _ = alone.gradient(np.ones((1, 2)), precise=False)
        np.testing.assert_allclose(gradient[0], found[j], rtol=1e-12)


def test_rows_and_take(name, features):
    engine = open_engine(name, features, SCALE)
    some = np.array([5, 5, 600, 0])
    expected = features[some].astype(float) * SCALE
    np.testing.assert_allclose(engine.rows(some, precise=True), expected)
    taken = engine.take(some)
    assert (taken.n_rows, taken.n_features) == (4, 12)
    np.testing.assert_allclose(taken.rows(np.arange(4), precise=True), expected)


def test_crossproduct(name, features, rng):
    rows = rng.normal(size=(2500, 7))
    found = open_engine(name, features).crossproduct(rows)
    np.testing.assert_allclose(found, rows.T @ rows)


@pytest.mark.parametrize("layout", ["read-only", "fortran", "strided", "memory-mapped"])
def test_any_layout_is_read_and_none_is_written(name, features, point, layout, tmp_path):
    given_features = {
        "read-only": lambda: features.copy(),
        "fortran": lambda: np.asfortranarray(features),
        "strided": lambda: np.repeat(features, 2, axis=0)[::2],
        "memory-mapped": lambda: _mapped(features, tmp_path),
    }[layout]()
    if layout == "read-only":
        given_features.flags.writeable = False
    engine = open_engine(name, given_features, SCALE)
    expected = open_engine(name, features, SCALE).multiply(point[0])
    np.testing.assert_array_equal(engine.multiply(point[0]), expected)
    np.testing.assert_array_equal(given_features, features)


def _mapped(features, tmp_path):
    np.save(tmp_path / "features.npy", features)
    return np.load(tmp_path / "features.npy", mmap_mode="r")


def test_working_precision_is_close(name, features, columns, point):
    """Sums on the way may be float32; they must still point downhill."""
    found = []
    for precise in (False, True):
        problem = open_engine(name, features, SCALE).open(columns)
        problem.place(point[0], precise=precise)
        problem.evaluate(np.zeros((K, 2)), point[1])
        found.append(problem.gradient(np.ones((K, 2)), precise=precise)[0])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-4)


def test_kernels_compile_where_nothing_can_be_kept(monkeypatch):
    compiled = numba.njit

    def without_folder(*_, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return compiled(**options)

    monkeypatch.setattr("numba.njit", without_folder)
    out = np.zeros(1)

    def double(values):
        values[0] = 2.0

    kernel(double)(out)
    assert out[0] == 2


def test_unknown_engine():
    with pytest.raises(ValueError, match="'abacus'.*'auto'.*'numba'.*'reference'"):
        open_engine("abacus", np.zeros((2, 2)))


@pytest.mark.parametrize("m", [-800.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 800.0])
def test_logistic_at_extreme_margins(m):
    loss, dual, curvature = (float(v[0]) for v in logistic(np.array([m])))
    assert loss == pytest.approx(np.logaddexp(0, -m), rel=1e-15)
    assert dual == pytest.approx(np.exp(-np.logaddexp(0, m)), rel=1e-14, abs=0)
    assert 0 <= curvature <= 0.25


@given(
    m=st.floats(-600, 600),
    shrink=st.floats(0, 1),
)
@settings(max_examples=300, deadline=None)
def test_divergence_is_finite_and_not_negative(m, shrink):
    found = divergence(np.array([m]), np.array([shrink]))[0]
    assert np.isfinite(found)
    assert found >= -1e-12
    assert shrink < 1 or abs(found) < 1e-300
