"""Random problems of every kind that a solver may meet, and a judge who believes nothing.

A problem is drawn by its number alone. The judge computes in long double what a fit claims: the
objective, the gap, the distance to the optimum; a claim that the duality gap in long double does
not confirm is put beside a better point, found by Newton steps with gradients in long double.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from imlogit import Certificate, LogisticRegression

Long = NDArray[np.longdouble]

MOST_ENTRIES = 150_000
# Long double and double agree on an objective to this share of it.
SAME = 1e-9
# Sums in long double are right to this share.
LONG_ROUNDING = 1e-16
# Imbalances below this share are long double's own.
TINY = 1e-18
DOUBLE_ROUNDING = float(np.finfo(float).eps)
# Up to so many weights a better point is looked for by Newton steps.
MOST_WEIGHTS = 1500
NEWTON_STEPS = 12
FLAT = 1.0001e-8
# One problem in so many has so many classes.
MANY_EVERY, MANY_CLASSES = 20, (31, 61)


@dataclass(frozen=True, eq=False)
class Problem:
    """One fit that is asked for."""

    number: int
    x: NDArray[Any]
    codes: NDArray[np.intp]
    weights: NDArray[np.float64] | None
    C: float
    intercept: bool
    engine: str

    def __str__(self) -> str:
        n, d = self.x.shape
        weighed = "" if self.weights is None else ", weighted"
        return (
            f"problem {self.number}: {n} x {d} {self.x.dtype}, {self.codes.max() + 1} classes, "
            f"C={self.C:.3g}, intercept={self.intercept}, {self.engine}{weighed}"
        )

    @property
    def scale(self) -> np.longdouble:
        """What a feature is multiplied by."""
        return np.longdouble(1) / (255 if self.x.dtype == np.uint8 else 1)

    @property
    def row_weights(self) -> Long:
        """The weight of each row."""
        ones = np.ones(len(self.codes))
        return np.asarray(ones if self.weights is None else self.weights, dtype=np.longdouble)

    @property
    def costs(self) -> Long:
        """What a unit of each row's loss costs."""
        return self.row_weights * np.longdouble(self.C if np.isfinite(self.C) else 1.0)


def draw(number: int, engines: Sequence[str], entries: int = MOST_ENTRIES) -> Problem:
    """Draw a problem of two to 3,000 rows, one to 1,500 features, two to 30 classes, rarely to 60.

    Parameters
    ----------
    number : int
        The seed.
    engines : sequence of str
    entries : int
        The most that rows, features and half the classes may multiply to.
    """
    rng = np.random.default_rng(number)
    k = 2 if rng.random() < 0.5 else int(rng.integers(3, 31))
    if number % MANY_EVERY == MANY_EVERY - 1:
        k = int(rng.integers(*MANY_CLASSES))
    n = max(k, round(float(np.exp(rng.uniform(np.log(2), np.log(3000))))))
    d = round(float(np.exp(rng.uniform(0, np.log(1500)))))
    d = max(1, min(d, 2 * entries // (n * k)))
    # beyond that, Newton's steps in long double, and a peer's, take minutes
    d = min(d, MOST_WEIGHTS // k) if k > 2 else d
    codes = _codes(rng, n, k)
    x = _dressed(rng, _features(rng, codes, d))
    C = np.inf if rng.random() < 0.15 else float(10 ** rng.uniform(-8, 12))
    weights = None
    if rng.random() < 0.4:
        weights = 10 ** rng.uniform(-6, 6, n) if rng.random() < 0.5 else rng.uniform(0.1, 10, n)
    return Problem(number, x, codes, weights, C, rng.random() < 0.75, str(rng.choice(engines)))


def _codes(rng: np.random.Generator, n: int, k: int) -> NDArray[np.intp]:
    """Draw classes, often of very different sizes, each at least once."""
    shares = rng.dirichlet(np.full(k, rng.choice([0.3, 1.0, 100.0])))
    codes = rng.choice(k, n, p=shares)
    codes[:k] = np.arange(k)
    return rng.permutation(codes).astype(np.intp)


def _features(rng: np.random.Generator, codes: NDArray[np.intp], d: int) -> NDArray[np.float64]:
    """Draw clouds, counts or steps, from pure noise to far apart."""
    n, k = len(codes), int(codes.max()) + 1
    apart = float(rng.choice([0.0, 0.3, 1.0, 3.0, 10.0]))
    means = apart * rng.normal(size=(k, d)) / np.sqrt(max(1.0, d / 10))
    kind = rng.choice(["normal", "counts", "steps", "heavy"])
    if kind == "counts":
        return rng.poisson(np.exp(np.clip(means[codes], -3, 3))).astype(float)
    if kind == "steps":
        return np.rint(means[codes] + rng.normal(size=(n, d)))
    noise = rng.normal(size=(n, d)) if kind == "normal" else rng.standard_t(2, size=(n, d))
    return means[codes] + noise


def _dressed(rng: np.random.Generator, x: NDArray[np.float64]) -> NDArray[Any]:
    """Give features their scales, offsets, doubles, constants and type."""
    d = x.shape[1]
    kind = rng.choice(["uint8", "float32", "float64"])
    if d > 1 and rng.random() < 0.3:
        x[:, rng.integers(d)] = x[:, rng.integers(d)]
    if kind == "uint8":
        spread = max(float(np.abs(x).max()), 1e-9)
        x = np.clip(np.rint(x / spread * 127 + 128), 0, 255)
    else:
        x *= 10 ** rng.uniform(-6, 6)
        if rng.random() < 0.2:
            x *= 10 ** rng.uniform(-3, 3, d)
        if rng.random() < 0.3:
            x += np.abs(x).max(axis=0) * 10 ** rng.uniform(0, 3)
    if rng.random() < 0.3:
        x[:, rng.integers(d)] = x[0, 0]
    return x.astype(kind)


class Verdict(NamedTuple):
    """What came of a problem.

    Attributes
    ----------
    status : str
        The certificate's, or "crash".
    faults : list of str
        What was claimed and does not hold; empty for an honest answer.
    """

    status: str
    faults: list[str]


def judge(problem: Problem) -> Verdict:
    """Fit, and hold every claim against an independent computation."""
    model = LogisticRegression(problem.C, fit_intercept=problem.intercept, engine=problem.engine)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(problem.x, problem.codes, problem.weights)
    except Exception as error:  # whatever it is, it is counted
        return Verdict("crash", [f"{type(error).__name__}: {error}"])
    certificate: Certificate = model.certificate_
    point = Point.of(problem, model.coef_, model.intercept_)
    faults = [] if point.finite else ["weights that are not finite"]
    if point.finite:
        faults = _general(problem, certificate, point)
        if certificate.converged:
            check = _converged if np.isfinite(problem.C) else _flat
            faults += check(problem, certificate, point)
        elif certificate.status == "separated":
            apart = point.right() or _can_be_told_apart(problem)
            faults += [] if apart else ["separated, but no weights tell the classes apart"]
        elif certificate.status in ("max_iter", "rounding"):
            faults += _no_better(problem, point)
    return Verdict(certificate.status, faults)


@dataclass(frozen=True, eq=False)
class Point:
    """Weights (K, d) and intercepts (K,) of a problem, and what is true there, in long double.

    With two classes there are two columns here, the first of zeros.
    """

    problem: Problem
    w: Long
    b: Long

    @classmethod
    def of(cls, problem: Problem, coef: NDArray[Any], intercept: NDArray[Any]) -> Point:
        """Return the point that a model is at."""
        return cls(problem, np.asarray(coef, np.longdouble), np.asarray(intercept, np.longdouble))

    @property
    def finite(self) -> bool:
        """Whether there is nothing to compute with."""
        return bool(np.isfinite(self.w).all() and np.isfinite(self.b).all())

    def margins(self) -> Long:
        """Return the margins (n, K), of two classes (n, 2)."""
        z = (self.problem.x.astype(np.longdouble) @ self.w.T) * self.problem.scale + self.b
        return np.column_stack([np.zeros(len(z)), z]) if z.shape[1] == 1 else z

    def excess(self) -> Long:
        """Return the margins less that of the own class (n, K)."""
        z = self.margins()
        return z - np.take_along_axis(z, self.problem.codes[:, None], axis=1)

    def right(self) -> bool:
        """Whether every row is classified strictly right."""
        excess = self.excess()
        np.put_along_axis(excess, self.problem.codes[:, None], -np.inf, axis=1)
        return bool((excess.max(axis=1) < 0).all())

    def losses(self) -> Long:
        """Return the loss of every row; the largest share is 1, and apart from the others."""
        excess = self.excess()
        best = excess.argmax(axis=1)[:, None]
        top = np.take_along_axis(excess, best, axis=1)
        shares = np.exp(excess - top)
        np.put_along_axis(shares, best, 0.0, axis=1)
        return top[:, 0] + np.log1p(shares.sum(axis=1))

    def objective(self) -> np.longdouble:
        """Return the objective."""
        penalty = 0.5 * np.square(self.w).sum() if np.isfinite(self.problem.C) else 0.0
        return np.longdouble(self.problem.costs @ self.losses() + penalty)

    def probabilities(self) -> Long:
        """Return the probabilities (n, K)."""
        excess = self.excess()
        shares = np.exp(excess - excess.max(axis=1)[:, None])
        return shares / shares.sum(axis=1)[:, None]

    def residuals(self) -> Long:
        """Return ``costs * (p - y)`` (n, K), the own class's as minus the sum of the others."""
        p = self.probabilities()
        own = self.problem.codes[:, None]
        np.put_along_axis(p, own, 0.0, axis=1)
        np.put_along_axis(p, own, -p.sum(axis=1)[:, None], axis=1)
        return self.problem.costs[:, None] * p

    def gradient(self, residuals: Long | None = None) -> Long:
        """Return the gradient in the weights (K, d)."""
        r = self.residuals() if residuals is None else residuals
        r = r[:, 1:] if len(self.w) == 1 else r
        found = (r.T @ self.problem.x.astype(np.longdouble)) * self.problem.scale
        return found + self.w if np.isfinite(self.problem.C) else found

    def gap(self) -> np.longdouble:
        """Return the duality gap, with duals that are feasible."""
        r, costs = self.residuals(), self.problem.costs[:, None]
        apart = np.longdouble(0)
        if self.problem.intercept:
            p = self.probabilities()
            own = np.zeros_like(p)
            np.put_along_axis(own, self.problem.codes[:, None], costs, axis=1)
            mass, wanted = (costs * p).sum(axis=0), own.sum(axis=0)
            t = max(1 - (wanted / np.where(mass > 0, mass, np.inf))[mass > 0].min(), 0)
            if t > TINY:
                toward = np.maximum(wanted - (1 - t) * mass, 0)
                q = (1 - t) * p + t * toward / toward.sum()
                with np.errstate(divide="ignore", invalid="ignore"):
                    ratio = np.where(q > 0, np.log(q / p), 0)
                apart = (costs * q * ratio).sum()
                r = r + costs * (q - p)
        g = self.gradient(r)
        return np.longdouble(0.5 * np.square(g).sum() + max(apart, 0))


def _general(problem: Problem, certificate: Certificate, point: Point) -> list[str]:
    """Return what is wrong with any answer."""
    found = []
    objective = point.objective()
    # beside the penalty, rounding of margins is all that may tell the two apart
    if not abs(certificate.objective - objective) <= SAME * objective + _noise(point):
        found.append(f"objective {certificate.objective:.12g}, in truth {float(objective):.12g}")
    base = _base_rate(problem)
    if objective > base * (1 + SAME):
        found.append(f"objective {float(objective):.12g} above the base rate's {float(base):.12g}")
    return found


def _noise(point: Point) -> float:
    """Return what rounding of margins in float64 may do to an objective."""
    x = np.abs(point.problem.x.astype(float)) * float(point.problem.scale)
    sizes = x @ np.abs(point.w.astype(float)).T + np.abs(point.b.astype(float))
    share = DOUBLE_ROUNDING * (4 + np.sqrt(x.shape[1]))
    return float(share * (np.abs(point.residuals()).sum(axis=1) @ sizes.max(axis=1)))


def _base_rate(problem: Problem) -> np.longdouble:
    of_class = np.bincount(problem.codes, problem.costs.astype(float)).astype(np.longdouble)
    if not problem.intercept:
        return np.longdouble(of_class.sum() * np.log(np.longdouble(len(of_class))))
    return np.longdouble(-(of_class * np.log(of_class / of_class.sum())).sum())


def _converged(problem: Problem, certificate: Certificate, point: Point) -> list[str]:
    """With a penalty: the gap, and what follows from it."""
    if not certificate.gap <= certificate.tol * certificate.objective:
        return [f"gap {certificate.gap} is not within the tolerance"]
    if point.gap() <= certificate.gap * (1 + 1e-12):
        return []
    return _held_against(certificate, point, _better(problem, point))


def _held_against(certificate: Certificate, point: Point, other: Point) -> list[str]:
    """Return what a point that is lower says against a claim."""
    found = []
    gained = float(point.objective() - other.objective())
    noise = LONG_ROUNDING * float(point.objective())
    if gained > certificate.gap + noise:
        found.append(f"gap {certificate.gap:.3g}, but {gained:.3g} lower is possible")
    far = float(np.sqrt(np.square(point.w - other.w).sum()))
    # of the optimum the other is no farther away than this
    left = float(np.sqrt(2 * other.gap()))
    if far - left > np.sqrt(2 * certificate.gap):
        found.append(f"gap {certificate.gap:.3g}, but the weights are {far:.3g} from the optimum")
    return found


def _better(problem: Problem, point: Point) -> Point:
    """Return a point nearer to the optimum: Newton's, with gradients in long double."""
    k, d = point.w.shape
    if k * (d + 1) > MOST_WEIGHTS:
        return point
    here = point
    for _ in range(NEWTON_STEPS):
        there = _newton(problem, here)
        if there is None or not there.gap() < here.gap():
            break
        here = there
    return here


def _newton(problem: Problem, point: Point) -> Point | None:
    k, d = point.w.shape
    x = np.column_stack([problem.x.astype(float) * float(problem.scale), np.ones(len(problem.x))])
    p = point.probabilities()[:, -k:].astype(float)
    costs = problem.costs.astype(float)
    curvature = costs[:, None, None] * (p[:, :, None] * (np.eye(k) - p[:, None, :]))
    if k == 1:
        curvature = (costs * p[:, 0] * (1 - p[:, 0]))[:, None, None]
    hessian = np.einsum("nd,nkl,ne->kdle", x, curvature, x, optimize=True)
    flat = np.arange(k * (d + 1)).reshape(k, d + 1)
    hessian = hessian.reshape(flat.size, flat.size)
    hessian[flat[:, :d], flat[:, :d]] += 1.0
    r = point.residuals()[:, -k:]
    gradient = np.column_stack([point.gradient(), r.sum(axis=0)]).astype(float)
    used = flat[:, : d + problem.intercept].ravel()
    scale = 1 / np.sqrt(np.maximum(hessian.diagonal()[used], 1e-300))
    unit = hessian[np.ix_(used, used)] * scale[:, None] * scale
    step = np.zeros(flat.size)
    step[used] = -scale * np.linalg.lstsq(unit, scale * gradient.ravel()[used], rcond=1e-15)[0]
    if not np.isfinite(step).all():
        return None
    step = step.reshape(k, d + 1)
    return Point(problem, point.w + step[:, :d], point.b + step[:, d])


def _flat(problem: Problem, _: Certificate, point: Point) -> list[str]:
    """Without a penalty: a gradient that vanishes, in units in which no feature is above 1."""
    largest = float(np.abs(problem.x).max()) * float(problem.scale)
    limit = FLAT * float(problem.costs.sum())
    steepest = float(np.abs(point.gradient()).max())
    if steepest > limit * min(1.0, largest) + _noise(point) * max(1.0, largest):
        return [f"converged, but the gradient is {steepest:.3g}, {limit:.3g} allowed"]
    return []


def _can_be_told_apart(problem: Problem) -> bool:
    """Return whether some weights classify every row right by a margin of at least 1."""
    k, x = problem.codes.max() + 1, problem.x.astype(float)
    x = x / np.maximum(np.abs(x).max(axis=0), np.finfo(float).tiny)
    x = np.column_stack([x, np.ones(len(x))]) if problem.intercept else x
    own = np.eye(k)[problem.codes]
    against = [own - np.eye(k)[j] for j in range(k)]
    rows = [np.einsum("nk,nd->nkd", a, x)[problem.codes != j] for j, a in enumerate(against)]
    margins = np.concatenate(rows).reshape(-1, k * x.shape[1])
    found = linprog(
        np.zeros(margins.shape[1]),
        A_ub=-margins,
        b_ub=-np.ones(len(margins)),
        bounds=(None, None),
    )
    return bool(found.status == 0)


def _no_better(problem: Problem, point: Point) -> list[str]:
    """Return whether scikit-learn's most exact solver got farther where ours did not arrive."""
    from sklearn.linear_model import LogisticRegression as Peer

    peer = Peer(
        C=problem.C,
        solver="newton-cholesky",
        tol=1e-10,
        max_iter=500,
        fit_intercept=problem.intercept,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            peer.fit(problem.x * float(problem.scale), problem.codes, problem.weights)
        except (ValueError, FloatingPointError, np.linalg.LinAlgError):
            return []
    theirs = Point.of(problem, peer.coef_, peer.intercept_)
    ours = point.objective()
    if theirs.finite and theirs.objective() < ours * (1 - SAME):
        return [f"not converged at {float(ours):.12g}, a peer at {float(theirs.objective()):.12g}"]
    return []
