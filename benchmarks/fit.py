"""One fit on the full MNIST, "2" against the rest, C = 1: against peers, and by itself.

Run as ``python -m benchmarks.fit`` with all 70,000 images at hand (``IMLOGIT_DATA`` or the
network) and the extra ``bench`` installed; ``--no-peers`` leaves the peers out, as a peer is that
is not installed, and ``--quick`` takes few images.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np

from benchmarks.common import arguments, mnist, objective, parse, seconds, show, table
from imlogit import LogisticRegression
from imlogit.core.regression import regression
from imlogit.engines.table import open_engine
from imlogit.system.processors import processor_count
from imlogit.system.threads import lanes

OPTIMUM = 3833.177584


def main() -> None:
    parser = arguments("fit")
    parser.add_argument("--no-peers", action="store_true", help="leave other libraries out")
    asked = parse(parser)
    warnings.simplefilter("ignore")
    data = mnist(quick=asked.quick)
    rows, y = data.rows, data.y
    ours, model = fit_ours(rows, y)
    accuracy = model.score(data.test_rows, data.test_digits == 2)
    result = table("The fit", "what", "value")
    for name, value in (
        ("seconds, median of five", f"{ours:.3f}"),
        ("objective", f"{objective(rows, y, model.coef_, model.intercept_):.6f}"),
        ("relative gap", f"{model.certificate_.relative_gap:.2e}"),
        ("steps", str(model.certificate_.iterations)),
        ("reads of all images", str(model.certificate_.passes)),
        ("test accuracy", f"{accuracy:.4f}"),
    ):
        result.add_row(name, value)
    show(result)
    if not asked.no_peers:
        show(against_peers(rows, y, ours))
    show(one_pass(rows, y), by_size(rows, y), memory(asked.quick), commands(asked.quick))


def fit_ours(rows: Any, y: Any) -> tuple[float, LogisticRegression]:
    LogisticRegression().fit(rows[:300], y[:300])  # compiles the kernels
    return seconds(lambda: LogisticRegression().fit(rows, y))


def against_peers(rows: Any, y: Any, ours: float) -> Any:
    found = table(
        "Peers, same data and objective", "fit", "seconds", "objective", "ours is faster by"
    )
    found.add_row("imlogit", f"{ours:.3f}", "", "1.0x")
    for name, prepare in PEERS.items():
        try:
            work = prepare(rows, y)
        except ImportError as error:
            found.add_row(name, "not installed", str(error.name), "")
            continue
        taken, (coef, intercept) = seconds(work)
        value = objective(rows, y, coef, intercept)
        found.add_row(name, f"{taken:.2f}", f"{value:.4f}", f"{taken / ours:.1f}x")
    return found


def sklearn_fit(dtype: str, **how: Any) -> Callable[[Any, Any], Callable[[], Any]]:
    def prepare(rows: Any, y: Any) -> Callable[[], Any]:
        from sklearn.linear_model import LogisticRegression as Peer

        return _fit(Peer, rows, y, dtype, **how)

    return prepare


def intelex_fit(dtype: str, **how: Any) -> Callable[[Any, Any], Callable[[], Any]]:
    def prepare(rows: Any, y: Any) -> Callable[[], Any]:
        from sklearnex.linear_model import LogisticRegression as Peer

        return _fit(Peer, rows, y, dtype, **how)

    return prepare


def _fit(peer: Any, rows: Any, y: Any, dtype: str, **how: Any) -> Callable[[], Any]:
    scaled, labels = (rows / 255).astype(dtype), y.astype(int)

    def work() -> Any:
        model = peer(C=1.0, max_iter=10_000, **how).fit(scaled, labels)
        return model.coef_, model.intercept_

    return work


def glum_fit(rows: Any, y: Any) -> Callable[[], Any]:
    from glum import GeneralizedLinearRegressor

    scaled, labels = rows / 255, y.astype(float)

    def work() -> Any:
        model = GeneralizedLinearRegressor(
            family="binomial", alpha=1 / len(y), l1_ratio=0, fit_intercept=True
        ).fit(scaled, labels)
        return model.coef_, model.intercept_

    return work


PEERS = {
    "scikit-learn newton-cholesky, float32": sklearn_fit("float32", solver="newton-cholesky"),
    "scikit-learn newton-cholesky, float64, tol 1e-10": sklearn_fit(
        "float64", solver="newton-cholesky", tol=1e-10
    ),
    "scikit-learn lbfgs, float32": sklearn_fit("float32", solver="lbfgs"),
    "scikit-learn lbfgs, float32, tol 1e-6": sklearn_fit("float32", solver="lbfgs", tol=1e-6),
    "scikit-learn liblinear, float64": sklearn_fit("float64", solver="liblinear"),
    "scikit-learn-intelex lbfgs, float32": intelex_fit("float32", solver="lbfgs"),
    "scikit-learn-intelex lbfgs, float32, tol 1e-6": intelex_fit(
        "float32", solver="lbfgs", tol=1e-6
    ),
    "glum, float64": glum_fit,
}


@numba.njit(nogil=True)
def sum_block(rows: Any, first: int, last: int) -> int:
    """Add up all bytes: what merely reading the images costs."""
    total = 0
    for i in range(first, last):
        part = np.uint32(0)
        for value in rows[i]:
            part += value
        total += part
    return total


def one_pass(rows: Any, y: Any) -> Any:
    """Compare a margin pass and a gradient pass with merely reading the images."""
    borders = lanes(len(rows))[:: max(1, (len(lanes(len(rows))) - 1) // processor_count())]
    borders = np.append(borders[: processor_count()], len(rows))
    with (
        open_engine("numba", rows, 1 / 255) as engine,
        ThreadPoolExecutor(processor_count()) as pool,
    ):
        problem = engine.open(1, 2)
        problem.admit(0, regression(y.astype(np.intp), 2, np.ones(len(y)), 1.0))
        w = np.random.default_rng(0).normal(size=(1, 1, rows.shape[1]))
        slot, nothing, ones = np.arange(1), np.zeros((1, 2)), np.ones((1, 2))
        works = {
            "sum of the bytes": lambda: list(
                pool.map(sum_block, [rows] * processor_count(), borders[:-1], borders[1:])
            ),
            "margins": lambda: problem.extend(slot, w, precise=False),
            "loss and residuals": lambda: problem.evaluate(slot, nothing, np.zeros((1, 1))),
            "gradient": lambda: problem.gradient(slot, ones, precise=False),
        }
        for work in works.values():
            work()
        # the least of many: what the machine can do when nothing else disturbs it
        times = {name: min(seconds(work, 1)[0] for _ in range(40)) for name, work in works.items()}
    times["margins, loss and gradient"] = sum(times.values()) - times["sum of the bytes"]
    found = table(
        f"Passes over {len(rows):,} images, {processor_count()} threads",
        *("pass", "ms", "GB/s", "of the sum"),
    )
    floor = times["sum of the bytes"]
    for name, taken in times.items():
        speed = "" if name == "loss and residuals" else f"{rows.nbytes / taken / 1e9:.0f}"
        found.add_row(name, f"{taken * 1e3:.2f}", speed, f"{taken / floor:.2f}x")
    return found


def by_size(rows: Any, y: Any) -> Any:
    found = table("Growth with the number of images", "images", "seconds", "steps", "reads")
    for n in (len(rows) // 4, len(rows) // 2, len(rows)):
        taken, model = seconds(lambda n=n: LogisticRegression().fit(rows[:n], y[:n]))
        certificate = model.certificate_
        figures = f"{taken:.3f}", str(certificate.iterations), str(certificate.passes)
        found.add_row(f"{n:,}", *figures)
    return found


MEMORY = """
import sys
from pathlib import Path
from benchmarks.common import mnist
from imlogit import LogisticRegression

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024

rows, digits, _, _ = mnist(quick="quick" in sys.argv)
LogisticRegression().fit(rows[:300], digits[:300] == 2)
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from what is in use now
before = status("VmRSS")
LogisticRegression().fit(rows, digits == 2)
print(status("VmHWM") - before)
"""


def memory(quick: bool) -> Any:
    """Measure in a fresh process, as Linux tells it, what the fit adds to the peak."""
    grown = subprocess.run(
        [sys.executable, "-c", MEMORY, *["quick"] * quick],
        capture_output=True,
        text=True,
        check=True,
    )
    found = table("Memory", "what", "MB")
    found.add_row("growth of the peak during the fit", f"{float(grown.stdout):.0f}")
    return found


COMMANDS = {
    "imlogit train, its first run": ["train"],
    "imlogit train, later": ["train"],
    "imlogit train mnist, its first run": ["train", "mnist"],
    "imlogit train mnist, later": ["train", "mnist"],
    "imlogit --help": ["--help"],
}


def commands(quick: bool) -> Any:
    """Time the command line, on its very first run and later; to be quick, its help only."""
    found = table("Commands", "command", "seconds")
    with tempfile.TemporaryDirectory() as folder:
        fresh = os.environ | {
            "NUMBA_CACHE_DIR": f"{folder}/numba",
            "MPLCONFIGDIR": f"{folder}/matplotlib",
            "IMLOGIT_CACHE": f"{folder}/cache",
        }
        run = [sys.executable, "-m", "imlogit"]
        for name, words in list(COMMANDS.items())[-1 if quick else 0 :]:

            def work(words: list[str] = words) -> None:
                subprocess.run([*run, *words], cwd=folder, env=fresh, check=True, stdout=-3)

            found.add_row(name, f"{seconds(work, 1 if 'first' in name else None)[0]:.2f}")
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import imlogit"], check=True, cwd=Path(folder))
        with_python = time.perf_counter() - began
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", ""], check=True, cwd=Path(folder))
        python = time.perf_counter() - began
        found.add_row("import imlogit, beyond Python's own start", f"{with_python - python:.3f}")
    return found


if __name__ == "__main__":
    main()
