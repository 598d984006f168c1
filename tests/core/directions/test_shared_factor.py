"""One factor for all classes: at the base rate the Hessian is the product that it stands for."""

import numpy as np
import pytest

from imlogit.core.descent import Batch, Descent
from imlogit.core.directions.shared_factor import draw_shared_factor
from imlogit.core.regression import regression
from imlogit.core.starts.start import fit_base_rate
from imlogit.engines.table import open_engine
from imlogit.errors import TooLargeError

K = 4


class Case:
    """A softmax at its base rate, where each row's probabilities are the classes' shares."""

    def __init__(self, name, rng, shape=(50, 6), C=0.3, *, kind=np.float64, intercept=True):
        n, d = shape
        self.x = (rng.normal(size=shape) * rng.uniform(0.5, 2, d) + 3).astype(kind)
        self.costs = rng.integers(0, 3, n) + (np.arange(n) < K)
        codes = np.arange(n) % K
        self.one = regression(codes, K, self.costs.astype(float), C, intercept=intercept)
        self.engine = open_engine(name, self.x)
        self.problem = self.engine.open(1, K)
        self.problem.admit(0, self.one)
        self.descent = Descent(self.one, 0, np.zeros((K, d)), fit_base_rate(self.one).b)
        self.batch = Batch(self.engine, self.problem)
        self.batch.place([self.descent], precise=True)
        self.batch.measure([self.descent])

    def factor(self, *, precise=True, tied=False):
        positions = np.arange(len(self.x)) / len(self.x)  # every row, once
        at = self.engine, self.problem, 0, self.one, positions
        return draw_shared_factor(*at, precise=precise, tied=tied)

    def newton(self, gradient, slope):
        """The exact step of weights (K, d) and intercepts (K,), by the dense Hessian."""
        d = self.x.shape[1]
        second, mixed, intercepts = self.problem.gram(0, np.zeros(d))
        second = second + self.one.penalty * np.eye(K * d)
        if not self.one.intercept:
            return -np.linalg.solve(second, gradient.ravel()).reshape(K, d), np.zeros(K)
        hessian = np.block([[second, mixed], [mixed.T, intercepts]])
        right = np.concatenate([gradient.ravel(), slope])
        # with the least equal shift of all classes, which nothing sees
        step = -np.linalg.lstsq(hessian, right, rcond=1e-12)[0]
        return step[: K * d].reshape(K, d), step[K * d :]


def confined(some):
    """As gradients are: adding up to zero over the classes."""
    return some - some.mean(axis=0)


def level(shift):
    return shift - shift.mean()


@pytest.mark.parametrize("shape", [(50, 6), (50, 49), (12, 30)], ids=str)
@pytest.mark.parametrize("intercept", [True, False])
def test_the_first_direction_is_newtons(name, rng, shape, intercept):
    case = Case(name, rng, shape, intercept=intercept)
    if not intercept:
        case.descent.b[:] = 0.0
    factor = case.factor()
    found = factor.directions(case.descent.gradient[None], case.descent.slope[None])
    expected, _ = case.newton(case.descent.gradient, case.descent.slope)
    size = np.abs(expected).max()
    np.testing.assert_allclose(found.weights[0], expected, atol=1e-5 * size)
    np.testing.assert_allclose(found.weights[0].sum(axis=0), 0, atol=1e-14 * size)
    assert found.shifts is None
    assert factor.tied_centers is None


def test_one_step_from_the_base_rate_closes_most_of_the_gap(name, rng):
    case = Case(name, rng, (400, 6), 1e-3)
    before = case.descent.gap
    step = case.factor().directions(case.descent.gradient[None], case.descent.slope[None])
    case.batch.advance([case.descent], list(step.weights))
    case.batch.measure([case.descent])
    assert case.descent.gap < 0.05 * before


@pytest.mark.parametrize("shape", [(50, 6), (12, 30)], ids=str)
def test_tied_steps_are_the_joint_step_of_weights_and_intercepts(name, rng, shape):
    """Wherever the gradient comes from, and for several at once."""
    case = Case(name, rng, shape)
    gradients = np.stack([confined(rng.normal(size=(K, shape[1]))) for _ in range(3)])
    slopes = np.stack([confined(rng.normal(size=K)) for _ in range(3)])
    factor = case.factor(tied=True)
    found = factor.directions(gradients, slopes)
    for m in range(3):
        weights, shift = case.newton(gradients[m], slopes[m])
        np.testing.assert_allclose(found.weights[m], weights, atol=1e-5 * np.abs(weights).max())
        size = np.abs(shift).max()
        np.testing.assert_allclose(level(found.shifts[m]), level(shift), atol=1e-4 * size)
    np.testing.assert_array_equal(factor.tied_centers, factor.centers)


def test_in_the_working_precision_of_floats(name, rng):
    case = Case(name, rng, kind=np.float32)
    found = case.factor(precise=False).directions(case.descent.gradient[None], np.zeros((1, K)))
    expected, _ = case.newton(case.descent.gradient, np.zeros(K))
    np.testing.assert_allclose(found.weights[0], expected, atol=1e-3 * np.abs(expected).max())


def test_it_holds_what_the_sample_spans(name, rng):
    case = Case(name, rng, (12, 30))
    factor = case.factor()
    d, r = factor.vectors.shape
    assert d == 30
    assert r < np.count_nonzero(case.costs) <= 12  # less one for the mean
    np.testing.assert_allclose(factor.vectors.T @ factor.vectors, np.eye(r), atol=1e-10)
    assert factor.nbytes < 8 * (30 * 12 + K * K + K * 30) + 1


def test_no_penalty(name, rng):
    case = Case(name, rng, (50, 6), np.inf)
    gradient = case.descent.gradient
    found = case.factor().directions(gradient[None], np.zeros((1, K))).weights[0]
    expected, _ = case.newton(gradient, np.zeros(K))
    np.testing.assert_allclose(found, confined(expected), atol=1e-4 * np.abs(expected).max())


def test_where_no_row_is_left_there_is_the_penalty(name, rng):
    x = rng.normal(size=(9, 5))
    one = regression(np.arange(9) % 3, 3, np.zeros(9), 1.0)
    engine = open_engine(name, x)
    problem = engine.open(1, 3)
    problem.admit(0, one)
    problem.evaluate(np.array([0]), np.zeros((1, 2)), np.zeros((1, 3)))
    at = engine, problem, 0, one, np.arange(9) / 9
    gradient = confined(rng.normal(size=(3, 5)))
    found = draw_shared_factor(*at, precise=True, tied=True).directions(
        gradient[None], np.zeros((1, 3))
    )
    np.testing.assert_allclose(found.weights[0], -gradient, atol=1e-12)
    assert not found.shifts.any()


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_gradients_of_any_size_keep_their_direction(name, rng, size):
    case = Case(name, rng, kind=np.float32)
    factor, slopes = case.factor(precise=False), np.zeros((1, K))
    one = factor.directions(case.descent.gradient[None], slopes).weights
    many = factor.directions(case.descent.gradient[None] * size, slopes).weights
    np.testing.assert_allclose(many / size, one, rtol=1e-4, atol=1e-6 * np.abs(one).max())


def test_features_whose_squares_overflow_are_an_error(name):
    x = np.array([[1.0], [2.0], [-3.0]]) * 1e300
    one = regression(np.arange(3), 3, np.ones(3), 1.0)
    engine = open_engine(name, x)
    problem = engine.open(1, 3)
    problem.admit(0, one)
    problem.evaluate(np.array([0]), np.zeros((1, 2)), np.zeros((1, 3)))
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(TooLargeError):
        draw_shared_factor(
            engine, problem, 0, one, np.arange(3) / 3, precise=True, tied=False
        ).directions(np.ones((1, 3, 1)), np.zeros((1, 3)))
