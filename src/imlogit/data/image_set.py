"""The value that every source of images ends in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imlogit.arrays import Labels, Pixels, Rows
from imlogit.data.labelled_set import LabelledSet
from imlogit.data.problems import BadItem
from imlogit.errors import DataError
from imlogit.system.shards import ShardedRows
from imlogit.system.text import by

if TYPE_CHECKING:
    import tensorflow as tf


class Part(NamedTuple):
    """Some of the images of an :class:`ImageSet`, with their labels."""

    images: Pixels
    labels: Labels


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet(LabelledSet[Part]):
    """Images of one size, each with one label.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
        The pixels, 0 to 255. Held as a read-only view, never copied. Of a large packed folder a
        `ShardedRows`, which is read as an array is: ``np.asarray`` makes one of it.
    labels : ndarray of integers, shape (n,)
        For each image the position of its class in `class_names`.
    class_names : tuple of str
        The names of the classes, each different.
    n_train : int
        Rows ``[0, n_train)`` are the source's own training part and the rest its test part;
        ``n_train == n`` means that the source brings no test part.
    name : str
        The name that the images go by, such as "mnist".
    origin : str
        Where they came from, for a person to read; holds no path of this machine.
    sha256 : str, optional
        SHA-256 of the pixel bytes in C order; computed here if it is not given.
    skipped : tuple of BadItem
        Files and rows of the source that could not be used and were passed over, as asked.
    names : sequence of str, optional
        For each image its file within the source; none at all where images have no files.
    n_validation : int, default=0
        So many rows after the training part are the source's own validation part.
    remarks : tuple of str
        What is to be known of how the source was read, such as files that were left out.
    fit : {"crop", "pad", "stretch"} or None
        How images of other sizes were brought to this one; None where all had it.
    of_digits : bool, default=False
        Whether the images are known to show digits. Ten classes called 0 to 9 do not say so.
    copies : int, default=0
        So many copies, deformed or not, follow on each training image. They are of its fold.

    Raises
    ------
    DataError
        If the parts do not fit together; the message says what to do.
    """

    images: Pixels
    labels: Labels
    class_names: tuple[str, ...]
    n_train: int
    name: str
    origin: str
    sha256: str = ""
    skipped: tuple[BadItem, ...] = ()
    names: Sequence[str] = ()
    n_validation: int = 0
    remarks: tuple[str, ...] = ()
    fit: str | None = None
    of_digits: bool = False
    copies: int = 0

    def __post_init__(self) -> None:
        _check_images(self.images)
        self._settle("images", "images")
        if self.copies < 0 or self.n_train % (self.copies + 1):
            raise DataError(
                f"copies is {self.copies}, but there are {self.n_train} training images: give how "
                "many follow on each of them."
            )
        if self.copies and not self.has_test:
            raise DataError(
                "Images with copies need a test part of their own: one that is drawn would hold "
                "copies of what is trained on."
            )

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(h, w) or (h, w, c)."""
        return self.images.shape[1:]

    @property
    def in_shards(self) -> bool:
        """Whether the training images lie in several files, and are not to be put together."""
        return isinstance(self.images[: self.n_train], ShardedRows)

    def groups(self, rows: Rows) -> Rows:
        """Return for each of some rows the group of copies that it belongs to.

        Rows behind the training part are groups of their own.
        """
        return np.where(rows < self.n_train, rows // (self.copies + 1), rows)

    def to_tf_dataset(self, batch: int, part: str = "all") -> tf.data.Dataset:
        """Return batches of (uint8, int64) tensors, value for value.

        Parameters
        ----------
        batch : int
            The last batch may be smaller.
        part : {"all", "train", "validation", "test"}

        Raises
        ------
        DataError
            For a batch below 1, and for a part that there is not.
        MissingExtraError
            Without TensorFlow.
        """
        from imlogit.data.formats.tf_dataset import as_dataset

        parts = {
            "all": Part(self.images, self.labels),
            "train": self.train,
            "validation": self.validation,
            "test": self.test,
        }
        if part not in parts:
            raise DataError(f"part is {part!r}: give one of {', '.join(parts)}.")
        chosen = parts[part]
        if chosen is None:
            raise DataError(f"{self.name} has no {part} part.")
        return as_dataset(*chosen, batch)

    @classmethod
    def from_tf_dataset(
        cls,
        dataset: tf.data.Dataset,
        class_names: Sequence[str] | None = None,
        name: str = "tf-dataset",
    ) -> ImageSet:
        """Read all images of a `tf.data.Dataset`.

        Parameters
        ----------
        dataset : tf.data.Dataset
            Of pairs (image, label) or dictionaries with ``image`` and ``label``, one by one or
            in batches. Images are uint8, (h, w) or (h, w, c), all of one size; labels are
            integers from 0 on, or strings.
        class_names : sequence of str, optional
            What integer labels mean; by default their digits.
        name : str
            What the images are called.

        Raises
        ------
        DataError
            For other elements, types or sizes, no images, and a length without end.
        MissingExtraError
            Without TensorFlow.
        """
        from imlogit.data.formats.tf_dataset import read_dataset

        images, labels, names = read_dataset(dataset, class_names)
        return cls(images, labels, tuple(names), len(images), name, "a tf.data.Dataset")

    def _rows(self, rows: slice) -> Part:
        return Part(self.images[rows], self.labels[rows])

    def __repr__(self) -> str:
        return self._describe(f"images of {by(self.image_shape)}")


def _check_images(images: object) -> None:
    kinds = np.ndarray, ShardedRows
    if not isinstance(images, kinds) or images.dtype != np.uint8:
        kind = images.dtype if isinstance(images, kinds) else type(images).__name__
        raise DataError(
            f"The images are {kind}, not an array of uint8: scale the pixels to 0..255, round "
            "them, check that none lies outside, and convert them with .astype('uint8')."
        )
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise DataError(
            f"The images have the shape {images.shape}: give at least one image, as (n, height, "
            "width) or (n, height, width, channels)."
        )
