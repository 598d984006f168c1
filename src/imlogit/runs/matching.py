"""The test images that two runs have in common, whatever the runs made of their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Rows
from imlogit.errors import DataError
from imlogit.evaluation.comparison import Matched
from imlogit.runs.predictions import Predictions
from imlogit.runs.record import Record


def common_test_images(first: Record, second: Record) -> tuple[Matched, Rows, Rows]:
    """Return by what two runs' images are known to be the same, and where those of the test are.

    Parameters
    ----------
    first, second : Record
        Of the same classes.

    Returns
    -------
    matched : Matched
    in_first, in_second : ndarray of int64, shape (n,)
        Places in the test parts of either run's predictions, image by image.

    Raises
    ------
    DataError
        For runs over other images, images with other labels, and runs without a test image in
        common.
    """
    a, b = first.predictions, second.predictions
    matched, where = _matched(first, second), f"{first.folder} and {second.folder}"
    of_a, of_b = (_keys(one, matched) for one in (a, b))
    _, in_a, in_b = np.intersect1d(of_a, of_b, return_indices=True)
    if not in_a.size:
        raise DataError(f"{where} have no test image in common: make both with one seed.")
    if not np.array_equal(a.test_codes[in_a], b.test_codes[in_b]):
        raise DataError(f"{where} have different labels for the same images.")
    return matched, in_a, in_b


def _matched(first: Record, second: Record) -> Matched:
    """Return by what the runs' images are the same.

    Images of another size or colour have other pixels. In a source of one name their files say
    which is which or, where they have none, their rows, if these have the same labels one by one.

    Raises
    ------
    DataError
    """
    data = first.facts, second.facts
    if data[0].data_sha256 == data[1].data_sha256:
        return Matched.PIXELS
    where = f"{first.folder} and {second.folder} are runs over different images"
    # embeddings of one source lie in files of any name: their labels say whether they are
    of_images = all(one.has_images for one in data)
    if of_images and data[0].data_name != data[1].data_name:
        raise DataError(f"{where}: those of {data[0].data_name} and of {data[1].data_name}.")
    names = first.predictions.names, second.predictions.names
    if all(map(len, names)):
        if not set(names[0]) & set(names[1]):
            raise DataError(f"{where}: no file of one is a file of the other.")
        return Matched.NAMES
    labels = _labels(first), _labels(second)
    if len(labels[0]) != len(labels[1]):
        raise DataError(f"{where}: there are {len(labels[0]):,} and {len(labels[1]):,} of them.")
    if not np.array_equal(*labels):
        raise DataError(f"{where}: rows of the same number have different labels.")
    return Matched.ROWS


def _keys(kept: Predictions, matched: Matched) -> NDArray[Any]:
    """Return by what each test image of a run is known."""
    if matched is Matched.NAMES:
        return np.array([kept.names[row] for row in kept.test_rows])
    return kept.test_rows


def _labels(record: Record) -> NDArray[np.int64]:
    """Return row and class, or labels, of every image of a run, by its row in the source."""
    kept = record.predictions
    rows = np.concatenate([kept.train_rows, kept.test_rows])
    codes = np.concatenate([kept.train_codes, kept.test_codes])
    return np.column_stack([rows, codes])[np.argsort(rows, kind="stable")]
