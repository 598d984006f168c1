"""Soft labels over every engine: each sum against its definition, and its derivatives."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from imlogit.core.regression import regression
from imlogit.core.soft import open_problem
from imlogit.engines.table import open_engine

from helpers.engines import ENGINE_NAMES
from helpers.known_problems import five_point

N, D = 300, 5
SLOT = np.array([0])


class Case:
    """One regression on soft labels, in the middle of a span."""

    def __init__(self, name, k, rng):
        self.k, self.n_columns = k, 1 if k == 2 else k
        self.x = rng.normal(size=(N, D))
        self.y = rng.dirichlet(np.ones(k), N)
        self.costs = 0.7 * rng.integers(0, 3, N)
        one = regression(self.y.argmax(axis=1), k, self.costs / 0.7, 0.7, targets=self.y)
        self.problem = open_problem(open_engine(name, self.x), 1, one)
        self.problem.admit(0, one)
        shape = self.n_columns, D
        self.weights, self.last, self.new = rng.normal(size=(3, *shape))
        self.b = rng.normal(size=self.n_columns)
        self.problem.place(SLOT, self.weights[None], precise=True)
        self.problem.extend(SLOT, self.last[None], precise=True)
        self.problem.step(SLOT, np.array([[0.0, 1.0]]))
        self.weights = self.weights + self.last
        self.problem.extend(SLOT, self.new[None], precise=True)

    def margins(self, steps, shift=0.0):
        w = self.weights + steps[0] * self.last + steps[1] * self.new
        z = self.x @ w.T + self.b + shift
        return np.column_stack([np.zeros(N), z]) if self.k == 2 else z

    def loss(self, steps, shift=0.0):
        found = self.problem.evaluate(SLOT, np.array([steps]), (self.b + shift)[None])
        return found.loss[0]

    def residual(self, q):
        return (self.costs[:, None] * (q - self.y))[:, self.k - self.n_columns :]


@pytest.fixture(params=[2, 4])
def case(request, name, rng):
    return Case(name, request.param, rng)


@pytest.fixture(params=ENGINE_NAMES)
def name(request):
    return request.param


def test_the_loss_is_the_cross_entropy(case):
    for steps in ([0.0, 0.0], [0.3, -0.2]):
        logs = log_softmax(case.margins(steps), axis=1)
        assert case.loss(steps) == pytest.approx(-case.costs @ (case.y * logs).sum(axis=1))


def test_the_derivatives_are_those_of_the_loss(case):
    at = np.array([0.2, -0.1])
    case.loss(at)
    slope, bend = case.problem.project(SLOT)
    along = case.problem.project_along(SLOT, np.ones((1, 2, case.n_columns)) * 0.3)[0][0]
    for c in range(2 + case.n_columns):

        def there(value, c=c):
            step = np.zeros(2 + case.n_columns)
            step[c] = value
            return case.loss(at + step[:2], step[2:])

        def slopes(value, there=there):
            there(value)
            return case.problem.project(SLOT)[0][0]

        np.testing.assert_allclose(slope[0, c], five_point(there, 0.0, 1e-3), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(bend[0, c], five_point(slopes, 0.0, 1e-3), rtol=1e-6, atol=1e-6)
    expected = slope[0, :2] + 0.3 * slope[0, 2:].sum()
    np.testing.assert_allclose(along, expected)


def test_the_gradient_and_the_masses(case):
    steps = np.array([[0.3, -0.2]])
    sums = case.problem.evaluate(SLOT, steps, case.b[None])
    p = softmax(case.margins(steps[0]), axis=1)
    duals = np.ones((1, 2)) if case.k == 2 else np.zeros((1, case.k))
    found, apart = case.problem.gradient(SLOT, duals, precise=True)
    np.testing.assert_allclose(found[0], case.residual(p).T @ case.x, atol=1e-9)
    assert not apart.any()
    expected = [case.costs @ p[:, 1], case.costs @ case.y[:, 1]] if case.k == 2 else case.costs @ p
    np.testing.assert_allclose(sums.mass[0], expected)


@pytest.mark.parametrize("side", [0, 1])
def test_feasible_duals_of_two_classes_add_up_to_the_labels(name, rng, side):
    """And what they are apart by is no less than their divergence."""
    case = Case(name, 2, rng)
    case.b += 1.0 if side == 0 else -1.0
    steps = np.zeros((1, 2))
    probable, labelled = case.problem.evaluate(SLOT, steps, case.b[None]).mass[0]
    assert (probable > labelled) == (side == 0)
    duals = np.ones((1, 2))
    duals[0, side] = min(probable, labelled) / max(probable, labelled)
    found, apart = case.problem.gradient(SLOT, duals, precise=True)
    p = softmax(case.margins([0.0, 0.0]), axis=1)[:, 1]
    total = case.costs.sum()
    q = (
        p * labelled / probable
        if side == 0
        else 1 - (1 - p) * (total - labelled) / (total - probable)
    )
    assert case.costs @ q == pytest.approx(case.costs @ case.y[:, 1])
    np.testing.assert_allclose(found[0, 0], (case.costs * (q - case.y[:, 1])) @ case.x, atol=1e-9)
    kl = q * np.log(q / p) + (1 - q) * np.log((1 - q) / (1 - p))
    assert 0 < case.costs @ kl <= apart[0]


@pytest.mark.parametrize("certain", [True, False])
def test_a_row_of_several_classes_is_never_right_of_all(name, certain):
    x, y = np.array([[1.0], [-1.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    if not certain:
        y[0] = 0.25, 0.75
    one = regression(y.argmax(axis=1), 2, np.ones(2), np.inf, targets=y)
    problem = open_problem(open_engine(name, x), 1, one)
    problem.admit(0, one)
    problem.place(SLOT, np.array([[[2.0]]]), precise=True)
    problem.evaluate(SLOT, np.zeros((1, 2)), np.zeros((1, 1)))
    assert problem.worst(0) == (2.0 if certain else -np.inf)
