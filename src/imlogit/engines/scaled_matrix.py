"""Rows that are normalised or standardised while they are read, in float64, never as a copy."""

from __future__ import annotations

from abc import abstractmethod
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.engines.matrix import Matrix
from imlogit.errors import TooLargeError

# Squares of norms outside these overflow float64, or lose digits.
SMALLEST_NORM, LARGEST_NORM = 1e-150, 1e150
# Values that are so many roundings of their mean apart are equal.
ROUNDING = 8


class ChangedMatrix(Matrix):
    """Rows of another matrix, changed in float64 on the way.

    Parameters
    ----------
    inner : Matrix, shape (n, d)
    """

    def __init__(self, inner: Matrix) -> None:
        self.inner, self.shape, self.dtype = inner, inner.shape, np.dtype(np.float64)

    @property
    def values(self) -> np.dtype[Any]:
        """Those of the rows before: a byte has no more digits for being divided."""
        return self.inner.values

    def given(self) -> Any:
        """Return the rows as they were before."""
        return self.inner.given()

    def block(self, start: int, stop: int) -> Floats:
        """Return changed rows, as a new array."""
        return self._change(self.inner.cast(start, stop, np.float64), slice(start, stop))

    def take(self, rows: Rows) -> Floats:
        """Return a few changed rows."""
        return self._change(self.inner.take(rows).astype(np.float64, copy=False), rows)

    @property
    def engine(self) -> str | None:
        """That of the rows before."""
        return self.inner.engine

    @property
    def is_mapped(self) -> bool:
        """Whether the rows before lie in files."""
        return self.inner.is_mapped

    def touch(self, start: int, stop: int) -> None:
        """Bring the rows before into memory."""
        self.inner.touch(start, stop)

    def places(self, rows: Rows) -> str:
        """Return where some rows are."""
        return self.inner.places(rows)

    def part(self, rows: slice) -> Self:  # noqa: ARG002 - rows are alike
        """Return what is done to some rows, without the rows: `over` puts others there."""
        part = copy(self)
        del part.inner
        return part

    def over(self, inner: Matrix) -> Self:
        """Return the same done to other rows."""
        other = copy(self)
        other.inner, other.shape = inner, inner.shape
        return other

    @abstractmethod
    def _change(self, x: Floats, rows: Rows | slice) -> Floats:
        """Return the rows of these numbers, changed; ``x`` is not written to."""


class NormalizedMatrix(ChangedMatrix):
    """Rows divided by their Euclidean norms; rows of zeros stay as they are.

    Attributes
    ----------
    norms : ndarray of float64, shape (n,)
        Found in one pass; not finite where a row is not.
    """

    def __init__(self, inner: Matrix) -> None:
        super().__init__(inner)
        parts = inner.by_block(row_norms, np.float64)
        self.norms = np.concatenate(parts) if parts else np.zeros(0)
        # known without another look
        self.largest = 1.0 if np.isfinite(self.norms).all() else np.nan

    def part(self, rows: slice) -> Self:
        """Return what is done to some rows, without the rows."""
        part = super().part(rows)
        part.norms = self.norms[rows]
        return part

    def _change(self, x: Floats, rows: Rows | slice) -> Floats:
        return normalized(x, self.norms[rows])


def row_norms(x: Floats) -> Floats:
    """Return the Euclidean norms of rows, whatever their size; not finite where a row is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        norms: Floats = np.sqrt((x * x).sum(axis=1))
        odd = np.flatnonzero(~((norms > SMALLEST_NORM) & (norms < LARGEST_NORM)))
        if odd.size:
            largest = np.abs(x[odd]).max(axis=1, initial=0.0)
            unit = x[odd] / np.where(largest > 0, largest, 1.0)[:, None]
            norms[odd] = largest * np.sqrt((unit * unit).sum(axis=1))
    return norms


def normalized(x: Floats, norms: Floats) -> Floats:
    """Return rows divided by their norms, those of norm zero as they are."""
    return x / np.where(norms == 0, 1.0, norms)[:, None]


@dataclass(frozen=True, eq=False)
class Standardization:
    """What is taken from each feature, and what it is multiplied by then.

    Attributes
    ----------
    offset, factor : ndarray of float64, shape (d,)
        The mean (zeros without an intercept), and one over the standard deviation: as of
        scikit-learn's `StandardScaler`. A constant feature becomes zero, or stays as it is where
        no mean is taken off.
    largest : float
        The largest absolute standardised feature; nan where a row is not finite.
    """

    offset: Floats
    factor: Floats
    largest: float

    def weights_before(
        self, weights: Floats, intercept: Floats, scale: float
    ) -> tuple[Floats, Floats]:
        """Return weights (k, d) and intercepts (k,) that say the same of features as they were.

        Parameters
        ----------
        weights, intercept : ndarray of float64
            Of the standardised features.
        scale : float
            What the features are multiplied by before the weights that are returned.
        """
        raw = weights * self.factor
        return raw / scale, intercept - raw @ self.offset

    def weights_after(
        self, weights: Floats, intercept: Floats, scale: float
    ) -> tuple[Floats, Floats]:
        """Return what `weights_before` takes: of the standardised features."""
        raw = weights * scale
        there = self.factor > 0
        standardized = np.divide(raw, self.factor, out=np.zeros_like(raw), where=there)
        return standardized, intercept + (raw * there) @ self.offset


def standardization_of(matrix: Matrix, *, center: bool) -> Standardization:
    """Find the statistics of all rows in one pass; that the rows are finite is seen on the way.

    They are computed of what rows differ from the first one by, block by block, and put together
    as Chan, Golub and LeVeque do: an offset of any size costs no digits.

    Parameters
    ----------
    matrix : Matrix, shape (n, d)
        Its `largest` is set by the way.
    center : bool
        Whether means are taken off.

    Raises
    ------
    TooLargeError
        For a feature whose variance overflows float64.
    """
    n, d = 0, matrix.shape[1]
    first, mean, squares = np.zeros((3, d))
    low, high = np.full(d, np.inf), np.full(d, -np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        for block in matrix.blocks(np.float64):
            m, first = len(block), block[0].copy() if n == 0 else first
            shifted = block - first
            own = shifted.mean(axis=0)
            apart = own - mean
            shifted -= own
            squares += np.einsum("nd,nd->d", shifted, shifted) + apart**2 * (n * m / (n + m))
            mean += apart * (m / (n + m))
            n += m
            low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
        matrix.largest = float(np.maximum(np.abs(low), np.abs(high)).max(initial=0.0))
        deviation = np.sqrt(squares / n)
    if np.isfinite(matrix.largest) and not np.isfinite(deviation).all():
        feature = int(np.flatnonzero(~np.isfinite(deviation))[0])
        raise TooLargeError(
            f"the variance of feature {feature} (counted from 0) overflows float64: divide it by "
            "a constant first",
            parameter="standardize",
        )
    return _made(first + mean, deviation, (low, high), center)


def _made(
    mean: Floats, deviation: Floats, ends: tuple[Floats, Floats], center: bool
) -> Standardization:
    limits = np.finfo(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        # what the rounding of equal values alone may have made is no variance
        constant = deviation <= ROUNDING * limits.eps * np.abs(mean)
        constant |= (ends[0] == ends[1]) | (deviation < limits.tiny)
        factor = np.where(constant, 0.0 if center else 1.0, 1 / np.where(constant, 1.0, deviation))
        offset = mean if center else np.zeros_like(mean)
        reach = np.abs((np.array(ends) - offset) * factor)
    return Standardization(offset, factor, float(reach.max(initial=0.0)))


class StandardizedMatrix(ChangedMatrix):
    """Rows less an offset, times a factor for each feature.

    Parameters
    ----------
    inner : Matrix, shape (n, d)
    how : Standardization
    """

    def __init__(self, inner: Matrix, how: Standardization) -> None:
        super().__init__(inner)
        self.how, self.largest = how, how.largest

    def _change(self, x: Floats, rows: Rows | slice) -> Floats:  # noqa: ARG002 - rows are alike
        changed: NDArray[np.float64] = x - self.how.offset
        changed *= self.how.factor
        return changed
