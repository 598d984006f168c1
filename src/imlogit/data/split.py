"""Which rows are trained on, in which order, and which are kept for the test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imlogit.arrays import Rows
from imlogit.data.labelled_set import LabelledSet
from imlogit.errors import DataError, ParameterError


class Split(NamedTuple):
    """Row numbers of an :class:`~imlogit.data.ImageSet`.

    Attributes
    ----------
    train : ndarray of intp
        The training rows, in random order by the seed; of rows in shards in the source's order,
        so that they are read where they are.
    test : ndarray of intp
        The test rows, ascending.
    drawn : bool
        True if the test rows were drawn at random, class by class, or of all rows where these have
        any number of labels; False if they are the source's own test part.
    validation : ndarray of bool, shape of ``train``
        Which training rows are the source's own validation part.
    """

    train: Rows
    test: Rows
    drawn: bool
    validation: npt.NDArray[np.bool_]


def split(labelled: LabelledSet[Any], test_size: float = 0.2, seed: int = 0) -> Split:
    """Split images or features into a training and a test part.

    The source's own test part is kept whole. Where there is none, `test_size` of each class is
    drawn at random. Its validation part is trained on, and marked for those who choose by it.

    Parameters
    ----------
    labelled : ImageSet or FeatureSet
        The rows to be split.
    test_size : float, default=0.2
        The share of each class that is drawn, above 0 and below 1; not used where the source
        brings a test part.
    seed : int, default=0
        The seed of the training order, and of the draw.

    Returns
    -------
    Split
        The row numbers of both parts.

    Raises
    ------
    DataError
        For a class with too few images to be on both sides.
    ParameterError
        If `test_size` or `seed` is out of range.
    """
    if not 0 < test_size < 1:
        raise ParameterError(
            f"test_size is {test_size}: give a share above 0 and below 1, such as 0.2.",
            parameter="test_size",
        )
    if seed < 0:
        raise ParameterError(f"The seed is {seed}: give 0 or a positive integer.", parameter="seed")
    rng = np.random.default_rng(seed)
    first_of_test = labelled.n_train + labelled.n_validation
    order = rng.permutation(first_of_test).astype(np.intp, copy=False)
    test = np.arange(first_of_test, len(labelled), dtype=np.intp)
    if not labelled.has_test:
        is_test = _drawn(labelled, order, test_size)
        order, test = order[~is_test], np.sort(order[is_test])
    if labelled.in_shards:
        order = np.sort(order)
    return Split(order, test, not labelled.has_test, order >= labelled.n_train)


def _drawn(labelled: LabelledSet[Any], order: Rows, test_size: float) -> npt.NDArray[np.bool_]:
    """Mark the first rows of each class in the random order as the test part."""
    labels = labelled.labels[order]
    if labels.ndim == 2:
        return _drawn_plainly(len(order), test_size)
    is_test = np.zeros(len(order), dtype=bool)
    for index, name in enumerate(labelled.class_names):
        rows = np.flatnonzero(labels == index)
        if len(rows) < 2:
            raise DataError(
                f"Class '{name}' has {len(rows)} image(s): a class needs two, one to train on and "
                "one to test with. Add images to it, or leave the class out."
            )
        count = min(max(round(len(rows) * test_size), 1), len(rows) - 1)
        is_test[rows[:count]] = True
    return is_test


def _drawn_plainly(n: int, test_size: float) -> npt.NDArray[np.bool_]:
    """Mark the first of rows in random order: those with several labels have no one class."""
    if n < 2:
        raise DataError("There is 1 row: two are needed, one to train on and one to test with.")
    return np.arange(n) < min(max(round(n * test_size), 1), n - 1)
