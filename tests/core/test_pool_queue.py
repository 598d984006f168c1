"""Which preconditioners are kept for those that wait."""

import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from imlogit.core.directions.factors import Preconditioner
from imlogit.core.pool_queue import Queue
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.core.starts.start import Blend
from imlogit.engines.table import open_engine

from helpers.regressions import several


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


def whole(place):
    return Blend.of(place)


def test_who_starts_from_several_waits_for_all_of_them():
    queue = Queue([None, None, Blend((0, 1), (0.5, 0.5)), whole(2)])
    assert [turn.place for turn in queue.take(9)] == [0, 1]
    queue.finish(1)
    assert not queue.take(9)
    queue.finish(0)
    assert [turn.place for turn in queue.take(9)] == [2]
    queue.finish(2)
    (last,) = queue.take(9)
    assert (last.place, last.start) == (3, whole(2))
    assert not queue.waiting


def test_a_solution_lets_in_those_that_go_first_alone():
    """Others wait until nobody is under way from whom any start, to share the reads."""
    queue = Queue([None, None, whole(0), whole(2), whole(1), Blend((0, 1), (2.0, -1.0))])
    queue.take(2)
    assert queue.let_in([0])
    assert not queue.let_in([1])
    assert not queue.let_in([])


def test_heirs_are_those_that_begin_near():
    """Of a polynomial through several no preconditioner is made anew."""
    near = Blend((0, 1, 0), (1.0, 0.5, -0.5))
    queue = Queue([None, None, whole(0), near, Blend((0, 1), (0.6, 0.4))])
    assert queue.heirs[0] == 2
    queue.take(2)
    factor, of_no_use = SimpleNamespace(nbytes=1), SimpleNamespace(nbytes=1)
    queue.keep(0, factor)
    queue.keep(1, of_no_use)
    queue.finish(0)
    queue.finish(1)
    assert {turn.place: turn.preconditioner for turn in queue.take(9)} == dict.fromkeys(
        (2, 3, 4), factor
    )
    assert queue.heirs[0] == 0
