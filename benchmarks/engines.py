"""TensorFlow beside Numba on the full MNIST, and every export run on all its test images.

Run as ``python -m benchmarks.engines [PART ...]`` with all 70,000 images at hand
(``IMLOGIT_DATA`` or the network) and the extras tensorflow, onnx and litert. Parts are passes,
fits, agreement and exports; none means all. ``--quick`` takes few images.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression as Peer

from benchmarks.common import (
    Rows,
    arguments,
    as_floats,
    mnist,
    objective,
    parse,
    seconds,
    show,
    table,
)
from imlogit import LogisticRegression, export_model
from imlogit.core.regression import regression
from imlogit.engines.table import best_engine, open_engine
from imlogit.estimators.pixels import PIXEL_SCALE
from imlogit.export.formats import open_format, suffix_of
from imlogit.export.proof import difference
from imlogit.export.table import FORMATS
from imlogit.model.head import head_of
from imlogit.model.persist import saved_model_of

ENGINES = ("numba", "tensorflow")
PASSES = 20
SINGLE_IMAGES = 200
# Predictions may differ where rounding decides.
SURE_MARGIN = 1e-4


def main() -> None:
    warnings.simplefilter("ignore")
    asked = parse(arguments("engines", PARTS), PARTS)
    data = mnist(quick=asked.quick)
    for part in asked.parts:
        for found in PARTS[part](data):
            show(found)


def fit(engine: str, data: Rows, **options: Any) -> LogisticRegression:
    return LogisticRegression(engine=engine, **options).fit(data.rows, data.y)


def passes(data: Rows) -> Iterator[Any]:
    """Time what a step reads the images for, and what it does beside."""
    found = table(
        f"Passes over {len(data.rows):,} images",
        *("columns", "pass", "numba, ms", "tensorflow, ms", "ratio"),
    )
    for k in (1, 4):
        each = {name: one_pass(name, data, k) for name in ENGINES}
        for name, (ours, theirs) in {
            n: [each[e][n] for e in ENGINES] for n in each["numba"]
        }.items():
            ratio = f"{theirs / ours:.1f}x"
            found.add_row(str(k), name, f"{ours * 1e3:.1f}", f"{theirs * 1e3:.1f}", ratio)
    yield found


def one_pass(name: str, data: Rows, k: int) -> dict[str, float]:
    """Return seconds by pass, the medians of many, for k columns."""
    slots, weights = np.arange(k), np.random.default_rng(0).normal(size=(k, 1, 784))
    nothing, ones = np.zeros((k, 2)), np.ones((k, 2))
    with open_engine(name, data.rows, PIXEL_SCALE) as engine:
        problem = engine.open(k, 2)
        for slot in slots:
            target = (data.digits == slot).astype(np.intp)
            problem.admit(int(slot), regression(target, 2, np.ones(len(target)), 1.0))
        works = {
            "margins": lambda: problem.extend(slots, weights, precise=False),
            "loss and residuals": lambda: problem.evaluate(slots, nothing, np.zeros((k, 1))),
            "gradient": lambda: problem.gradient(slots, ones, precise=False),
        }
        for work in works.values():
            work()
        times = {what: seconds(work, PASSES)[0] for what, work in works.items()}
    return times | {"all three": sum(times.values())}


def fits(data: Rows) -> Iterator[Any]:
    """Time the fit of "2", and the first fit of a process by itself."""
    found = table(
        f'"2" against the rest, {len(data.rows):,} images, C = 1; engine="auto" is {best_engine()}',
        *("fit", "seconds", "objective", "relative gap", "over numba", "tensorflow is faster by"),
    )
    starts = {name: first_fit(name) for name in ENGINES}
    taken = {}
    for name in ENGINES:
        fit(name, data)
        taken[name], model = seconds(lambda name=name: fit(name, data))
        gap = f"{model.certificate_.relative_gap:.1e}"
        value = f"{objective(data.rows, data.y, model.coef_, model.intercept_):.6f}"
        over = f"{taken[name] / taken['numba']:.1f}x"
        found.add_row(name, f"{taken[name]:.3f}", value, gap, over, "")
    scaled = as_floats(data.rows)
    peer = Peer(solver="newton-cholesky")
    slow, fitted = seconds(lambda: peer.fit(scaled, data.y), runs=1)
    value = f"{objective(data.rows, data.y, fitted.coef_, fitted.intercept_):.6f}"
    faster = f"{slow / taken['tensorflow']:.1f}x"
    found.add_row("scikit-learn newton-cholesky, float32", f"{slow:.2f}", value, "", "", faster)
    for name, start in starts.items():
        found.add_row(f"{name}: first fit of 500 images, with start and tracing", f"{start:.2f}")
    yield found


def first_fit(name: str) -> float:
    """Return the seconds of a new process's first fit, imports of imlogit and data left out."""
    code = (
        "import time, numpy, imlogit, imlogit.estimators.logistic\n"
        "x = numpy.random.default_rng(0).integers(0, 256, (500, 784), dtype='uint8')\n"
        "began = time.perf_counter()\n"
        f"imlogit.LogisticRegression(engine={name!r}).fit(x, numpy.arange(500) % 2)\n"
        "print(time.perf_counter() - began)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def agreement(data: Rows) -> Iterator[Any]:
    """Compare the optima that both engines find."""
    found = table("Agreement of numba and tensorflow", "what", "figure", "wanted")
    ends = {name: fit(name, data, tol=1e-9) for name in ENGINES}
    values = [objective(data.rows, data.y, m.coef_, m.intercept_) for m in ends.values()]
    apart = abs(values[0] - values[1]) / values[0]
    found.add_row("objectives at tol=1e-9, relative difference", f"{apart:.1e}", "1e-8")
    margins = [m.decision_function(data.test_rows) for m in ends.values()]
    sure = np.abs(margins[0]) > SURE_MARGIN
    other = int(((margins[0] > 0) != (margins[1] > 0))[sure].sum())
    found.add_row(f"other predictions, {sure.sum():,} test images", str(other), "0")
    for name in ENGINES:
        gap = fit(name, data).certificate_.relative_gap
        found.add_row(f"relative gap at the default tol, {name}", f"{gap:.1e}", "1e-6")
    yield found


def exports(data: Rows) -> Iterator[Any]:
    """Write every format for "2" and for ten digits, and run it on all test images."""
    found = table(
        f"Exports, on {len(data.test_rows):,} test images",
        *("model", "format", "bytes", "difference", "allowed", "one image, ms"),
    )
    images, test = (rows.reshape(-1, 28, 28) for rows in (data.rows, data.test_rows))
    models = {
        '"2"': LogisticRegression().fit(images, data.y),
        "ten digits": LogisticRegression().fit(images, data.digits),
    }
    kinds = [(to, False) for to in FORMATS] + [("onnx", True)]
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models.items():
            head = head_of(saved_model_of(model))
            expected = head.answer(test)
            for to, float64 in kinds:
                place = Path(folder) / f"model{suffix_of(to)}"
                wrote = export_model(model, place, float64=float64, force=True)
                form = open_format(to, float64)
                answer = form.load(place)
                apart = difference(head, answer(test), expected, wrote.tolerance, to)
                one = seconds(lambda answer=answer: answer(test[:1]), SINGLE_IMAGES)[0]
                figures = f"{wrote.n_bytes:,}", f"{apart:.1e}", f"{wrote.tolerance:.0e}"
                found.add_row(name, f"{to}{', float64' * float64}", *figures, f"{one * 1e3:.2f}")
    yield found


PARTS = {"passes": passes, "fits": fits, "agreement": agreement, "exports": exports}

if __name__ == "__main__":
    main()
