"""Rows of numbers with labels, as `ImageSet` has images with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Indicators, Labels
from imlogit.data.labelled_set import LabelledSet, check_names
from imlogit.errors import DataError
from imlogit.system.text import counted, first_of

Features = NDArray[np.floating[Any]]
TYPES = (np.float16, np.float32, np.float64)


class FeaturePart(NamedTuple):
    """Some of the rows of a :class:`FeatureSet`, with their labels."""

    features: Features
    labels: Labels


@dataclass(frozen=True, eq=False, repr=False)
class FeatureSet(LabelledSet[FeaturePart]):
    """Features, such as the embeddings of images, each row with one label or any number of them.

    Parameters
    ----------
    features : ndarray of float16, float32 or float64, shape (n, d)
        Finite numbers. Held as a read-only view, never copied.
    labels, class_names, n_train, name, origin
        As `ImageSet` has them. Where a row has any number of labels: a matrix (n, L) of 0 and 1,
        two columns at least, and what its columns are called.
    sha256 : str, optional
        SHA-256 of the features' bytes in C order; computed here if it is not given.
    names : sequence of str, optional
        What each row is of, such as its image file; none at all where that is not known.
    n_validation : int, default=0
        So many rows after the training part are the source's own validation part.

    Raises
    ------
    DataError
        If the parts do not fit together; the message says what to do.
    """

    features: Features
    labels: Labels
    class_names: tuple[str, ...]
    n_train: int
    name: str
    origin: str
    sha256: str = ""
    names: Sequence[str] = ()
    n_validation: int = 0

    def __post_init__(self) -> None:
        _check_features(self.features)
        self._settle("features", "rows")

    @property
    def multi_label(self) -> bool:
        """Whether a row has any number of labels, and not one class."""
        return self.labels.ndim == 2

    @property
    def counts(self) -> Labels:
        """How many rows each class, or each label, has, in the order of `class_names`."""
        return self.labels.sum(axis=0, dtype=np.intp) if self.multi_label else super().counts

    @property
    def n_features(self) -> int:
        """How many numbers a row has."""
        return self.features.shape[1]

    def _rows(self, rows: slice) -> FeaturePart:
        return FeaturePart(self.features[rows], self.labels[rows])

    def __repr__(self) -> str:
        classes = "labels, any number a row" if self.multi_label else "classes"
        return self._describe(f"rows of {self.n_features:,} features", classes)

    def _settled_labels(self, n: int, names: tuple[str, ...], items: str) -> NDArray[Any]:
        if not isinstance(self.labels, np.ndarray) or self.labels.ndim != 2:
            return super()._settled_labels(n, names, items)
        check_names(names)
        return _indicators(self.labels, n, names)


def _indicators(labels: NDArray[Any], n: int, names: tuple[str, ...]) -> Indicators:
    """Return which labels rows have, in a byte each.

    Raises
    ------
    DataError
    """
    if labels.shape != (n, len(names)) or len(names) < 2:
        raise DataError(
            f"The labels have the shape {labels.shape}, for {n} rows and {len(names)} names: give "
            "a column of 0 and 1 for each of at least two labels, or one class a row."
        )
    wrong = ~((labels == 0) | (labels == 1))
    if labels.dtype.kind not in "biuf" or wrong.any():
        row, column = np.argwhere(wrong)[0] if wrong.any() else (0, 0)
        raise DataError(
            f"Row {row} has {labels[row, column]!r} of the label {names[column]}: give 0 or 1."
        )
    return labels.astype(np.uint8, copy=False)


def _check_features(features: object) -> None:
    if not isinstance(features, np.ndarray) or features.dtype not in TYPES:
        kind = features.dtype if isinstance(features, np.ndarray) else type(features).__name__
        raise DataError(
            f"The features are {kind}, not an array of float16, float32 or float64: convert "
            "them with .astype('float32')."
        )
    if features.ndim != 2 or 0 in features.shape:
        raise DataError(
            f"The features have the shape {features.shape}: give at least one row, as (n, d)."
        )
    # the sum is not finite where one of them is not, and costs no array of their size
    with np.errstate(over="ignore", invalid="ignore"):
        total = features.sum(dtype=np.float64)
    if not np.isfinite(total):
        bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
        if len(bad):
            raise DataError(
                f"{counted(len(bad), 'row')} of the features are not all finite numbers, "
                f"{first_of([f'row {row}' for row in bad])}: leave them out, or compute them anew."
            )
