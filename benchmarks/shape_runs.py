"""What the processes of `benchmarks.shapes` do: make data, fit them, say what that took.

``python -m benchmarks.shape_runs`` takes a `Task` as JSON and prints what it found as JSON, a line
whenever it knows more, so that something is known of a process that had to be stopped.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.common import Clock, seconds, softmax_objective
from benchmarks.shape_data import Shape, make, rows_of
from imlogit import LogisticRegression, cross_validate

# What a process found: figures by name.
Found = dict[str, Any]
WARM_UP_ROWS = 400
TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10)
# Where time is over, a peer that cannot be interrupted from within is stopped from outside.
PATIENCE = 2.5
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Task:
    """What a process is to do: "make", "imlogit", "folds" or the name of a peer.

    ``aim`` is the objective that a peer is to reach, ``ours`` the seconds that imlogit took.
    """

    what: str
    shape: Shape
    place: str
    quick: bool = False
    aim: float = 0.0
    ours: float = 0.0
    limit: float = math.inf


def perform(task: Task) -> Iterator[Found]:
    """Yield what is known, the last time all that is to be known."""
    warnings.simplefilter("ignore")
    if task.what == "make":
        make(task.shape, Path(task.place), quick=task.quick)
        yield {}
    elif task.what in ("imlogit", "folds"):
        yield fit_ours(task)
    else:
        yield from fit_peer(task)


def status(field: str) -> float:
    """Return a figure of this process's memory, in MB."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / 1e6


def fit_ours(task: Task) -> Found:
    """Fit a shape after a warm-up; what memory it takes is what the peak grows by."""
    shape = task.shape
    rows, codes = rows_of(Path(task.place), shape, mapped=shape.mapped)
    model = LogisticRegression(shape.C, tol=shape.tol)
    few = np.unique(np.append(np.unique(codes, return_index=True)[1], np.arange(WARM_UP_ROWS)))
    few = few[few < len(codes)]
    model.fit(np.array(rows[few]), codes[few])  # compiles the kernels, or reads them
    if shape.mapped:
        rows.max()  # pages of a mapped file count once they were read
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from what is in use
    before = status("VmRSS")
    if task.what == "folds":
        work = partial(cross_validate, model, rows, codes, cv=shape.folds)
    else:
        work = partial(model.fit, rows, codes)
    taken, fitted = seconds(work, min(Clock.runs, 3))
    peak = status("VmHWM")
    best = getattr(fitted, "estimator", fitted)
    proofs = [best.certificate_, *(fold.certificate for fold in getattr(fitted, "folds", ()))]
    return {
        "seconds": taken,
        "steps": max(int(proof.iterations) for proof in proofs),
        "gap": max(float(proof.relative_gap) for proof in proofs),
        "objective": value(best, rows, codes, shape),
        "grown": peak - before,
        "peak": peak,
    }


def value(model: Any, rows: Any, codes: Any, shape: Shape) -> float:
    """Return the objective in float64, for whoever fitted the model."""
    unit = 255.0 if rows.dtype == np.uint8 else 1.0
    return softmax_objective(rows, codes, model.coef_, model.intercept_, shape.C, unit)


def fit_peer(task: Task) -> Iterator[Found]:
    """Fit as the peer does by default, then until the objective that is aimed at is reached."""
    try:
        peer, options, how = open_peer(task.what)
    except ImportError as error:
        yield {"missing": error.name}
        return
    rows, codes = rows_of(Path(task.place), task.shape, mapped=task.shape.mapped)
    floats = (rows / np.float32(255)) if rows.dtype == np.uint8 else rows
    score = partial(value, rows=rows, codes=codes, shape=task.shape)
    yield from how(task, partial(peer, **options), floats, codes, score)


def open_peer(name: str) -> tuple[Any, dict[str, Any], Callable[..., Iterator[Found]]]:
    """Return a peer's class, its options, and how it is followed."""
    library, solver = name.split()
    if library == "cyanure":
        return import_module("cyanure.estimators").Classifier, {}, by_record
    peer = import_module(f"{library}.linear_model").LogisticRegression
    return peer, {"solver": solver}, by_step if solver == "lbfgs" else by_tolerance


def by_step(task: Task, peer: Any, floats: Any, codes: Any, score: Any) -> Iterator[Found]:
    """Follow lbfgs step by step, and stop it where the objective is reached.

    Its own float32 objective says when; where the one in float64 is not there yet, it goes on
    a little longer, and where float32 does not lead there, float64 may.
    """
    model, taken = stopped(task, peer, floats, codes, 0.0)
    objective = score(model)
    found = {"seconds": taken, "objective": objective, "steps": int(np.max(model.n_iter_))}
    if objective <= task.aim:
        found["reached"] = taken
    yield found
    aim, exact = task.aim, partial(peer, tol=1e-12)
    for dtype in ("float32", "float32", "float64"):
        aim = task.aim if dtype == "float64" else aim
        model, taken = stopped(task, exact, floats.astype(dtype, copy=False), codes, aim)
        objective = score(model)
        if objective <= task.aim:
            yield found | {"reached": taken, "dtype": dtype}
        if objective <= task.aim or taken > task.limit:
            return
        aim = task.aim - 2 * (objective - task.aim)
    yield found | {"given_up": True}


def stopped(task: Task, peer: Any, floats: Any, codes: Any, aim: float) -> tuple[Any, float]:
    """Return a fit that was stopped at an objective, or after the limit, and its seconds."""
    began = time.perf_counter()
    with followed(task, aim):
        model = peer(C=task.shape.C, max_iter=100_000).fit(floats, codes)
    return model, time.perf_counter() - began


def followed(task: Task, aim: float) -> Any:
    """Patch SciPy's minimize, which lbfgs calls, to stop at an objective or after the limit."""
    from scipy import optimize

    minimize, began = optimize.minimize, time.perf_counter()

    def stopping(func: Any, x0: Any, *args: Any, callback: Any = None, **how: Any) -> Any:
        # the objective at zero weights is known, and so is then what theirs is a multiple of
        start = np.zeros_like(x0)
        known = task.shape.C * task.shape.n * math.log(task.shape.classes)
        unit = known / float(func(start, *how.get("args", ()))[0])

        def look(intermediate_result: Any) -> None:
            if callback is not None:
                callback(intermediate_result.x)
            late = time.perf_counter() - began > task.limit
            if late or intermediate_result.fun * unit <= aim:
                raise StopIteration

        return minimize(func, x0, *args, callback=look, **how)

    return patch.object(optimize, "minimize", stopping)


def by_tolerance(task: Task, peer: Any, floats: Any, codes: Any, score: Any) -> Iterator[Found]:
    """Fit anew with ever smaller tolerances, until the objective is reached."""
    found: Found = {}
    began = time.perf_counter()
    for tol in (None, *TOLERANCES):
        start = time.perf_counter()
        options = {} if tol is None else {"tol": tol}
        model = peer(C=task.shape.C, max_iter=10_000, **options).fit(floats, codes)
        taken, reached = time.perf_counter() - start, score(model)
        if tol is None:
            found = {"seconds": taken, "objective": reached, "steps": int(np.max(model.n_iter_))}
            if reached <= task.aim:
                found["reached"] = taken
            yield found
        elif reached <= task.aim:
            yield found | {"reached": taken}
            return
        if time.perf_counter() - began > task.limit:
            return
    yield found | {"given_up": True}


def by_record(task: Task, peer: Any, floats: Any, codes: Any, score: Any) -> Iterator[Found]:
    """Fit cyanure with more and more steps, and look up what it noted of time and objective."""
    n, two = task.shape.n, task.shape.classes == 2
    options = {
        "loss": "logistic" if two else "multiclass-logistic",
        "penalty": "l2",
        "lambda_1": 1 / (n * task.shape.C),
        "duality_gap_interval": 5,
        "verbose": False,
    }
    start = time.perf_counter()
    model = peer(**options).fit(floats, codes)
    found = {"seconds": time.perf_counter() - start, "objective": score(as_rows(model))}
    yield found
    steps = 50
    while time.perf_counter() - start < task.limit:
        model = peer(**options, tol=1e-9, max_iter=steps).fit(floats, codes)
        passes, objectives, _, gaps, _, taken = model.optimization_info_[0]
        before = np.flatnonzero((taken <= task.ours) & (passes > 0))
        found["own_gap"] = float(gaps[before[-1]]) if len(before) else math.nan
        reached = objectives * n * task.shape.C <= task.aim
        if reached.any() and score(as_rows(model)) <= task.aim:
            yield found | {"reached": float(taken[reached.argmax()])}
            return
        yield found
        steps *= 2


def as_rows(model: Any) -> Any:
    """Turn cyanure's weights, a column a class, into rows."""
    model.coef_, model.intercept_ = np.transpose(model.coef_), np.ravel(model.intercept_)
    return model


def apart(task: Task) -> Found:
    """Perform a task in a process of its own, and return the last that it said."""
    command = [sys.executable, "-m", "benchmarks.shape_runs", json.dumps(asdict(task))]
    most = None if math.isinf(task.limit) else PATIENCE * task.limit
    found: Found = {}
    try:
        done = subprocess.run(command, capture_output=True, timeout=most, check=False)
        said = done.stdout
        if done.returncode:
            found["failed"] = (done.stderr.decode().splitlines() or [f"code {done.returncode}"])[-1]
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
    for line in said.splitlines():
        with suppress(ValueError):  # a library's own words, or half a line
            found |= json.loads(line)
    return found


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    for news in perform(Task(**asked | {"shape": Shape(**asked["shape"])})):
        print(json.dumps(news), flush=True)
