"""Checks of a source of images, and of the runs over it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.checks.finding import Findings
from imlogit.checks.material import FittedModel, Material, Optimality, Part
from imlogit.checks.table import run_checks
from imlogit.core.links import codes_of_probabilities
from imlogit.data.image_set import ImageSet
from imlogit.data.sources import load
from imlogit.data.split import Split, split
from imlogit.engines.matrix import as_matrix
from imlogit.errors import DataError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.runs.plan import Task, choose_target


def check(
    images: ImageSet | str,
    *,
    positive: str | int | None = None,
    every_class: bool = False,
    test_size: float = 0.2,
    seed: int = 0,
) -> Findings:
    """Check images and labels for what would make figures wrong, before anything is fitted.

    Parameters
    ----------
    images : ImageSet or str
        Images, or the name of a source as `imlogit.load` takes it.
    positive : str or int, optional
        The label to tell from all others; the default is that of ``imlogit train``.
    every_class : bool, default=False
        Tell every class from the others.
    test_size : float, default=0.2
        The share that is drawn for the test, where the source has no test part.
    seed : int, default=0
        Of that draw.

    Returns
    -------
    Findings
        One for every check; ``print`` shows those that failed.

    Raises
    ------
    DataError
        For a source that cannot be loaded, and options out of range.
    """
    found = load(images) if isinstance(images, str) else images
    if positive is None:
        positive = choose_target(found, every_class=every_class).positive
    elif every_class:
        raise DataError("A positive label and all classes cannot both be asked for.")
    known = str(positive) if str(positive) in found.class_names else positive
    return run_checks(_material(found, _parts(found, test_size, seed), known))


def check_run(
    run: Task,
    model: LogisticRegression | None = None,
    *,
    folds: NDArray[np.intp] | None = None,
    edge: str | None = None,
    searched: bool = False,
) -> Findings:
    """Check a run: its images, its split, and the model.

    Parameters
    ----------
    run : Task
    model : LogisticRegression, optional
        Fitted on the training part.
    folds : ndarray of intp, shape (n_train,), optional
        The fold that holds each training image out, -1 where none does.
    edge : {"low", "high"}, optional
        The end of the grid where the best C is.
    searched : bool
        Whether C was chosen from a grid.
    """
    predictor = None
    if model is not None:
        test_images = run.image_set.images[run.split.test]
        predictor = FittedModel(
            len(model.classes_),
            # without a threshold, which may give accuracy up for precision or recall
            model.classes_[codes_of_probabilities(model.predict_proba(test_images))],
            Optimality(model.certificate_.status, model.certificate_.relative_gap),
            edge or "",
            searched,
        )
    material = _material(run.image_set, run.split, run.target.positive, predictor, folds)
    return run_checks(material)


def _parts(images: ImageSet, test_size: float, seed: int) -> Split:
    """Split as a run would, or leave the test part empty where a class is too small for that."""
    try:
        return split(images, test_size, seed)
    except DataError:
        if not 0 < test_size < 1 or seed < 0:
            raise
        return Split(np.arange(len(images)), np.arange(0), True)


def _material(
    images: ImageSet,
    parts: Split,
    positive: Any,
    predictor: FittedModel | None = None,
    folds: NDArray[np.intp] | None = None,
) -> Material:
    names = np.array(images.class_names)

    def part(name: str, rows: NDArray[np.intp]) -> Part:
        return Part(name, as_matrix(images.images[rows]), names[images.labels[rows]], rows)

    return Material(
        part("training", parts.train),
        part("test", parts.test) if len(parts.test) else None,
        class_names=images.class_names,
        positive=positive,
        predictor=predictor,
        folds=folds,
        shuffled=True,
    )
