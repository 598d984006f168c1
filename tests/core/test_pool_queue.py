"""Which preconditioners are kept for those that wait."""

import weakref
from dataclasses import replace

import numpy as np

from imlogit.core.directions.factors import Preconditioner
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
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
