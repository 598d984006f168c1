"""Linear probes by the names of their protocols, and what they are probes of, at full size.

Run as ``python -m benchmarks.probe [PART ...]``; none means all, which takes an hour and up to
1 GB in the temporary folder. All data are made from seeds. Peers are scikit-learn's lbfgs in
float32, stopped where its objective is as close to the optimum as ours; where ``--limit N`` seconds
(default 300) are over before all of its fits are done, the rest is taken to last as long as those
that were done did on average, which is said. ``--no-peers`` leaves it out, ``--quick`` takes tiny
shapes.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression as Peer

from benchmarks.common import Clock, arguments, parse, seconds, show, table
from benchmarks.shape_data import Shape, make, rows_of
from benchmarks.shape_runs import Task, followed
from benchmarks.shapes import of_shape
from imlogit import LogisticRegression, LogisticRegressionCV, linear_probe
from imlogit.data.feature_set import FeatureSet
from imlogit.estimators.c_grid import fits_along
from imlogit.estimators.fits import fit_all
from imlogit.runs.probes.probe_fits import Fitter
from imlogit.runs.probes.protocols import PROTOCOLS, draw_validation

HUNDRED = Shape("hundred", "embeddings", 50_000, 768, 100, "")
NINE = Shape("nine", "embeddings", 100_000, 1_536, 9, "under 8 s")
LOW_SHOT = Shape(
    *("low-shot", "embeddings", 12_811, 384, 1_000, "a proved gap"),
    **{"tol": 1e-4, "peers": ("sklearn lbfgs", "cyanure auto")},
)
MANY_LABELS = Shape("labels", "embeddings", 50_000, 512, 80, "10x a loop of scikit-learn's")
TESTED = 0.1
LABEL_CS = tuple(np.geomspace(1e-4, 1, 10).tolist())
EXACT, UNI_STEPS = 1e-9, 1000
QUICK_LIMIT, QUICK_FEATURES = 0.1, 24


class Asked(NamedTuple):
    """Whether all is tiny, whether peers are timed, and for how long."""

    quick: bool
    peers: bool
    limit: float


class Timed(NamedTuple):
    """How many fits of a peer were done in how many seconds, of how many."""

    done: int
    seconds: float
    wanted: int

    @property
    def all_of_them(self) -> float:
        """What all take, or would take as those that were done."""
        return self.seconds * self.wanted / max(self.done, 1)

    @property
    def words(self) -> str:
        """How much of that was measured."""
        if self.done == self.wanted:
            return "all timed"
        return f"{self.done} of {self.wanted} timed, the rest extrapolated"


def main() -> None:
    parser = arguments("probe", PARTS)
    parser.add_argument("--no-peers", action="store_true", help="leave other libraries out")
    limit_help = "stop a peer after so many seconds; default 300"
    parser.add_argument("--limit", type=float, default=300.0, metavar="N", help=limit_help)
    asked = parse(parser, PARTS)
    warnings.simplefilter("ignore")
    LogisticRegression().fit(np.eye(60, dtype=np.float32), np.arange(60) % 3)  # compiles
    for part in asked.parts:
        limit = min(asked.limit, QUICK_LIMIT) if asked.quick else asked.limit
        how = Asked(asked.quick, not asked.no_peers, limit)
        for found in PARTS[part](how):
            show(found)


def embeddings(shape: Shape, asked: Asked) -> FeatureSet:
    """Return rows of a shape, of which a tenth is the test part."""
    own = replace(shape.quick, d=QUICK_FEATURES) if asked.quick else shape
    with tempfile.TemporaryDirectory() as place:
        make(own, Path(place))
        X, y = rows_of(Path(place), own)
    names = tuple(f"class {k}" for k in range(own.classes))
    n_train = round(len(y) * (1 - TESTED))
    # the digest of what a seed makes is nobody's time
    return FeatureSet(X, y.astype(np.intp), names, n_train, shape.name, "made", "0" * 64)


def dinov2(asked: Asked) -> Iterator[Any]:
    """DINOv2's protocol: 45 values of C, 10% validation, a refit."""
    features = embeddings(HUNDRED, asked)
    train = features.train
    taken, probed = seconds(lambda: linear_probe(features, protocol="dinov2"), 1)
    C = probed.C
    single, _ = seconds(lambda: LogisticRegression(C).fit(train.features, train.labels), 3)
    found = table(
        f"DINOv2's protocol, {shape_of(features)}: at most 8 single fits, 15x the peer",
        *("fit", "seconds", "of a single fit", "C", "faster", ""),
    )
    found.add_row("one fit of all rows, at that C", f"{single:.2f}", "1.0x", f"{C:.4g}", "", "")
    ratio = f"{taken / single:.1f}x"
    found.add_row("imlogit, 45 values and the refit", f"{taken:.2f}", ratio, f"{C:.4g}", "", "")
    exact = path_of(features, EXACT)
    best = PROTOCOLS["dinov2"].grid[int(np.argmax([one.accuracy for one in exact]))]
    same = "the same" if best == C else "ANOTHER"
    found.add_row(f"by solutions of gap {EXACT:.0e}", "", "", f"{best:.4g}", "", same)
    if asked.peers:
        timed = along_the_grid(features, exact, asked.limit)
        faster = f"{timed.all_of_them / taken:.1f}x"
        figures = f"{timed.all_of_them:.1f}", f"{timed.all_of_them / single:.1f}x", "", faster
        found.add_row("scikit-learn lbfgs, float32, warm starts", *figures, timed.words)
    yield found


class OnPath(NamedTuple):
    """What is known of a C on the way along a grid."""

    C: float
    accuracy: float
    objective: float


def path_of(features: FeatureSet, tol: float) -> list[OnPath]:
    """Return the grid's fits of the rows that are not held out, as exact as is asked for."""
    train, grid = features.train, PROTOCOLS["dinov2"].grid
    fitter = Fitter(LogisticRegression(tol=tol), train.features, train.labels)
    folds = fitter.folds([draw_validation(train.labels, 0.1, 0, by_class=False)])
    fits, places = fits_along(np.array(grid), folds)
    found = fit_all(fitter.estimator, fitter.data, fits)
    made = []
    for C, (place,) in zip(grid, places, strict=True):
        one = found[place]
        p = one.probabilities("multinomial")
        right = (p.argmax(axis=1) == train.labels[folds[0].test]).mean()
        made.append(OnPath(C, float(right), one.certificate.objective))
    return made


def along_the_grid(features: FeatureSet, exact: list[OnPath], limit: float) -> Timed:
    """Fit scikit-learn's lbfgs along the grid, each C until it is as close as ours, and refit."""
    train = features.train
    rows, _ = draw_validation(train.labels, 0.1, 0, by_class=False)
    X, y = np.ascontiguousarray(train.features[rows]), train.labels[rows]
    peer = Peer(warm_start=True, tol=1e-12, max_iter=100_000)
    began, done = time.perf_counter(), 0
    for one in exact:
        left = limit - (time.perf_counter() - began)
        if left <= 0:
            break
        before = time.perf_counter() - began
        shape = Shape("", "", len(y), X.shape[1], features.n_classes, "", C=one.C)
        with followed(Task("", shape, "", limit=left), one.objective * (1 + 1e-6)):
            peer.set_params(C=one.C).fit(X, y)
        spent = time.perf_counter() - began
        if spent >= limit:  # this one was stopped
            return Timed(done, before, len(exact) + 1)
        done += 1
    return Timed(done, time.perf_counter() - began, len(exact) + 1)


def crc(asked: Asked) -> Iterator[Any]:
    """UNI's protocol on the shape of CRC-100K."""
    features = embeddings(NINE, asked)
    whole = replace(features, n_train=len(features) - min(1000, len(features) // 10))
    taken, probed = seconds(lambda: linear_probe(whole, protocol="uni"), min(3, Clock.runs))
    train = whole.train
    single, _ = seconds(
        lambda: LogisticRegression(probed.C).fit(train.features, train.labels), min(3, Clock.runs)
    )
    found = table(
        f"UNI's protocol, {shape_of(whole)}: under 8 s",
        *("fit", "seconds", "its objective", "C of ours", "faster"),
    )
    C = whole.n_features * whole.n_classes / 100
    coef, intercept = probed.model.coef, probed.model.intercept
    least = uni_objective(coef, intercept, train.features, train.labels, C)[0]
    found.add_row("one fit of all rows, at that C", f"{single:.2f}", "", f"{probed.C:.4g}", "")
    found.add_row("imlogit, C found", f"{taken:.2f}", f"{least:.6f}", f"{probed.C:.4g}", "")
    if asked.peers:
        value, spent = uni_by_lbfgs(train.features, train.labels, C, asked.limit)
        figures = f"{spent:.2f}", f"{value:.6f}", "", f"{spent / taken:.1f}x"
        found.add_row(f"lbfgs on that objective, {UNI_STEPS} steps at most", *figures)
    yield found


def uni_objective(coef: Any, intercept: Any, X: Any, y: Any, C: float) -> tuple[float, Any, Any]:
    """Return mean loss + (1/C) 0.5 ||W||, and its gradient in weights and intercepts."""
    margins = X @ coef.T.astype(X.dtype) + intercept.astype(X.dtype)
    margins -= margins.max(axis=1, keepdims=True)
    p = np.exp(margins)
    total = p.sum(axis=1)
    each = np.arange(len(y))
    loss = float((np.log(total) - margins[each, y]).mean(dtype=np.float64))
    p /= total[:, None]
    p[each, y] -= 1
    norm = np.linalg.norm(coef)
    pull = coef / norm if norm else coef
    gradient = (p.T @ X).astype(float) / len(y) + 0.5 / C * pull
    return loss + 0.5 / C * norm, gradient, p.mean(axis=0, dtype=np.float64)


def uni_by_lbfgs(X: Any, y: Any, C: float, limit: float) -> tuple[float, float]:
    """Minimise that in float32, as UNI's own code does, and return what it comes to, and when."""
    d, k, began = X.shape[1], int(y.max()) + 1, time.perf_counter()

    def value(flat: Any) -> tuple[float, Any]:
        coef, intercept = flat[: k * d].reshape(k, d), flat[k * d :]
        found, of_coef, of_intercept = uni_objective(coef, intercept, X, y, C)
        return found, np.concatenate([of_coef.ravel(), of_intercept])

    def look(intermediate_result: Any) -> None:
        del intermediate_result
        if time.perf_counter() - began > limit:
            raise StopIteration

    options = {"maxiter": UNI_STEPS, "maxfun": 2 * UNI_STEPS, "ftol": 1e-9}
    start = np.zeros(k * d + k)
    best = minimize(value, start, jac=True, method="L-BFGS-B", options=options, callback=look)
    return float(best.fun), time.perf_counter() - began


def low_shot(asked: Asked) -> Iterator[Any]:
    """DINO's 1% of ImageNet: 1,000 classes, a dozen rows each."""
    shape = LOW_SHOT.quick if asked.quick else LOW_SHOT
    yield of_shape(
        replace(shape, peers=shape.peers if asked.peers else ()), asked.limit, quick=asked.quick
    )


def labels(asked: Asked) -> Iterator[Any]:
    """Fit 80 labels, of which a row has any number, at 10 values of C."""
    features = embeddings(MANY_LABELS, asked)
    n_labels, X = features.n_classes, features.features
    rng = np.random.default_rng(1)
    # each label's rows are those of its class and of one more, with noise
    own = features.labels[:, None] == np.arange(n_labels)
    Y = (own | np.roll(own, 1, axis=1) ^ (rng.random(own.shape) < 0.01)).astype(np.int8)
    fold = np.arange(features.n_train), np.arange(features.n_train, len(X))
    Cs = LABEL_CS[::4] if asked.quick else LABEL_CS
    model = LogisticRegressionCV(Cs=Cs, cv=[fold])
    taken, chosen = seconds(lambda: model.fit(X, Y), 1)
    found = table(
        f"{len(Cs)} values of C, {n_labels} labels, {len(X):,} x {X.shape[1]}: 10x",
        *("fit", "seconds", "C", "faster", ""),
    )
    found.add_row("imlogit, with the refit", f"{taken:.2f}", f"{chosen.C_:.3g}", "", "")
    if asked.peers:
        timed = label_loop(X[fold[0]], Y[fold[0]], Cs, asked.limit)
        figures = f"{timed.all_of_them:.1f}", "", f"{timed.all_of_them / taken:.1f}x", timed.words
        found.add_row("scikit-learn lbfgs, float32, a loop", *figures)
    yield found


def label_loop(X: Any, Y: Any, Cs: Sequence[float], limit: float) -> Timed:
    """Fit scikit-learn's lbfgs for one label after another, by its own tolerance, at every C."""
    began, done = time.perf_counter(), 0
    for column in Y.T:
        for C in Cs:
            Peer(C=C, max_iter=1000).fit(X, column)
            done += 1
        if time.perf_counter() - began > limit:  # at all values of C, or none
            break
    return Timed(done, time.perf_counter() - began, Y.shape[1] * len(Cs))


def shots(asked: Asked) -> Iterator[Any]:
    """Ten draws of 1, 5 and 10 rows of each of a hundred classes."""
    features = embeddings(HUNDRED, asked)
    how = {"shots": (1, 2, 3) if asked.quick else (1, 5, 10), "draws": 2 if asked.quick else 10}
    found = table(
        f"{how['draws']} draws of {how['shots']} rows of each class, {shape_of(features)}: "
        "under 10 s",
        *("protocol", "seconds", *(f"{n} shots" for n in how["shots"])),
    )
    for name in ("plain",) if asked.quick else ("plain", "dinov3"):
        taken, probed = seconds(partial(linear_probe, features, protocol=name, **how), 1)
        accuracies = [f"{one.mean('accuracy'):.4f}" for one in probed.shots]
        words = "C = 1" if name == "plain" else "C chosen of 45 in each draw"
        found.add_row(f"{name}, {words}", f"{taken:.2f}", *accuracies)
    yield found


def shape_of(features: FeatureSet) -> str:
    return f"{len(features):,} x {features.n_features:,}, {features.n_classes:,} classes"


PARTS: dict[str, Callable[[Asked], Iterator[Any]]] = {
    "dinov2": dinov2,
    "crc": crc,
    "low-shot": low_shot,
    "labels": labels,
    "shots": shots,
}

if __name__ == "__main__":
    main()
