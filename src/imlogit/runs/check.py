"""Checks of a source of images, and of the runs over it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels, Rows
from imlogit.checks.finding import Findings
from imlogit.checks.material import (
    FittedModel,
    LabelledRows,
    Material,
    Optimality,
    Promise,
    White,
)
from imlogit.checks.table import run_checks
from imlogit.core.links import codes_of_probabilities
from imlogit.data.image_set import ImageSet
from imlogit.data.split import Split, split
from imlogit.engines.matrix import as_matrix
from imlogit.errors import DataError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.estimators.logistic_cv import GridEdge
from imlogit.estimators.pixels import WHITE
from imlogit.evaluation.scores import Scores
from imlogit.evaluation.thresholds import Threshold
from imlogit.features.step import NoFeaturesError
from imlogit.model.fields import SavedModel
from imlogit.model.head import head_of
from imlogit.runs.options import TaskOptions, takes
from imlogit.runs.plan import Task, check_white
from imlogit.runs.predictions import Predictions
from imlogit.runs.target import choose_target

# So many images, and so many of each class, show whether another C would do.
MOST_REFITTED, FEW_OF_EACH = 2000, 20


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
    check_white(image_set, options)
    positive = options.positive
    if positive is None:
        positive = choose_target(image_set, every_class=options.every_class).positive
    parts = _parts(image_set, options.test_size, options.seed)
    images = image_set.images[parts.train], image_set.images[parts.test]
    found = run_checks(_material(image_set, parts, images, positive, options))
    return found.with_names(image_set.names)


def check_run(
    task: Task,
    model: SavedModel | None = None,
    predictions: Predictions | None = None,
    *,
    threshold: Threshold | None = None,
    test: Scores | None = None,
    edge: GridEdge | None = None,
    searched: bool = False,
    hurried: bool = False,
) -> Findings:
    """Check a run: its images, its split, and the model.

    Parameters
    ----------
    task : Task
    model : SavedModel, optional
        Fitted on the training part.
    predictions : Predictions, optional
        The model's.
    threshold : Threshold, optional
        What the model's was chosen for.
    test : Scores, optional
        Of the test images, at that threshold.
    edge : GridEdge, optional
        The end of the grid where the best C is.
    searched : bool
        Whether C was chosen from a grid.
    hurried : bool
        Whether to leave out what takes long, as after an interrupt.
    """
    fitted, positive = None, task.target.positive
    if model is not None and predictions is not None:
        codes = codes_of_probabilities(predictions.test_probabilities, model.threshold)
        gap = model.certificate["relative_gap"]
        fitted = FittedModel(
            len(task.target.names),
            _answers(task, codes),
            Optimality(model.certificate["status"], math.nan if gap is None else gap),
            edge,
            searched,
            _promise(task, predictions, threshold, test),
            float(model.certificate["C"]),
            lambda C: _refitted(task, C),
            lambda part, rows: _fits_negatives(task, model, predictions, part, rows),
        )
    folds = None if predictions is None else predictions.train_folds
    images = task.training_images, task.test_images
    found = run_checks(
        _material(task.image_set, task.split, images, positive, task.options, fitted, folds),
        hurried=hurried,
    )
    return found.with_names(task.image_set.names)


def _answers(task: Task, codes: Rows) -> NDArray[Any]:
    """Return answers for the test images as checks have targets."""
    if task.target.positive is not None:
        return codes == 1
    return np.array(task.target.names)[codes]


def _promise(
    task: Task, predictions: Predictions, threshold: Threshold | None, test: Scores | None
) -> Promise | None:
    if threshold is None or test is None:
        return None
    figure = test[threshold.wanted]
    codes = codes_of_probabilities(predictions.test_probabilities)
    return Promise(
        threshold.value,
        threshold.wanted,
        threshold.at_least,
        figure.value,
        figure.low,
        figure.high,
        _answers(task, codes),
    )


def _refitted(task: Task, C: float) -> NDArray[Any]:
    """Return what a model with another C, fitted on some of the images, says of the test part."""
    options = task.options
    model = LogisticRegression(
        C=C, pixel_scale=task.pixel_scale, random_state=options.seed, engine=options.engine
    )
    labels = task.training_labels
    rows = _some_of_each(labels, in_order=task.image_set.in_shards)
    model.fit(task.training_rows[rows], labels[rows])
    return _answers(task, np.asarray(model.predict(task.test_rows)).astype(np.intp))


def _some_of_each(labels: NDArray[Any], *, in_order: bool) -> Rows:
    """Return the first rows of a random order, or rows that are spread out, and some of each."""
    rows = np.zeros(len(labels), dtype=bool)
    step = max(1, len(labels) // MOST_REFITTED) if in_order else 1
    rows[: MOST_REFITTED * step : step] = True
    for one in np.unique(labels):
        rows[np.flatnonzero(labels == one)[:FEW_OF_EACH]] = True
    return np.flatnonzero(rows)


def _fits_negatives(
    task: Task, model: SavedModel, predictions: Predictions, part: LabelledRows, rows: Rows
) -> tuple[Floats, Floats]:
    """Return the probabilities of images' own classes, as they are and as negatives.

    Of training images as they are by models that did not see them.
    """
    if part.name == "training":
        codes, said = predictions.train_codes[rows], predictions.train_probabilities[rows]
    else:
        codes, said = predictions.test_codes[rows], predictions.test_probabilities[rows]
    white = WHITE if task.options.pixel_max is None else task.options.pixel_max
    own = np.arange(len(rows)), codes
    try:
        negatives = head_of(model).answer(np.uint8(white) - part.rows.take(rows)).probabilities
    except NoFeaturesError:  # of what is no picture any more
        return said[own], np.zeros(len(rows))
    return said[own], negatives[own]


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
    options: TaskOptions,
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
        white=White(options.pixel_max or WHITE, "pixel_max={}"),
    )
