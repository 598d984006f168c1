"""Rows of numbers with labels, as `ImageSet` has images with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Labels
from imlogit.data.labelled_set import LabelledSet
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
    """Features, such as the embeddings of images, each row with one label.

    Parameters
    ----------
    features : ndarray of float16, float32 or float64, shape (n, d)
        Finite numbers. Held as a read-only view, never copied.
    labels, class_names, n_train, name, origin
        As `ImageSet` has them.
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
    def n_features(self) -> int:
        """How many numbers a row has."""
        return self.features.shape[1]

    def _rows(self, rows: slice) -> FeaturePart:
        return FeaturePart(self.features[rows], self.labels[rows])

    def __repr__(self) -> str:
        return self._describe(f"rows of {self.n_features:,} features")


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
