"""What images and features have in common: labels, the names of classes, parts and an origin."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from imlogit.arrays import Labels
from imlogit.data.row_names import RowNames
from imlogit.errors import DataError
from imlogit.system.shards import ShardedRows

# What a part of the rows is: those rows, with their labels.
P = TypeVar("P")


class LabelledSet(Generic[P]):
    """Rows with one label each; the base of :class:`ImageSet` and :class:`FeatureSet`.

    Attributes
    ----------
    labels : ndarray of intp, shape (n,)
        For each row the position of its class in `class_names`.
    class_names : tuple of str
        The names of the classes, each different.
    n_train, n_validation : int
        Rows ``[0, n_train)`` are the source's own training part, the next ``n_validation`` its
        validation part and the rest its test part; there may be none of the latter two.
    name : str
        The name that the rows go by, such as "mnist".
    origin : str
        Where they came from, for a person to read; holds no path of this machine.
    sha256 : str
        SHA-256 of the bytes of all rows in C order.
    names : sequence of str
        What each row is, such as its file within the source; empty where rows have no names.
    """

    labels: Labels
    class_names: tuple[str, ...]
    n_train: int
    name: str
    origin: str
    sha256: str
    names: Sequence[str]
    n_validation: int = 0

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def counts(self) -> Labels:
        """How many rows each class has, in the order of `class_names`."""
        return np.bincount(self.labels, minlength=self.n_classes)

    @property
    def has_test(self) -> bool:
        """Whether the source brings a test part of its own."""
        return self.n_train + self.n_validation < len(self)

    @property
    def in_shards(self) -> bool:
        """Whether the training rows lie in several files, and are not to be put together."""
        return False

    @property
    def train(self) -> P:
        """The training part: views, no copies."""
        return self._rows(slice(self.n_train))

    @property
    def validation(self) -> P | None:
        """The source's own validation part (views, no copies), or None where it brings none."""
        rows = slice(self.n_train, self.n_train + self.n_validation)
        return self._rows(rows) if self.n_validation else None

    @property
    def test(self) -> P | None:
        """The source's own test part (views, no copies), or None where it brings none."""
        rows = slice(self.n_train + self.n_validation, None)
        return self._rows(rows) if self.has_test else None

    def where(self, row: int) -> str:
        """Return what a row is called: its name, or else its number in the source."""
        return self.names[row] if len(self.names) else f"row {row}"

    def __len__(self) -> int:
        return len(self.labels)

    def _rows(self, rows: slice) -> P:
        raise NotImplementedError

    def _settle(self, rows_of: str, items: str) -> None:
        """Check what all sets share, and hold arrays as read-only views.

        Parameters
        ----------
        rows_of : str
            The attribute that holds the rows.
        items : str
            What they are called in errors.
        """
        rows = getattr(self, rows_of)
        names = tuple(map(str, self.class_names))
        labels = self._settled_labels(len(rows), names, items)
        if not 0 < self.n_train <= len(rows):
            raise DataError(
                f"n_train is {self.n_train}, but there are {len(rows)} {items}: give a number from "
                f"1 to {len(rows)} (all of them: no test part)."
            )
        if not 0 <= self.n_validation <= len(rows) - self.n_train:
            raise DataError(
                f"n_validation is {self.n_validation}, but {len(rows) - self.n_train} {items} "
                "follow the training part: give no more than these."
            )
        if len(self.names) not in (0, len(rows)):
            raise DataError(
                f"There are {len(rows)} {items}, but {len(self.names)} names: give one for each, "
                "or none."
            )
        settled = {
            rows_of: _read_only(rows),
            "labels": _read_only(labels),
            "class_names": names,
            "names": RowNames.of(self.names),
        }
        for name, value in settled.items():
            object.__setattr__(self, name, value)
        if not self.sha256:
            object.__setattr__(self, "sha256", digest(rows))

    def _settled_labels(self, n: int, names: tuple[str, ...], items: str) -> npt.NDArray[Any]:
        """Return the labels, checked, in the type in which they are held."""
        check_names(names)
        _check_labels(self.labels, n, names, items)
        return np.asarray(self.labels).astype(np.intp, copy=False)

    def _describe(self, items: str, classes: str = "classes") -> str:
        n_test = len(self) - self.n_train - self.n_validation
        validation = f" + {self.n_validation:,} validation" if self.n_validation else ""
        parts = f"{self.n_train:,} training{validation} + {n_test:,} test"
        return (
            f"<{type(self).__name__} {self.name}: {len(self):,} {items} ({parts}), "
            f"{self.n_classes} {classes}; origin: {self.origin}>"
        )


def digest(array: npt.NDArray[Any]) -> str:
    """Return the SHA-256 of an array's bytes in C order, as hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def label_digest(labels: npt.NDArray[Any]) -> str:
    """Return the SHA-256 of labels as little-endian 64-bit integers: the same on every machine."""
    return digest(labels.astype("<i8", copy=False))


def check_names(names: tuple[str, ...]) -> None:
    """Refuse names of classes, or of labels, that are none or not all different.

    Raises
    ------
    DataError
    """
    if len(set(names)) != len(names) or not names:
        raise DataError(f"The class names {names} must be at least one, and all different.")


def _read_only(array: Any) -> Any:
    if isinstance(array, ShardedRows):
        return array  # as it is
    view = np.asarray(array).view()  # the caller's own array stays as writeable as it was
    view.flags.writeable = False
    return view


def _check_labels(labels: object, n: int, class_names: tuple[str, ...], items: str) -> None:
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        kind = labels.dtype if isinstance(labels, np.ndarray) else type(labels).__name__
        raise DataError(
            f"The labels are {kind}, not an array of integers: give for each of the "
            f"{items} the position of its class in class_names."
        )
    if labels.shape != (n,):
        raise DataError(
            f"There are {n} {items}, but the labels have the shape {labels.shape}: give one label "
            "for each."
        )
    outside = np.flatnonzero((labels < 0) | (labels >= len(class_names)))
    if len(outside):
        row = int(outside[0])
        raise DataError(
            f"Row {row} has the label {labels[row]}, but there are {len(class_names)} class names: "
            f"labels run from 0 to {len(class_names) - 1}."
        )
