"""Which preconditioner is drawn, and of how many rows."""

from types import SimpleNamespace

import numpy as np
import pytest

from imlogit.core import budget
from imlogit.core.descent import Batch, Descent
from imlogit.core.directions.factors import Preconditioner
from imlogit.core.directions.schedule import (
    FRESH_RATE_SHARED,
    Price,
    Schedule,
    most_sampled_rows,
)
from imlogit.core.directions.shared_factor import SharedFactor
from imlogit.core.regression import regression
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.core.starts.start import fit_base_rate
from imlogit.engines.table import open_engine

from helpers.known_problems import blobs


def begun(n, d, n_classes, seed=0):
    """An engine, a problem at its base rate, and the descent there."""
    rng = np.random.default_rng(seed)
    one = regression(np.arange(n) % n_classes, n_classes, np.ones(n), 1.0)
    engine = open_engine("numba", rng.normal(size=(n, d)))
    problem = engine.open(1, n_classes)
    problem.admit(0, one)
    descent = Descent(one, 0, np.zeros((one.n_columns, d)), fit_base_rate(one).b)
    batch = Batch(engine, problem)
    batch.place([descent], precise=False)
    batch.measure([descent])
    return engine, problem, descent


def rows_drawn(n, d, n_classes, *, first, shared):
    """How many rows one draw asks for."""
    engine, problem, descent = begun(n, d, n_classes)
    draw, asked = problem.draw, []

    def noted(slot, column, positions, leverages):
        asked.append((column, positions.size))
        assert (np.diff(positions) > 0).all()
        assert 0 <= positions[0] <= positions[-1] < 1
        return draw(slot, column, positions, leverages)

    problem.draw = noted
    found = Schedule(np.random.default_rng(0)).draw(
        engine, problem, descent, first=first, shared=shared
    )
    assert isinstance(found, SharedFactor if shared else Preconditioner)
    columns = [column for column, _ in asked]
    assert columns == ([None] if shared else list(range(descent.b.size)))
    (size,) = {size for _, size in asked}
    return size


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("n_classes", "shared"), [(2, False), (3, False), (3, True)])
def test_rows_drawn_grow_with_all_and_are_no_more(first, n_classes, shared):
    sizes = [500, 2000, 8000, 30_000]
    d = 80
    drawn = [rows_drawn(n, d, n_classes, first=first, shared=shared) for n in sizes]
    assert drawn == sorted(drawn)
    assert all(m <= n for m, n in zip(drawn, sizes, strict=True))
    assert drawn[0] == 500  # few are all taken
    # a Gram matrix is worth the same number of steps, whatever their number
    assert drawn[-1] / 30_000 >= 32 / d
    assert drawn[-1] < 30_000


@pytest.mark.parametrize("n", [2_000_000, 100_000_000])
def test_rows_of_millions_take_no_more_memory(n):
    assert 4 * 784 * most_sampled_rows(n, 784, 1) <= 129_000_000


class Priced(Schedule):
    """A schedule of one factor for all columns, that costs three steps; it notes its draws."""

    is_shared = True

    def __init__(self):
        super().__init__(np.random.default_rng(0), preconditioner="a factor")
        self.n_drawn = 0

    def _prices(self, *given, **how):
        return [Price(3.0, FRESH_RATE_SHARED, True)]

    def _refresh(self, *given):
        pass

    def draw(self, *given, **how):
        self.n_drawn += 1
        self.distances = []
        return "another"

    def take(self, n_steps, rate, distance):
        """Take steps that multiply the gap by a rate each."""
        for _ in range(n_steps):
            distance *= rate
            at = SimpleNamespace(distance=distance, objective=1.0, precise=False)
            self.current(None, None, at, 1e-12, 100)
        return distance


def test_a_factor_is_drawn_anew_only_where_a_fresh_one_does_more():
    schedule = Priced()
    gap = schedule.take(20, 0.85, 1.0)
    assert schedule.n_drawn == 0  # as well as while it was fresh, if less than others do
    schedule.take(4, 0.98, gap)
    assert schedule.n_drawn == 1


def test_a_first_draw_is_smaller_than_the_next():
    first, later = (rows_drawn(30_000, 80, 2, first=f, shared=False) for f in (True, False))
    assert first < later


def test_the_more_classes_share_a_factor_the_more_rows_it_may_have():
    few, many = (rows_drawn(8000, 600, k, first=False, shared=True) for k in (3, 900))
    assert few < many <= 8000


@pytest.fixture
def kinds(monkeypatch):
    """The kinds of all preconditioners that are drawn."""
    found, draw = [], Schedule.draw

    def noted(self, *given, **how):
        drawn = draw(self, *given, **how)
        found.append(type(drawn))
        return drawn

    monkeypatch.setattr(Schedule, "draw", noted)
    return found


def fit(rng, n, d, n_classes, C=1.0):
    x, y = blobs(rng, n, d, n_classes)
    one = regression(y.astype(int), n_classes, np.ones(n), C)
    with open_engine("reference", x) as engine:
        (found,) = solve(engine, [one], Settings())
    return found.certificate


@pytest.mark.parametrize("C", [0.01, 10.0])
def test_factors_a_class_that_take_too_much_memory_are_never_drawn(rng, monkeypatch, kinds, C):
    monkeypatch.setattr(budget, "FACTORS_SHARE", (4 * 6 * 100**2 - 1) / budget.DEFAULT_LIMIT)
    assert fit(rng, 400, 100, 6, C).converged
    assert kinds
    assert set(kinds) == {SharedFactor}


def test_a_factor_of_one_column_is_its_own_whatever_it_takes(rng, monkeypatch, kinds):
    monkeypatch.setattr(budget, "FACTORS_SHARE", 0.0)
    assert fit(rng, 800, 600, 2).converged
    assert kinds
    assert set(kinds) == {Preconditioner}


def test_begun_with_one_for_all_where_a_factor_a_class_is_dear(kinds):
    """300 features and 60 classes: sixty Cholesky factors, or two eigenvalue problems."""
    engine, problem, descent = begun(600, 300, 60)
    some = Schedule(np.random.default_rng(0))
    some.current(engine, problem, descent, 1e-6, 60)
    assert some.is_shared
    assert kinds == [SharedFactor]
