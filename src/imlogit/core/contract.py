"""The engine contract: every sum over images that the solver asks for.

An `Engine` holds the rows of one matrix of features. `Engine.open` binds it to some columns
and gives a `Problem`, which keeps each row's margin for each column where the rows are, and
answers with sums over rows. Sums add up over blocks, threads, devices and machines, so the
solver cannot tell what it talks to.

Notation: ``n`` rows ``x_i`` with ``d`` features, ``k`` columns. A problem holds

- the margins ``z = X w``, without the intercept,
- the margins ``u_0, u_1`` of two directions in weight space: the last step and the new direction.

With the intercept, whose "direction" is 1 in every row, they span the `SPAN` = 3 coordinates
in which the solver minimises without another look at the features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from imlogit.core.columns import Columns, Floats

LAST, NEW, INTERCEPT = 0, 1, 2
SPAN = 3


class Sums(NamedTuple):
    """What `Problem.evaluate` adds up over the rows, for each column.

    Attributes
    ----------
    loss : ndarray of float64, shape (k,)
        The sum of the rows' losses times their costs.
    residual : ndarray of float64, shape (k, 2)
        The sum of ``cost * |y - p|`` over the negative and over the positive rows.
    worst : ndarray of float64, shape (k,)
        The smallest signed margin of a row that costs anything: positive where every row is
        classified strictly right.
    """

    loss: Floats
    residual: Floats
    worst: Floats


class Problem(ABC):
    """Columns bound to the rows of an engine, with the state that belongs to each row."""

    @abstractmethod
    def place(self, weights: Floats, *, precise: bool) -> None:
        """Set the margins to those of ``weights``, shape (k, d); the directions become zero."""

    @abstractmethod
    def extend(self, direction: Floats, *, precise: bool) -> None:
        """Set the margins of the new direction, given in weight space, shape (k, d)."""

    @abstractmethod
    def evaluate(self, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at ``z + steps @ u + intercept`` and keep its derivatives by row.

        Parameters
        ----------
        steps : ndarray of float64, shape (k, 2)
            How far to go along the last step and the new direction.
        intercepts : ndarray of float64, shape (k,)
        """

    @abstractmethod
    def project(self) -> tuple[Floats, Floats]:
        """Return gradient (k, 3) and Hessian (k, 3, 3) of the loss in the span.

        They belong to the point that was evaluated last.
        """

    @abstractmethod
    def step(self, steps: Floats) -> None:
        """Add ``steps @ u`` to the margins; that becomes the last step."""

    @abstractmethod
    def gradient(self, shrink: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and how far its duals are from it.

        Parameters
        ----------
        shrink : ndarray of float64, shape (k, 2)
            Factors in [0, 1] for the duals ``|y - p|`` of the negative and positive rows; they
            make the duals feasible (see `imlogit.core.certificate`).
        precise : bool
            Add up in float64 throughout; otherwise in the engine's working precision.

        Returns
        -------
        gradient : ndarray of float64, shape (k, d)
            ``sum_i cost_i (q_i - y_i) x_i`` at the point that was evaluated last.
        divergence : ndarray of float64, shape (k,)
            ``sum_i cost_i KL(q_i || p_i)``.
        """

    @abstractmethod
    def draw(self, column: int, positions: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Draw rows in proportion to their curvature, and weigh them.

        Parameters
        ----------
        column : int
        positions : ndarray of float64, shape (m,)
            Increasing numbers in [0, 1): where on the running total of the curvature
            ``cost * p * (1 - p)`` to draw. With ``m >= n`` every row is returned, once.

        Returns
        -------
        rows : ndarray of intp, shape (m,)
        weights : ndarray of float64, shape (m,)
            ``sum_m weights * x x'`` estimates the Hessian of the loss.
        """

    @abstractmethod
    def gram(self, column: int, center: Floats) -> tuple[Floats, Floats, float]:
        """Return the curvature-weighted sums of all rows, exactly, in float64.

        Returns
        -------
        second : ndarray, shape (d, d)
            ``sum_i h_i (x_i - center)(x_i - center)'``
        first : ndarray, shape (d,)
            ``sum_i h_i (x_i - center)``
        total : float
            ``sum_i h_i``
        """

    @abstractmethod
    def margins(self) -> Floats:
        """Return the margins ``z``, without the intercept, shape (k, n)."""


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
    def open(self, columns: Columns) -> Problem:
        """Bind columns to these rows, with all margins zero."""

    @abstractmethod
    def take(self, rows: NDArray[np.intp]) -> Engine:
        """Return an engine of the same kind over a few of the rows, held locally."""

    @abstractmethod
    def rows(self, rows: NDArray[np.intp], *, precise: bool) -> NDArray[np.floating]:
        """Return a few rows as a new array of features, in float64 or in working precision."""

    @abstractmethod
    def multiply(self, weights: Floats) -> Floats:
        """Return the margins of ``weights`` (k, d), shape (k, n), in float64."""

    @abstractmethod
    def crossproduct(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return ``rows.T @ rows``."""

    @abstractmethod
    def center(self) -> Floats:
        """Return roughly the mean of the rows, shape (d,): an origin that avoids cancellation."""

    def __enter__(self) -> Self:
        self.context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.context.__exit__(*error)
