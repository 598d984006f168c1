"""Targets beyond one class a row: labels of which a row has any number, and probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.errors import DataError, KindError

# Soft labels that add up to 1 as closely as this are taken to.
SUM_TOLERANCE = 1e-6


def is_table(y: Any) -> bool:
    """Whether targets have several columns: one each of labels, or of classes."""
    try:
        shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
    except ValueError:  # rows of different lengths, which is said elsewhere
        return False
    return len(shape) == 2 and shape[1] > 1


def soft_targets(y: Any) -> tuple[Floats, NDArray[Any]]:
    """Return soft labels (n, K), each row adding up to 1, and the names of the classes (K,).

    Raises
    ------
    DataError
        For rows that are no probabilities, the first of them by its number.
    """
    try:
        found = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("soft_labels=True takes numbers: a probability of each class") from None
    if found.ndim != 2 or found.shape[1] < 2:
        raise DataError(
            f"soft_labels=True takes probabilities of shape (n, K), a column a class, not the "
            f"shape {found.shape}"
        )
    sums = found.sum(axis=1)
    for wrong, what in (
        (~np.isfinite(found).all(axis=1), "holds NaN or infinity"),
        ((found < 0).any(axis=1), "holds a negative number"),
        (~(np.abs(sums - 1) <= SUM_TOLERANCE), "adds up to {:.7g}, not to 1"),
    ):
        rows = np.flatnonzero(wrong)
        if rows.size:
            raise DataError(
                f"row {rows[0]} of the soft labels (counted from 0) {what.format(sums[rows[0]])}, "
                f"as do {rows.size:,} of {len(found):,} rows in all: each row gives its classes' "
                "probabilities"
            )
    return found / sums[:, None], _names(y, found.shape[1])


def indicators(y: NDArray[Any]) -> NDArray[Any]:
    """Return labels of 0 and 1, shape (n, L).

    Raises
    ------
    DataError
        For other values.
    """
    if y.dtype.kind not in "buif" or not np.isin(y, (0, 1)).all():
        raise DataError(
            "y has several columns, and numbers other than 0 and 1: give a column of 0 and 1 for "
            "each label, or one column of classes; with soft_labels=True, probabilities"
        )
    return y


def check_labels(labels: NDArray[Any], weights: Floats, y: Any) -> None:
    """Refuse labels that no row has, or every row that weighs anything.

    Raises
    ------
    DataError
        It names them.
    """
    have = np.asarray(weights @ labels)
    lack = np.asarray(weights @ (labels == 0))
    for total, value in ((have, 0), (lack, 1)):
        places = np.flatnonzero(~(total > 0))
        if places.size:
            names = ", ".join(repr(_plain(name)) for name in _names(y, labels.shape[1])[places][:5])
            more = f" and {len(places) - 5} more" if len(places) > 5 else ""
            raise DataError(
                f"label {names}{more} of {labels.shape[1]} (counted from 0 where columns have no "
                f"names) is {value} in every row with a positive weight: there is nothing to fit; "
                "leave its column out"
            )


def refuse_soft_labels(data: Any, task: str) -> None:
    """Refuse what scores answers, where rows have probabilities and none is right.

    Raises
    ------
    KindError
    """
    if data.targets is not None:
        raise KindError(f"{task} takes labels, and no soft labels: give the classes themselves")


def labels_lacking(labels: NDArray[Any], weights: Floats) -> NDArray[np.intp]:
    """Return the labels that no row has, or every row that weighs anything, by their columns."""
    have = np.asarray(weights @ labels, dtype=np.float64)
    total = float(weights.sum())
    return np.flatnonzero((have <= 0) | (have >= total))


def _names(y: Any, n: int) -> NDArray[Any]:
    """Return what a frame's columns are called, and else their numbers."""
    columns = getattr(y, "columns", None)
    return np.arange(n) if columns is None else np.asarray(list(columns))


def _plain(name: Any) -> Any:
    return name.item() if isinstance(name, np.generic) else name
