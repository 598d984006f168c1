"""The engine contract: every sum over images that the solver asks for.

An `Engine` holds the rows of one matrix of features. `Engine.open` gives a `Problem` with room
for some regressions of one kind, each in a *slot*. A problem keeps each row's margins for each
column where the rows are, and answers with sums over rows, for all the slots it is asked about
in one read. Sums add up over blocks, threads, devices and machines, so the solver cannot tell
what it talks to.

Notation: ``n`` rows ``x_i`` with ``d`` features, ``a`` slots, ``K`` columns in each. A slot holds

- the margins ``z = X W'``, without the intercepts,
- the margins ``u_0, u_1`` of two directions in weight space: the last step and the new direction.

Steps along a direction are of one length for all columns of a slot. With the ``K`` intercepts,
whose "directions" are 1 in every row, they are the coordinates of the *span* in which the solver
minimises without another look at the features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.regression import Regression

# Of the rows' curvatures (n,): how much each row, at a curvature of 1, adds to them, (n,).
Leverages = Callable[[Floats], Floats]

# So many rows, of so many numbers at most, tell whether leverages are uneven: the mean of their
# squares is so many times its least.
LEVERAGED_ROWS, LEVERAGED_NUMBERS, UNEVEN = 4096, 8_000_000, 1.5

LAST, NEW, INTERCEPT = 0, 1, 2
DOUBLE = 8


class Sums(NamedTuple):
    """What `Problem.evaluate` adds up over the rows, for each slot.

    Attributes
    ----------
    loss : ndarray of float64, shape (a,)
        The sum of the rows' losses times their costs.
    mass : ndarray of float64, shape (a, n_classes)
        With two classes the sums of ``cost * |y - p|`` over the negative and over the positive
        rows, with more the sums of ``cost * p_k`` over all rows.
    """

    loss: Floats
    mass: Floats


class Problem(ABC):
    """Regressions bound to the rows of an engine, with the state that belongs to each row."""

    @abstractmethod
    def admit(self, slot: int, regression: Regression) -> None:
        """Put a regression into a slot, whatever was there before; its margins are zero."""

    @abstractmethod
    def place(self, slots: Rows, weights: Floats, *, precise: bool) -> None:
        """Set the margins to those of ``weights``, shape (a, K, d); the directions become zero."""

    @abstractmethod
    def extend(self, slots: Rows, directions: Floats, *, precise: bool) -> None:
        """Set the margins of the new directions, given in weight space, shape (a, K, d)."""

    @abstractmethod
    def evaluate(self, slots: Rows, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at ``z + steps @ u + intercept`` and keep its derivatives by row.

        Parameters
        ----------
        slots : ndarray of intp, shape (a,)
        steps : ndarray of float64, shape (a, 2)
            How far to go along the last step and the new direction.
        intercepts : ndarray of float64, shape (a, K)
        """

    @abstractmethod
    def project(self, slots: Rows) -> tuple[Floats, Floats]:
        """Return gradient (a, 2 + K) and Hessian (a, 2 + K, 2 + K) of the loss in the span.

        They belong to the point that was evaluated last.
        """

    def project_along(self, slots: Rows, shifts: Floats) -> tuple[Floats, Floats]:
        """Return gradient (a, 2) and Hessian (a, 2, 2) of the loss along the directions alone.

        Parameters
        ----------
        slots : ndarray of intp, shape (a,)
        shifts : ndarray of float64, shape (a, 2, K)
            How the intercepts go along with the last step and with the new direction.

        Notes
        -----
        With many classes this is far cheaper than the whole span, whose Hessian in the intercepts
        costs ``n K^2``: an engine says how.
        """
        gradient, hessian = self.project(slots)
        basis = np.concatenate([np.broadcast_to(np.eye(2), (len(slots), 2, 2)), shifts], axis=2)
        along = np.einsum("asi,ai->as", basis, gradient)
        return along, np.einsum("asi,aij,atj->ast", basis, hessian, basis)

    def coupling(self, slot: int) -> Floats:
        """Return the Hessian of the loss in the intercepts, (K, K), to working precision."""
        return self.project(np.array([slot]))[1][0, INTERCEPT:, INTERCEPT:]

    @abstractmethod
    def step(self, slots: Rows, steps: Floats) -> None:
        """Add ``steps @ u``, where the loss was evaluated last, to the margins.

        That becomes the last step.
        """

    @abstractmethod
    def gradient(self, slots: Rows, duals: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and how far its duals are from it.

        Parameters
        ----------
        slots : ndarray of intp, shape (a,)
        duals : ndarray of float64, shape (a, n_classes)
            What makes the duals feasible, see `imlogit.core.certificate.feasible_duals`.
        precise : bool
            Add up in float64 throughout; otherwise in the engine's working precision.

        Returns
        -------
        gradient : ndarray of float64, shape (a, K, d)
            ``sum_i cost_i (q_i - y_i) x_i'`` at the point that was evaluated last.
        divergence : ndarray of float64, shape (a,)
            ``sum_i cost_i KL(q_i || p_i)``.
        """

    @abstractmethod
    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row that costs anything is classified right.

        Positive where every row is classified strictly right.
        """

    @abstractmethod
    def draw(
        self, slot: int, column: int | None, positions: Floats, leverages: Leverages | None = None
    ) -> tuple[Rows, Floats]:
        """Draw rows in proportion to a column's curvature, and weigh them.

        Parameters
        ----------
        slot : int
        column : int or None
            None for the sum of all columns' curvatures.
        positions : ndarray of float64, shape (m,)
            Increasing numbers in [0, 1): where on the running total of the curvature
            ``cost * p * (1 - p)`` to draw. With ``m >= n`` every row is returned, once.
        leverages : callable, optional
            Of the curvature (n,): rows are drawn half in proportion to these times it.

        Returns
        -------
        rows : ndarray of intp, shape (m,)
        weights : ndarray of float64, shape (m,)
            ``sum_m weights * x x'`` estimates the column's block of the Hessian of the loss.
        """

    @abstractmethod
    def curved_means(self, slot: int) -> Floats:
        """Return the mean of the rows for each column, weighted with its curvature, (K, d).

        Zero where there is no curvature.
        """

    @abstractmethod
    def gram(self, slot: int, center: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the Hessian of the loss over all rows, exactly, in float64.

        Returns
        -------
        weights : ndarray, shape (K * d, K * d)
            In the weights, of features ``x_i - center``.
        mixed : ndarray, shape (K * d, K)
            In the weights and the intercepts.
        intercepts : ndarray, shape (K, K)
        """

    @abstractmethod
    def margins(self, slot: int, rows: Rows) -> Floats:
        """Return the margins ``z`` of some rows, without the intercepts, shape (m, K)."""


class Engine(ABC):
    """The rows of one matrix of features, and the sums over them.

    An engine is a context manager: what it needs for its work (threads, limits on BLAS) lives
    inside the ``with``.
    """

    n_rows: int
    n_features: int
    largest: float
    """The largest absolute feature, scaled."""
    context: AbstractContextManager[Any]
    """What is entered and left with the engine."""

    @abstractmethod
    def open(self, n_slots: int, n_classes: int) -> Problem:
        """Make room for ``n_slots`` regressions of ``n_classes`` classes over these rows."""

    @property
    def n_bytes(self) -> int:
        """What the features take."""
        return self.n_rows * self.n_features * DOUBLE

    @abstractmethod
    def slot_bytes(self, n_classes: int) -> int:
        """Return what a slot takes, of margins and derivatives by row."""

    @abstractmethod
    def take(self, rows: Rows) -> Engine:
        """Return an engine of the same kind over a few of the rows, held locally."""

    @abstractmethod
    def over(self, features: NDArray[np.floating]) -> Engine:
        """Return an engine of the same kind over other features (n, r), in float32 or float64."""

    @abstractmethod
    def row_products(self, center: Floats) -> Floats:
        """Return the products of all rows less ``center`` with each other, (n, n), in float64."""

    @abstractmethod
    def combine(self, shares: Floats) -> Floats:
        """Return sums of rows, ``shares`` (k, n) of each, shape (k, d), in float64."""

    @abstractmethod
    def rows(self, rows: Rows, *, precise: bool) -> NDArray[np.floating]:
        """Return a few rows as a new array of features, in float64 or in working precision."""

    @abstractmethod
    def multiply(self, weights: Floats) -> Floats:
        """Return the margins of ``weights`` (k, d), shape (k, n), in float64."""

    @abstractmethod
    def crossproduct(
        self, rows: NDArray[np.floating], *, precise: bool = False
    ) -> NDArray[np.floating]:
        """Return ``rows.T @ rows``, in the rows' precision or in float64."""

    @abstractmethod
    def center(self) -> Floats:
        """Return roughly the mean of the rows, shape (d,): an origin that avoids cancellation."""

    @abstractmethod
    def column_squares(self, center: Floats, shares: Floats) -> Floats:
        """Return each feature's sum (d,) of squares about a center, ``shares`` (n,) of each row."""

    @abstractmethod
    def row_squares(self, center: Floats, unit: Floats) -> Floats:
        """Return each row's squared distance (n,) from a center, features times ``unit`` (d,)."""

    def leverages(self, curvature: Floats, penalty: float) -> Floats:
        """Return the rows' leverages (n,), at a curvature of 1, if no features were correlated.

        That is the sum over features of the row's square about the mean, as a share of all rows'
        times their curvature (n,) and the penalty.
        """
        center = self.center()
        squares = self.column_squares(center, curvature) + penalty
        unit = np.divide(1.0, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
        return self.row_squares(center, unit)

    @cached_property
    def has_rare_features(self) -> bool:
        """Whether leverages are uneven among evenly spaced rows, as some features are rare."""
        most = max(1, min(LEVERAGED_ROWS, LEVERAGED_NUMBERS // max(1, self.n_features)))
        some = np.arange(0, self.n_rows, max(1, -(-self.n_rows // most)))
        squares = self.rows(some, precise=False)
        with np.errstate(all="ignore"):
            squares -= squares.mean(axis=0)
            squares *= squares
            total = squares.sum(axis=0)
            found = squares @ np.divide(1, total, out=np.zeros_like(total), where=total > 0)
            return bool(np.square(found).mean() > UNEVEN * found.mean() ** 2)

    def __enter__(self) -> Self:
        self.context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.context.__exit__(*error)
