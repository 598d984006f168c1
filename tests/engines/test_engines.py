"""One suite for every engine: each sum against its definition, and against differences."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp

from imlogit.core.contract import Problem
from imlogit.core.loss import logistic, logistic_divergence
from imlogit.core.regression import regression
from imlogit.engines.numba_math import exp_negative, log1p_unit
from imlogit.engines.table import open_engine
from imlogit.system.compiled import kernel

from helpers.engines import ENGINE_NAMES, INSTALLED
from helpers.known_problems import five_point

SCALE = 1 / 255
N, D = 700, 12


class Case:
    """Some regressions at some point, each quantity by its definition."""

    def __init__(self, rng, n_classes, features, n_slots=4):
        self.n_classes, self.n_columns = n_classes, 1 if n_classes == 2 else n_classes
        self.x = features.astype(float) * SCALE
        self.regressions = [
            regression(rng.integers(0, n_classes, N), n_classes, rng.integers(0, 3, N) * 1.0, 0.7)
            for _ in range(n_slots)
        ]
        self.weights = rng.normal(size=(n_slots, self.n_columns, D))
        self.b = rng.normal(size=(n_slots, self.n_columns))
        self.slots = np.arange(n_slots)

    def parts(self, slot, weights=None):
        """Loss (n,), residuals (K, n) and curvatures (K, K, n) of the rows, without their costs."""
        r = self.regressions[slot]
        weights = self.weights[slot] if weights is None else weights
        z = weights @ self.x.T + self.b[slot][:, None]
        z = np.concatenate([np.zeros_like(z), z]) if self.n_columns == 1 else z
        p = np.exp(z - logsumexp(z, axis=0))
        own = np.arange(len(z))[:, None] == r.codes
        curvature = np.eye(len(z))[:, :, None] * p - p[:, None] * p[None]
        keep = slice(len(z) - self.n_columns, None)
        return -np.log(p[own.argmax(axis=0), np.arange(N)]), (p - own)[keep], curvature[keep, keep]

    def open(self, name, features, *, precise=True):
        """Return a problem placed at the point and evaluated there."""
        opened = open_engine(name, features, SCALE).open(len(self.slots), self.n_classes)
        for slot, one in enumerate(self.regressions):
            opened.admit(slot, one)
        opened.place(self.slots, self.weights, precise=precise)
        opened.evaluate(self.slots, self.still(), self.b)
        return opened

    def still(self):
        return np.zeros((len(self.slots), 2))

    def as_they_are(self):
        """The duals that change nothing."""
        one = 1.0 if self.n_classes == 2 else 0.0
        return np.full((len(self.slots), self.n_classes), one)


@pytest.fixture(params=ENGINE_NAMES)
def name(request):
    return request.param


@pytest.fixture(params=["uint8", "float32", "float64"])
def features(request, rng):
    pixels = rng.integers(0, 256, (N, D), dtype=np.uint8)
    pixels[:, 3] = 0
    return pixels.astype(request.param)


@pytest.fixture(params=[2, 3, 5])
def case(request, rng, features):
    return Case(rng, request.param, features)


@pytest.fixture
def problem(case, name, features):
    return case.open(name, features)


@pytest.mark.parametrize("k", [1, 2, 3, 9])
def test_multiply(name, features, rng, k):
    weights = rng.normal(size=(k, D))
    expected = weights @ (features.astype(float) * SCALE).T
    np.testing.assert_allclose(open_engine(name, features, SCALE).multiply(weights), expected)


def test_evaluate(problem, case):
    found = problem.evaluate(case.slots, case.still(), case.b)
    for slot, r in enumerate(case.regressions):
        loss, residual, _ = case.parts(slot)
        assert found.loss[slot] == pytest.approx(r.costs @ loss)
        if case.n_classes == 2:
            by_side = [r.costs @ (np.abs(residual[0]) * (r.codes == side)) for side in (0, 1)]
            np.testing.assert_allclose(found.mass[slot], by_side)
        else:
            of_class = (residual + (np.arange(case.n_classes)[:, None] == r.codes)) @ r.costs
            np.testing.assert_allclose(found.mass[slot], of_class)


def test_the_worst_margin(problem, case):
    for slot, r in enumerate(case.regressions):
        z = case.weights[slot] @ case.x.T + case.b[slot][:, None]
        z = np.concatenate([np.zeros_like(z), z]) if case.n_columns == 1 else z
        own = np.take_along_axis(z, r.codes[None], axis=0)[0]
        others = np.where(np.arange(len(z))[:, None] == r.codes, -np.inf, z).max(axis=0)
        assert problem.worst(slot) == pytest.approx((own - others)[r.costs > 0].min())


def test_gradient_is_the_derivative_of_the_loss(problem, case):
    found, apart = problem.gradient(case.slots, case.as_they_are(), precise=True)
    assert not apart.any()

    def loss(value, k, feature):
        moved = case.weights.copy()
        moved[:, k, feature] = value
        problem.place(case.slots, moved, precise=True)
        return problem.evaluate(case.slots, case.still(), case.b).loss

    for k in range(case.n_columns):
        for feature in (0, 3, 11):
            at = case.weights[:, k, feature]
            expected = five_point(lambda v, k=k, f=feature: loss(v, k, f), at, 1e-3)
            np.testing.assert_allclose(found[:, k, feature], expected, rtol=1e-7, atol=1e-8)


def test_projection_is_the_derivative_in_the_span(problem, case, rng):
    for steps in ([0.0, 0.1], [0.0, 0.0]):  # the last step is a direction, too
        problem.extend(case.slots, rng.normal(size=case.weights.shape), precise=True)
        if steps[1]:
            problem.step(case.slots, np.tile(steps, (len(case.slots), 1)))

    def at(coordinate, value):
        steps = np.zeros((len(case.slots), 2 + case.n_columns))
        steps[:, coordinate] = value
        return problem.evaluate(case.slots, steps[:, :2], case.b + steps[:, 2:])

    at(0, 0.0)
    gradient, hessian = problem.project(case.slots)
    for c in range(2 + case.n_columns):
        slope = five_point(lambda v, c=c: at(c, v).loss, 0.0, 1e-3)
        np.testing.assert_allclose(gradient[:, c], slope, rtol=1e-7, atol=1e-8)

        def slopes(value, c=c):
            at(c, value)
            return problem.project(case.slots)[0]

        expected = five_point(slopes, 0.0, 1e-3)
        np.testing.assert_allclose(hessian[:, c], expected, rtol=1e-7, atol=1e-8)


def walk(problem, case, rng, *, lengths):
    """Take a step, look along a new direction, and evaluate at a random point of the span."""
    directions = rng.normal(size=(2, *case.weights.shape))
    problem.extend(case.slots, directions[0], precise=True)
    problem.step(case.slots, np.tile([0.0, lengths[0]], (len(case.slots), 1)))
    problem.extend(case.slots, directions[1], precise=True)
    steps = rng.normal(size=(len(case.slots), 2)) * lengths[1]
    problem.evaluate(case.slots, steps, case.b)
    last = lengths[0] * directions[0]
    case.weights = case.weights + last + np.einsum("a,akd->akd", steps[:, 0], last)
    case.weights += np.einsum("a,akd->akd", steps[:, 1], directions[1])
    return steps


@pytest.mark.parametrize("moves", [True, False], ids=["intercepts go along", "they do not"])
def test_projection_along_is_that_of_the_span(problem, case, rng, moves):
    walk(problem, case, rng, lengths=(0.3, 0.2))
    shifts = rng.normal(size=(len(case.slots), 2, case.n_columns)) * moves
    gradient, hessian = problem.project_along(case.slots, shifts)
    expected = Problem.project_along(problem, case.slots, shifts)
    np.testing.assert_allclose(gradient, expected[0], rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(hessian, expected[1], rtol=1e-10, atol=1e-9)
    some = np.array([3, 1])  # each slot with its own shifts, in whatever order
    again = problem.project_along(some, shifts[some])
    np.testing.assert_array_equal(again[0], gradient[some])
    np.testing.assert_array_equal(again[1], hessian[some])


def test_coupling_is_the_hessian_in_the_intercepts(problem, case, rng):
    walk(problem, case, rng, lengths=(0.3, 0.2))
    _, hessian = problem.project(case.slots)
    for slot in case.slots:
        expected, found = hessian[slot, 2:, 2:], problem.coupling(slot)
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
        np.testing.assert_allclose(found, found.T, rtol=1e-14)
        if case.n_columns > 1:  # the softmax does not see an equal shift, to the last digit
            assert np.abs(found.sum(axis=1)).max() <= 1e-12 * np.abs(expected).max()


def test_curved_means(problem, case, rng):
    walk(problem, case, rng, lengths=(0.3, 0.2))
    for slot, r in enumerate(case.regressions):
        h = r.costs * np.einsum("kkn->kn", case.parts(slot)[2])
        expected = h @ case.x / h.sum(axis=1, keepdims=True)
        found = problem.curved_means(slot)
        assert found.shape == (case.n_columns, D)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_mean_of_no_curvature_is_zero(name):
    x = np.array([[1.0, 2.0], [3.0, 5.0], [7.0, 4.0]])
    for n_classes in (2, 3):
        opened = open_engine(name, x).open(1, n_classes)
        codes, costs = np.arange(3) % n_classes, np.zeros(3)
        opened.admit(0, regression(codes, n_classes, costs, 1.0))
        n_columns = 1 if n_classes == 2 else n_classes
        opened.evaluate(np.array([0]), np.zeros((1, 2)), np.zeros((1, n_columns)))
        assert not opened.curved_means(0).any()


def test_step_moves_the_margins(problem, case, rng):
    direction = rng.normal(size=case.weights.shape)
    steps = np.stack([np.zeros(4), rng.normal(size=4)], axis=1)
    problem.extend(case.slots, direction, precise=True)
    problem.step(case.slots, steps)
    moved = case.weights + steps[:, 1, None, None] * direction
    some = np.array([3, 600, 3])
    for slot in case.slots:
        expected = case.x[some] @ moved[slot].T
        np.testing.assert_allclose(problem.margins(slot, some), expected, atol=1e-12)


def test_shrunk_duals_and_their_divergence(name, features, rng):
    case = Case(rng, 2, features)
    shrink = np.array([[1.0, 0.3], [0.9, 1.0], [1.0, 0.0], [1.0, 1.0]])
    found, apart = case.open(name, features).gradient(case.slots, shrink, precise=True)
    for slot, r in enumerate(case.regressions):
        residual = case.parts(slot)[1][0]
        s, a = shrink[slot][r.codes], np.abs(residual)
        np.testing.assert_allclose(found[slot, 0], (r.costs * s * residual) @ case.x, atol=1e-10)
        with np.errstate(divide="ignore", invalid="ignore"):
            kl = np.where(s > 0, s * a * np.log(s), 0) + (1 - s * a) * np.log((1 - s * a) / (1 - a))
        assert apart[slot] == pytest.approx(r.costs @ kl)


def test_moved_duals_and_their_divergence(name, features, rng):
    case = Case(rng, 4, features)
    moved = np.array([[0.1, 0.0, 0.2, 0.05], [0.0] * 4, [0.0, 0.0, 0.0, 1.0], [1e-3, 0, 0, 0]])
    found, apart = case.open(name, features).gradient(case.slots, moved, precise=True)
    for slot, r in enumerate(case.regressions):
        own = np.arange(4)[:, None] == r.codes
        p = case.parts(slot)[1] + own
        q = (1 - moved[slot].sum()) * p + moved[slot][:, None]
        np.testing.assert_allclose(found[slot], (r.costs * (q - own)) @ case.x, atol=1e-10)
        with np.errstate(divide="ignore", invalid="ignore"):
            kl = np.where(q > 0, q * np.log(q / p), 0).sum(axis=0)
        assert apart[slot] == pytest.approx(r.costs @ kl)


@pytest.mark.parametrize("stepped", [False, True])
def test_moved_duals_are_of_the_point_that_was_evaluated_last(name, features, rng, stepped):
    """In the span, and when a step has made the margins those of that point."""
    case = Case(rng, 3, features)
    opened = case.open(name, features)
    steps = walk(opened, case, rng, lengths=(0.3, 0.2))
    worst = opened.worst(1)
    if stepped:
        opened.step(case.slots, steps)
        assert opened.worst(1) == pytest.approx(worst, abs=1e-12)
    moved = rng.random((4, 3)) * 0.2
    found, apart = opened.gradient(case.slots, moved, precise=True)
    some = np.array([2, 0])
    of_some, apart_of_some = opened.gradient(some, moved[some], precise=True)
    np.testing.assert_allclose(of_some, found[some], atol=1e-10)
    np.testing.assert_allclose(apart_of_some, apart[some])
    for slot, r in enumerate(case.regressions):
        own = np.arange(3)[:, None] == r.codes
        p = case.parts(slot)[1] + own
        q = (1 - moved[slot].sum()) * p + moved[slot][:, None]
        np.testing.assert_allclose(found[slot], (r.costs * (q - own)) @ case.x, atol=1e-9)
        assert apart[slot] == pytest.approx(r.costs @ (q * np.log(q / p)).sum(axis=0))


@pytest.mark.parametrize("duals", [[0.0] * 3, [1e-30, 0.0, 0.0]], ids=["as they are", "moved"])
def test_residuals_of_rows_far_on_their_side_keep_their_digits(name, duals):
    codes = np.array([0, 1, 2])
    margins = np.array([[50.0, 4.0, 0.0], [3.0, 60.0, 1.0], [0.0, 2.0, 45.0]])  # (K, n)
    opened = open_engine(name, np.eye(3), 1.0).open(1, 3)
    opened.admit(0, regression(codes, 3, np.ones(3), 1.0))
    opened.place(np.array([0]), margins[None], precise=True)
    opened.evaluate(np.array([0]), np.zeros((1, 2)), np.zeros((1, 3)))
    found, _ = opened.gradient(np.array([0]), np.array([duals]), precise=True)
    p = np.exp(margins - logsumexp(margins, axis=0)) + np.array(duals)[:, None]
    others = np.where(np.eye(3) > 0, 0.0, p)
    np.testing.assert_allclose(found[0], others - np.diag(others.sum(axis=0)), rtol=1e-13)


def test_gram_is_the_hessian(problem, case, name, features):
    center = open_engine(name, features, SCALE).center()
    x, k = case.x - center, case.n_columns
    for slot, r in enumerate(case.regressions):
        h = r.costs * case.parts(slot)[2]
        second, mixed, total = problem.gram(slot, center)
        expected = np.einsum("kln,nd,ne->kdle", h, x, x).reshape(k * D, k * D)
        np.testing.assert_allclose(second, expected, atol=1e-11)
        expected = np.einsum("kln,nd->kdl", h, x).reshape(k * D, k)
        np.testing.assert_allclose(mixed, expected, atol=1e-11)
        np.testing.assert_allclose(total, h.sum(axis=2), atol=1e-11)


def test_draws_follow_the_curvature(problem, case):
    column = case.n_columns - 1
    h = case.regressions[1].costs * case.parts(1)[2][column, column]
    positions = (np.arange(400) + 0.5) / 400
    rows, weights = problem.draw(1, column, positions)
    assert weights.sum() == pytest.approx(h.sum())
    # systematic draws: each row comes as often as its share says, give or take one
    times = np.bincount(rows, minlength=N)
    assert (np.abs(times - 400 * h / h.sum()) <= 1).all()
    rows, weights = problem.draw(1, column, np.arange(N) / N)
    np.testing.assert_array_equal(rows, np.arange(N))
    np.testing.assert_allclose(weights, h)


def test_draws_for_all_columns_follow_the_sum_of_their_curvatures(problem, case, rng):
    walk(problem, case, rng, lengths=(0.3, 0.2))
    h = case.regressions[2].costs * np.einsum("kkn->n", case.parts(2)[2])
    rows, weights = problem.draw(2, None, (np.arange(300) + 0.5) / 300)
    assert weights.sum() == pytest.approx(h.sum())
    assert (np.abs(np.bincount(rows, minlength=N) - 300 * h / h.sum()) <= 1).all()
    assert (h[rows] > 0).all()
    rows, weights = problem.draw(2, None, np.arange(N + 1) / (N + 1))
    np.testing.assert_array_equal(rows, np.arange(N))
    np.testing.assert_allclose(weights, h, atol=1e-12)


def test_slots_do_not_touch_each_other(case, name, features):
    together = case.open(name, features, precise=False)
    found, _ = together.gradient(case.slots, case.as_they_are(), precise=False)
    for slot in (2, 0):
        one = np.array([slot])
        alone, _ = together.gradient(one, case.as_they_are()[one], precise=False)
        np.testing.assert_allclose(alone[0], found[slot], rtol=1e-4, atol=1e-4)
        again = case.open(name, features, precise=False)
        again.place(one, case.weights[one] * 2, precise=False)
        again.evaluate(one, case.still()[one], case.b[one])
        others = np.delete(case.slots, slot)
        left, _ = again.gradient(others, case.as_they_are()[others], precise=False)
        np.testing.assert_allclose(left, found[others], rtol=1e-4, atol=1e-4)


def test_a_slot_is_used_again(case, name, features):
    problem = case.open(name, features)
    problem.admit(0, case.regressions[1])
    assert not problem.margins(0, np.arange(N)).any()
    problem.place(np.array([0]), case.weights[1:2], precise=True)
    found = problem.evaluate(case.slots, case.still(), case.b[[1, 1, 2, 3]])
    assert found.loss[0] == pytest.approx(found.loss[1], rel=1e-12)


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
    engine = open_engine(name, features)
    np.testing.assert_allclose(engine.crossproduct(rows), rows.T @ rows)
    few_digits = (1000 + rows).astype(np.float32)
    found = engine.crossproduct(few_digits, precise=True)
    assert found.dtype == np.float64
    exact = few_digits.astype(np.float64)
    np.testing.assert_allclose(found, exact.T @ exact, rtol=1e-13)


@pytest.mark.parametrize("layout", ["read-only", "fortran", "strided", "memory-mapped"])
def test_any_layout_is_read_and_none_is_written(name, features, rng, layout, tmp_path):
    given_features = {
        "read-only": lambda: features.copy(),
        "fortran": lambda: np.asfortranarray(features),
        "strided": lambda: np.repeat(features, 2, axis=0)[::2],
        "memory-mapped": lambda: _mapped(features, tmp_path),
    }[layout]()
    if layout == "read-only":
        given_features.flags.writeable = False
    engine = open_engine(name, given_features, SCALE)
    weights = rng.normal(size=(5, D))
    expected = open_engine(name, features, SCALE).multiply(weights)
    np.testing.assert_array_equal(engine.multiply(weights), expected)
    np.testing.assert_array_equal(given_features, features)


def _mapped(features, tmp_path):
    np.save(tmp_path / "features.npy", features)
    return np.load(tmp_path / "features.npy", mmap_mode="r")


def test_working_precision_is_close(case, name, features):
    """Sums on the way may be float32; they must still point downhill."""
    found = [
        case.open(name, features, precise=precise).gradient(
            case.slots, case.as_they_are(), precise=precise
        )[0]
        for precise in (False, True)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-4)


def test_exponential_and_logarithm_of_the_kernels():
    x = -np.concatenate([np.linspace(0, 40, 4001), np.geomspace(1e-300, 700, 4001)])
    np.testing.assert_allclose(np.array([exp_negative(v) for v in x]), np.exp(x), rtol=1e-15)
    s = np.exp(x)
    np.testing.assert_allclose(np.array([log1p_unit(v) for v in s]), np.log1p(s), rtol=1e-15)
    assert exp_negative(-np.inf) < 1e-300


def test_a_slot_takes_more_with_more_rows_and_classes(name, rng):
    rows = rng.integers(0, 256, (N, D), dtype=np.uint8)
    few, many = open_engine(name, rows[: N // 2]), open_engine(name, rows)
    assert 0 < few.slot_bytes(2) < many.slot_bytes(2) < many.slot_bytes(1000)


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
    with pytest.raises(ValueError, match="Did you mean 'numba'"):
        open_engine("nubma", np.zeros((2, 2)))


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
    found = logistic_divergence(np.array([m]), np.array([shrink]))[0]
    assert np.isfinite(found)
    assert found >= -1e-12
    assert shrink < 1 or abs(found) < 1e-300


class TestADeviceOfTooLittleMemory:
    """TensorFlow's own error, raised where a device would raise it."""

    @pytest.fixture
    def engine(self, rng):
        if "tensorflow" not in INSTALLED:
            pytest.skip("needs tensorflow, not installed")
        return open_engine("tensorflow", rng.normal(size=(N, D)))

    @staticmethod
    def exhausted(engine, most_rows):
        """Work that fails while the blocks hold more rows."""
        from tensorflow.errors import ResourceExhaustedError

        def work():
            if engine.block > most_rows:
                raise ResourceExhaustedError(None, None, "out of memory")
            return engine.block

        return work

    def test_takes_smaller_blocks(self, engine, rng):
        weights = rng.normal(size=(3, D))
        before = engine.multiply(weights)
        assert engine.block == N
        assert engine.within_memory(self.exhausted(engine, 200)) == 175
        assert engine.blocks.shape == (4, 175, D)
        np.testing.assert_allclose(engine.multiply(weights), before, rtol=1e-12)

    def test_says_so_where_the_smallest_is_too_large(self, engine):
        with pytest.raises(MemoryError, match="too little memory for 700 rows of 12 features"):
            engine.within_memory(self.exhausted(engine, 0))

    def test_lets_go_of_its_blocks_before_it_makes_smaller_ones(self, engine, monkeypatch):
        """And memory that is short then, too, is one error."""
        import tensorflow as tf

        held = []

        def constant(values, *arguments, **how):
            if np.ndim(values) == 3:
                held.append(engine.blocks)
                raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
            return original(values, *arguments, **how)

        original = tf.constant
        monkeypatch.setattr(tf, "constant", constant)
        with pytest.raises(MemoryError, match="too little memory for 700 rows of 12 features"):
            engine.within_memory(self.exhausted(engine, 200))
        assert held
        assert all(blocks is None for blocks in held)
