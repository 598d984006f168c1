"""Many columns at once on the full MNIST: folds, values of C, classes and replicates.

Run as ``python -m benchmarks.columns [PART ...]`` with all 70,000 images at hand
(``IMLOGIT_DATA`` or the network). Parts are folds, sweep, classes, bootstrap and growth; none
means all. ``--no-peers`` leaves scikit-learn out, ``--images N`` takes the first N training
images only, ``--figure PATH`` says where the figure of the growth goes, and ``--quick`` takes few
images, folds, values of C and replicates.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.model_selection import StratifiedKFold, cross_val_score

import imlogit
from benchmarks.common import (
    Watch,
    arguments,
    as_floats,
    mnist,
    objective,
    parse,
    seconds,
    show,
    softmax_objective,
    table,
    worst,
)
from benchmarks.growth import draw, grown
from imlogit import Certificate, LogisticRegression, bootstrap, cross_validate
from imlogit.estimators.fits import Fit, Fitted, fit_all
from imlogit.estimators.training_data import prepare
from imlogit.evaluation.bootstrap_draws import draw_replicates

MULTINOMIAL_OPTIMUM = 13927.061
# An objective this share above the optimum still counts as having found it.
NEAR = 1e-4
PEERS: dict[str, dict[str, Any]] = {
    "newton-cholesky": {"solver": "newton-cholesky"},
    "lbfgs": {"solver": "lbfgs"},
    "lbfgs, tol 1e-6": {"solver": "lbfgs", "tol": 1e-6},
}


class Data(NamedTuple):
    """Images, whether peers are timed, where the figure goes, and how much work there is."""

    rows: Any
    digits: Any
    test_rows: Any
    test_digits: Any
    peers: bool
    figure: Path
    folds: int = 10
    cs: Any = np.geomspace(1e-4, 1e2, 20)
    replicates: int = 200
    most_columns: int = 64

    @property
    def y(self) -> Any:
        """Which training images are twos."""
        return self.digits == 2


def main() -> None:
    parser = arguments("columns", PARTS)
    parser.add_argument("--no-peers", action="store_true", help="leave scikit-learn out")
    parser.add_argument("--images", type=int, help="take the first so many training images only")
    parser.add_argument("--figure", type=Path, help="a PNG; by default in a new temporary folder")
    asked = parse(parser, PARTS)
    warnings.simplefilter("ignore")
    rows, digits, *test = mnist(quick=asked.quick)
    figure = asked.figure or Path(tempfile.mkdtemp()) / "columns.png"
    peers = not asked.no_peers
    data = Data(rows[: asked.images], digits[: asked.images], *test, peers, figure)
    if asked.quick:
        data = data._replace(folds=3, cs=data.cs[9:12], replicates=5, most_columns=4)
    warm_up(data)
    for part in asked.parts:
        for found in PARTS[part](data):
            show(found)


def warm_up(data: Data) -> None:
    """Compile the kernels."""
    rows, digits = data.rows[:600], data.digits[:600]
    LogisticRegression(multi_class="ovr").fit(rows, digits)
    bootstrap(LogisticRegression(), rows, digits == 2, n=2)


def folds(data: Data) -> Iterator[Any]:
    """Fit all folds and all images, "2" against the rest, C = 1."""
    found = table(
        f'"2" against the rest, {data.folds} folds of {len(data.rows):,} images, C = 1',
        *("fit", "seconds", "worst gap", "passes", "accuracy", "imlogit is faster by"),
    )
    ours, (checked, passes) = seconds(lambda: checked_folds(data, len(data.rows)))
    accuracy = f"{checked.mean('accuracy'):.5f}"
    gap = worst([checked.estimator.certificate_, *(f.certificate for f in checked.folds)])
    found.add_row("imlogit, folds and all images", f"{ours:.2f}", gap, str(passes), accuracy, "")
    if data.peers:
        scaled = as_floats(data.rows)
        model = Peer(**PEERS["newton-cholesky"])
        taken, scores = seconds(lambda: cross_val_score(model, scaled, data.y, cv=data.folds))
        name = "scikit-learn newton-cholesky, float32, folds"
        found.add_row(name, f"{taken:.1f}", "", "", f"{scores.mean():.5f}", times(taken, ours))
    yield found


def checked_folds(data: Data, n: int) -> tuple[Any, int]:
    watch = Watch()
    model = LogisticRegression(tol=1e-6)
    found = cross_validate(model, data.rows[:n], data.y[:n], cv=data.folds, observe=watch)
    return found, watch.passes


def sweep(data: Data) -> Iterator[Any]:
    """Fit values of C, each on all folds and on all images."""
    n_fits = len(data.cs) * (data.folds + 1)
    ours, model = seconds(
        lambda: imlogit.LogisticRegressionCV(Cs=data.cs, cv=data.folds, tol=1e-5).fit(
            data.rows, data.y
        )
    )
    found = table(
        f"{len(data.cs)} values of C, {data.folds} folds and all images: {n_fits} fits",
        *("fit", "seconds", "worst gap", "", "imlogit is faster by"),
    )
    gap = worst(np.ravel(model.certificates_))
    found.add_row("imlogit", f"{ours:.2f}", gap, f"best C {model.C_:.3g}", "")
    if data.peers:
        single, fastest = peers_by_c(data)
        yield single
        for name, each in fastest.items():
            taken = n_fits * float(np.mean(each))
            known = (f"{taken:.0f}", "", "extrapolated", times(taken, ours))
            unknown = ("", "", "none for some C", "")
            found.add_row(f"scikit-learn, {name}", *(known if np.isfinite(taken) else unknown))
    yield found


def peers_by_c(data: Data) -> tuple[Any, dict[str, list[float]]]:
    """Time each solver on one fold of three values of C, and pick the fastest for each C.

    All fits are taken to last as long as these do on average; those on all images, a tenth more
    of them, last somewhat longer.
    """
    splitter = StratifiedKFold(data.folds, shuffle=True, random_state=0)
    train, _ = next(splitter.split(data.rows, data.y))
    rows, y = data.rows[train], data.y[train]
    scaled = as_floats(rows)
    found = table("scikit-learn, float32, one fold", "C, solver", "seconds", "above the optimum")
    fastest: dict[str, list[float]] = {"fastest solver": [], f"fastest within {NEAR:.0e}": []}
    for C in (data.cs[0], data.cs[len(data.cs) // 2], data.cs[-1]):
        best = LogisticRegression(C).fit(rows, y)
        least = objective(rows, y, best.coef_, best.intercept_, C)
        timed = []
        for name, how in PEERS.items():
            taken, (coef, b) = seconds(partial(peer_fit, scaled, y, C, **how), runs=1)
            excess = objective(rows, y, coef, b, C) / least - 1
            timed.append((taken, excess))
            found.add_row(f"{C:.3g}, {name}", f"{taken:.2f}", f"{excess:.1e}")
        for name, most in zip(fastest, (np.inf, NEAR), strict=True):
            near = [taken for taken, excess in timed if excess <= most]
            fastest[name].append(min(near, default=np.nan))
    return found, fastest


def peer_fit(scaled: Any, y: Any, C: float, **how: Any) -> tuple[Any, Any]:
    model = Peer(C=C, max_iter=10_000, **how).fit(scaled, y)
    return model.coef_, model.intercept_


def classes(data: Data) -> Iterator[Any]:
    """Fit ten digits, one against the rest and multinomial."""
    yield one_against_the_rest(data)
    yield multinomial(data)


def one_against_the_rest(data: Data) -> Any:
    one, single = seconds(lambda: LogisticRegression().fit(data.rows, data.y))
    ten, model = seconds(lambda: LogisticRegression(multi_class="ovr").fit(data.rows, data.digits))
    found = table(
        "Ten digits, one against the rest, C = 1",
        *("fit", "seconds", "worst gap", "passes", "test accuracy", "of one column"),
    )
    for name, taken, fitted, labels in (
        ('"2" against the rest', one, single, data.test_digits == 2),
        ("ten digits", ten, model, data.test_digits),
    ):
        parts = fitted.certificate_.columns or (fitted.certificate_,)
        passes = str(max(part.passes for part in parts))
        accuracy = f"{fitted.score(data.test_rows, labels):.4f}"
        found.add_row(name, f"{taken:.3f}", worst(parts), passes, accuracy, times(taken, one))
    return found


def multinomial(data: Data) -> Any:
    ours, model = seconds(
        lambda: LogisticRegression(multi_class="multinomial").fit(data.rows, data.digits)
    )
    found = table(
        f"Ten digits, multinomial, C = 1; the optimum on 60,000 is {MULTINOMIAL_OPTIMUM}",
        *("fit", "seconds", "gap", "passes", "objective", "test accuracy", "imlogit is faster by"),
    )

    def add(name: str, taken: float, fitted: Any, gap: str, passes: str, ratio: str) -> None:
        value = softmax_objective(data.rows, data.digits, fitted.coef_, fitted.intercept_)
        margins = data.test_rows / 255 @ fitted.coef_.T + fitted.intercept_
        accuracy = (margins.argmax(axis=1) == data.test_digits).mean()
        found.add_row(name, f"{taken:.2f}", gap, passes, f"{value:.4f}", f"{accuracy:.4f}", ratio)

    proof = model.certificate_
    add("imlogit", ours, model, worst([proof]), str(proof.passes), "")
    if data.peers:
        scaled = as_floats(data.rows)
        peer = Peer(max_iter=10_000, **PEERS["lbfgs, tol 1e-6"])
        taken, fitted = seconds(lambda: peer.fit(scaled, data.digits))
        add("scikit-learn lbfgs, float32, tol 1e-6", taken, fitted, "", "", times(taken, ours))
    return found


def replicates(data: Data) -> Iterator[Any]:
    """Fit bootstrap replicates."""
    found = table(
        f'{data.replicates} bootstrap replicates of "2", C = 1, tol 1e-4',
        *("work", "seconds", "worst gap", "passes", "accuracy, 95% interval"),
    )
    for name, scores in (("weights", ()), ("weights and accuracy out of bag", ("accuracy",))):
        watch = Watch()
        model = LogisticRegression(tol=1e-4)
        how = {"n": data.replicates, "scores": scores, "observe": watch}
        taken, drawn = seconds(partial(bootstrap, model, data.rows, data.y, **how))
        interval = [f"{s.low:.4f} to {s.high:.4f}" for s in drawn.scores.values()]
        gap = worst([drawn.estimator.certificate_, *drawn.certificates])
        found.add_row(name, f"{taken:.1f}", gap, str(watch.passes), *interval)
    yield found


def growth(data: Data) -> Iterator[Any]:
    """Time more images, then more columns: the fit on all images and replicates of it."""
    sizes = [len(data.rows) // 4, len(data.rows) // 2, len(data.rows)]
    title = f"Growth with the images: {data.folds} folds and all images"
    by_size, of_sizes = grown(title, "images", sizes, 1000, partial(_folds_of, data))
    columns = [2**k for k in range(data.most_columns.bit_length())]
    title = "Growth with the columns: one fit on all images, the others bootstrap replicates"
    by_columns, of_columns = grown(title, "columns", columns, 1, partial(_replicates_of, data))
    curves = {
        f"images, {data.folds + 1} columns": (sizes, of_sizes),
        "columns": (columns, of_columns),
    }
    draw(data.figure, curves)
    yield from (by_size, by_columns)
    print(f"The figure of both is {data.figure.resolve()}")


def _folds_of(data: Data, n: int) -> tuple[list[Certificate], int]:
    checked, passes = checked_folds(data, n)
    return [checked.estimator.certificate_, *(f.certificate for f in checked.folds)], passes


def _replicates_of(data: Data, n: int) -> tuple[list[Certificate], int]:
    watch, model = Watch(), LogisticRegression()
    prepared = prepare(model, data.rows, data.y, None)
    draws = draw_replicates(n - 1, len(data.rows), None, 0)
    fits = [Fit(1.0), *(Fit(1.0, drawn, start=0) for drawn in draws)]
    found: list[Fitted] = fit_all(model, prepared, fits, observe=watch)
    return [fitted.certificate for fitted in found], watch.passes


def times(taken: float, ours: float) -> str:
    return f"{taken / ours:.1f}x"


PARTS: dict[str, Callable[[Data], Iterator[Any]]] = {
    "folds": folds,
    "sweep": sweep,
    "classes": classes,
    "bootstrap": replicates,
    "growth": growth,
}

if __name__ == "__main__":
    main()
