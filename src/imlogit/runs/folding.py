"""How a run parts its training images: folds, or a validation part; copies go with their image."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from imlogit.arrays import Labels, Rows
from imlogit.errors import DataError, ParameterError

if TYPE_CHECKING:
    from imlogit.runs.plan import Task

FOLDS = 10


def folds_of(task: Task) -> Any:
    """Return the number of folds; where there are copies, the folds themselves, which part none.

    Copies that are made for the fit are on no held-out side.
    """
    from imlogit.estimators.folds import grouped_folds

    if not task.image_set.copies and not task.options.n_copies:
        return task.folds
    train = task.split.train
    groups = task.image_set.groups(train) if task.image_set.copies else np.arange(len(train))
    folds = grouped_folds(task.codes[train], groups, task.folds, task.options.seed)
    return [(_and_copies(fitted_on, task), held_out) for fitted_on, held_out in folds]


def validation_of(task: Task) -> tuple[Rows, Rows]:
    """Return the training images that are fitted on for the choice, and those that are held out."""
    held_out = task.split.validation
    return _and_copies(np.flatnonzero(~held_out), task), np.flatnonzero(held_out)


def _and_copies(places: Rows, task: Task) -> Rows:
    """Return the rows of some training images and of their copies, which lie behind all images."""
    starts = len(task.split.train) * np.arange(task.options.n_copies + 1)
    return (starts[:, None] + places).ravel()


def choose_folds(codes: Labels, folds: int | None) -> int:
    """Return the number of folds that was asked for, or one that fits."""
    counts = np.bincount(codes)
    counts = counts[counts > 0]
    if len(counts) < 2:
        raise DataError("All training images have the same label: there is nothing to tell apart.")
    smallest = int(counts.min())
    if smallest < 2:
        raise DataError(
            f"The smallest class has {smallest} training image, too few to cross-validate: add "
            "images, or keep fewer for the test with a smaller test_size=...",
            parameter="test_size",
        )
    if folds is None:
        if smallest < FOLDS:
            warnings.warn(
                f"{smallest} folds, as the smallest class has {smallest} training images",
                UserWarning,
                stacklevel=2,
            )
        return min(FOLDS, smallest)
    if not 2 <= folds <= smallest:
        raise ParameterError(
            f"folds={folds} is not possible: give from 2 to {smallest}, the number of training "
            "images of the smallest class.",
            parameter="folds",
        )
    return folds
