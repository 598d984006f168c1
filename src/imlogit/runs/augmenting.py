"""Copies of the training images that a run is fitted on, too, and that no figure counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Pixels
from imlogit.data.images.room import available_memory
from imlogit.data.images.shift import is_bright_on_dark, shift
from imlogit.data.progress import Progress
from imlogit.errors import ParameterError
from imlogit.features.step import NoFeaturesError
from imlogit.runs.options import AUGMENTS
from imlogit.system.text import bytes_in_words

if TYPE_CHECKING:
    from imlogit.runs.plan import Task

# So many images are moved together.
BLOCK = 2048


def check_copies(task: Task) -> None:
    """Refuse copies of images that are not to be in memory, and more than memory holds.

    Raises
    ------
    DataError
        With features, for images that a step cannot work with.
    ParameterError
    """
    asked = f"augment={task.options.augment!r}"
    if task.image_set.in_shards:
        raise ParameterError(
            f"{asked} holds the training images and their copies in memory, and "
            f"{task.image_set.name} lies in several files so that nothing need be: leave it out, "
            "or pack deformed copies beside the images by imlogit.augment.",
            parameter="augment",
        )
    needed, memory = _bytes_to_fit_on(task), available_memory()
    if needed > memory:
        raise ParameterError(
            f"{asked}: the training images and their copies take {bytes_in_words(needed)}, and "
            f"there are {memory / 1e9:,.0f} GB of memory. Leave it out, or make fewer features.",
            parameter="augment",
        )


def words_of_copies(task: Task) -> str:
    """Return what copies there are of a task's training images, and what all of them take."""
    return (
        f"{task.options.n_copies} of each training image, moved by one pixel: "
        f"{bytes_in_words(_bytes_to_fit_on(task))} with them"
    )


def _bytes_to_fit_on(task: Task) -> int:
    made, n = task.features, len(task.split.train) * (task.options.n_copies + 1)
    shape = task.image_set.image_shape
    return n * (math.prod(shape) if made is None else made.n_features * made.dtype.itemsize)


def with_copies(task: Task, rows: NDArray[Any], progress: Progress | None = None) -> NDArray[Any]:
    """Return what is fitted on of the training images, and behind it that of all their copies.

    Parameters
    ----------
    task : Task
    rows : ndarray, shape (n, ...)
        The training images, or their features.
    progress : callable, optional
        As in `imlogit.load`.

    Returns
    -------
    ndarray, shape (n * (copies + 1), ...)
        All images, then all of them moved one way, and so on.

    Raises
    ------
    NoFeaturesError
        Names the image of whose copy a step makes no numbers.
    """
    images, n = task.training_images, len(rows)
    assert task.options.augment is not None
    ways = AUGMENTS[task.options.augment]
    repeat_edge = not is_bright_on_dark(images)
    out = np.empty((n * (len(ways) + 1), *rows.shape[1:]), rows.dtype)
    out[:n] = rows
    words = f"moved copies of {task.image_set.name}"
    for number, way in enumerate(ways):
        for start in range(0, n, BLOCK):
            if progress is not None:
                progress(words, number * n + start, n * len(ways))
            copies = shift(images[start : start + BLOCK], *way, repeat_edge=repeat_edge)
            first = (number + 1) * n + start
            _fill(task, copies, start, out[first : first + len(copies)])
    if progress is not None:
        progress(words, n * len(ways), n * len(ways))
    return out


def _fill(task: Task, copies: Pixels, start: int, out: NDArray[Any]) -> None:
    """Write copies, or the features of them: those of the training images from one on."""
    if task.features is None:
        out[:] = copies
        return
    try:
        task.features.transform(copies, out)
    except NoFeaturesError as error:
        place = int(task.split.train[start + error.row])
        raise error.named(f"{task.image_set.where(place)}, moved by a pixel") from None
