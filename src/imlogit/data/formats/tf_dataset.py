"""Images to and from `tf.data`, value for value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Labels, Pixels
from imlogit.errors import DataError
from imlogit.system.extras import need
from imlogit.system.text import by

if TYPE_CHECKING:
    import tensorflow as tf

BATCH = 1024
# A data set that does not know its length is given up here.
MOST_BYTES = 2**35
GIVE = "Give pairs of image and label, or dictionaries with 'image' and 'label', as TFDS does."


def as_dataset(pixels: Pixels, labels: Labels, batch: int) -> tf.data.Dataset:
    """Return images and labels as batches of (uint8, int64) tensors.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
    labels : ndarray of intp, shape (n,)
    batch : int
        The last batch may be smaller.

    Raises
    ------
    DataError
        For a batch below 1.
    MissingExtraError
        Without TensorFlow.
    """
    if batch < 1:
        raise DataError(f"batch is {batch}: give a number from 1 on.")
    tensorflow = need("tensorflow", "tensorflow", "tf.data")
    tensors = tensorflow.constant(pixels), tensorflow.constant(labels, dtype=tensorflow.int64)
    return tensorflow.data.Dataset.from_tensor_slices(tensors).batch(batch)


def read_dataset(
    dataset: tf.data.Dataset, class_names: Sequence[str] | None = None
) -> tuple[Pixels, NDArray[Any], Sequence[str]]:
    """Read all images of a `tf.data.Dataset`.

    Parameters
    ----------
    dataset : tf.data.Dataset
        Of pairs (image, label) or dictionaries with ``image`` and ``label``, one by one or in
        batches. Images are uint8, (h, w) or (h, w, c), all of one size; labels are integers
        from 0 on, or strings.
    class_names : sequence of str, optional
        What integers mean; by default their digits.

    Returns
    -------
    pixels : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
    codes : ndarray of integers, shape (n,)
    names : sequence of str
        What the codes mean.

    Raises
    ------
    DataError
        For other elements, types or sizes, no images, and a length without end.
    MissingExtraError
        Without TensorFlow.
    """
    tensorflow = need("tensorflow", "tensorflow", "tf.data")
    if dataset.cardinality() == tensorflow.data.INFINITE_CARDINALITY:
        raise DataError("The data set has no end. Use .take(n) before it is read.")
    image, label = _pair(dataset.element_spec)
    _check_types(tensorflow, image, label)
    if label.shape.rank == 1:
        dataset = dataset.unbatch()
    pixels, labels = _read(dataset.map(_pair))
    if labels.dtype.kind != "i":
        if class_names is not None:
            raise DataError("class_names are for integer labels: these are texts already.")
        texts = np.array([text.decode("utf-8", "replace") for text in labels])
        names, codes = np.unique(texts, return_inverse=True)
        return pixels, codes, names.tolist()
    if labels.min() < 0:
        raise DataError(f"Image {labels.argmin()} has the label {labels.min()}: count from 0.")
    known = [str(code) for code in range(labels.max() + 1)] if class_names is None else class_names
    if labels.max() >= len(known):
        row = labels.argmax()
        raise DataError(f"Image {row} has the label {labels[row]}, of {len(known)} class names.")
    return pixels, labels, known


def _pair(element: Any, *label: Any) -> tuple[Any, Any]:
    """Return image and label of an element, or of its description."""
    if label:  # `map` hands over the parts of a tuple one by one
        return element, label[0]
    if isinstance(element, dict) and {"image", "label"} <= set(element):
        return element["image"], element["label"]
    if isinstance(element, tuple) and len(element) == 2:
        return element[0], element[1]
    raise DataError(f"An element has no image and label. {GIVE}")


def _check_types(tensorflow: Any, image: Any, label: Any) -> None:
    if not all(isinstance(spec, tensorflow.TensorSpec) for spec in (image, label)):
        raise DataError("Images or labels are ragged or sparse: all must be of one size.")
    if image.dtype != tensorflow.uint8:
        raise DataError(
            f"Images are of type {image.dtype.name}: give uint8, as they were before they were "
            "scaled."
        )
    if not (label.dtype.is_integer or label.dtype == tensorflow.string):
        raise DataError(f"Labels are of type {label.dtype.name}: give integers or strings.")
    if label.shape.rank not in (0, 1):
        raise DataError("Labels must be one for each image, not one-hot or nested.")
    alone = None if image.shape.rank is None else image.shape.rank - label.shape.rank
    if alone not in (2, 3):
        raise DataError(f"Images have the shape {image.shape}: give (h, w) or (h, w, c).")


def _read(dataset: tf.data.Dataset) -> tuple[Pixels, NDArray[Any]]:
    """Return all images (n, h, w[, c]) and labels (n,) of single elements."""
    pixels: list[Pixels] = []
    labels: list[NDArray[Any]] = []
    row = size = 0
    for images, some in _batches(dataset):
        shape = images.shape[1:]
        if pixels and shape != pixels[0].shape[1:]:
            raise DataError(
                f"Image {row} is {by(shape)}, the first one "
                f"{by(pixels[0].shape[1:])}: bring all to one size before."
            )
        pixels.append(images)
        labels.append(some)
        row, size = row + len(images), size + images.nbytes
        if size > MOST_BYTES:
            raise DataError(f"After {row:,} images there are still more. Use .take(n) before.")
    if not pixels:
        raise DataError("The data set is empty.")
    joined = np.concatenate(labels)
    return np.concatenate(pixels), joined.astype(np.int64) if joined.dtype.kind in "iu" else joined


def _batches(dataset: tf.data.Dataset) -> Iterator[tuple[Pixels, NDArray[Any]]]:
    """Yield batches; single images where their sizes may differ."""
    image, _ = dataset.element_spec
    together = image.shape.is_fully_defined()
    yield from dataset.batch(BATCH if together else 1).as_numpy_iterator()
