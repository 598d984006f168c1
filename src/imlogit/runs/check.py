"""Checks of a source of images, and of the runs over it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Pixels, Rows
from imlogit.checks.finding import Findings
from imlogit.checks.material import FittedModel, LabelledRows, Material, Optimality
from imlogit.checks.table import run_checks
from imlogit.core.links import codes_of_probabilities
from imlogit.data.image_set import ImageSet
from imlogit.data.split import Split, split
from imlogit.engines.matrix import as_matrix
from imlogit.errors import DataError
from imlogit.estimators.logistic_cv import GridEdge
from imlogit.model.fields import SavedModel
from imlogit.runs.options import TaskOptions, takes
from imlogit.runs.plan import Task, choose_target
from imlogit.runs.predictions import Predictions


@takes(TaskOptions)
def check(image_set: ImageSet, options: TaskOptions) -> Findings:
    """Check images and labels for what would make figures wrong, before anything is fitted.

    Parameters
    ----------
    images : ImageSet, str or path-like, default="mnist-5k"
        Images, or their source as `imlogit.load` takes it.
    **options
        Those of ``imlogit check``, as keywords.

    Returns
    -------
    Findings
        One for every check; ``print`` shows those that failed.

    Raises
    ------
    DataError
        For a source that cannot be loaded.
    ParameterError
        For options out of range.
    """
    positive = options.positive
    if positive is None:
        positive = choose_target(image_set, every_class=options.every_class).positive
    parts = _parts(image_set, options.test_size, options.seed)
    images = image_set.images[parts.train], image_set.images[parts.test]
    found = run_checks(_material(image_set, parts, images, positive))
    return found.with_names(image_set.names)


def check_run(
    task: Task,
    model: SavedModel | None = None,
    predictions: Predictions | None = None,
    *,
    edge: GridEdge | None = None,
    searched: bool = False,
) -> Findings:
    """Check a run: its images, its split, and the model.

    Parameters
    ----------
    task : Task
    model : SavedModel, optional
        Fitted on the training part.
    predictions : Predictions, optional
        The model's.
    edge : GridEdge, optional
        The end of the grid where the best C is.
    searched : bool
        Whether C was chosen from a grid.
    """
    fitted, positive = None, task.target.positive
    if model is not None and predictions is not None:
        # without a threshold, which may give accuracy up for precision or recall
        codes = codes_of_probabilities(predictions.test_probabilities)
        gap = model.certificate["relative_gap"]
        fitted = FittedModel(
            len(task.target.names),
            codes == 1 if positive is not None else np.array(task.target.names)[codes],
            Optimality(model.certificate["status"], math.nan if gap is None else gap),
            edge,
            searched,
        )
    folds = None if predictions is None else predictions.train_folds
    images = task.training_images, task.test_images
    found = run_checks(_material(task.image_set, task.split, images, positive, fitted, folds))
    return found.with_names(task.image_set.names)


def _parts(images: ImageSet, test_size: float, seed: int) -> Split:
    """Split as a run would, or leave the test part empty where a class is too small for that."""
    try:
        return split(images, test_size, seed)
    except DataError:
        every = np.arange(len(images))
        return Split(every, every[:0], True, np.zeros(len(images), dtype=bool))


def _material(
    image_set: ImageSet,
    parts: Split,
    images: tuple[Pixels, Pixels],
    positive: str | None,
    fitted: FittedModel | None = None,
    folds: NDArray[np.int64] | None = None,
) -> Material:
    names = np.array(image_set.class_names)

    def part(name: str, images: Pixels, rows: Rows) -> LabelledRows:
        return LabelledRows(name, as_matrix(images), names[image_set.labels[rows]], rows)

    return Material(
        part("training", images[0], parts.train),
        part("test", images[1], parts.test) if len(parts.test) else None,
        class_names=image_set.class_names,
        positive=positive,
        predictor=fitted,
        folds=folds,
        shuffled=True,
    )
