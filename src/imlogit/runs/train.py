"""The main job: from a source of images to a proved model, its scores and a run directory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from imlogit.arrays import Rows
from imlogit.checks.finding import Findings
from imlogit.core.solution import Observer
from imlogit.data.image_set import ImageSet
from imlogit.engines.cluster import client_at
from imlogit.errors import FitInterrupted
from imlogit.estimators.folds import fold_numbers
from imlogit.estimators.logistic import LogisticRegression
from imlogit.evaluation.cross_validation import CrossValidation, cross_validate
from imlogit.evaluation.scores import Scores
from imlogit.evaluation.thresholds import Threshold, choose_threshold
from imlogit.model.fields import SavedModel
from imlogit.runs.check import check_run
from imlogit.runs.command import command_of
from imlogit.runs.folding import folds_of
from imlogit.runs.options import TrainOptions, takes
from imlogit.runs.plan import Task, begin, class_weight_of
from imlogit.runs.predictions import Predictions
from imlogit.system.processors import machine
from imlogit.system.summarized import Summarized

# The version of metrics.json; docs/metrics.md describes it.
METRICS_VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class TrainResult(Summarized):
    """A finished training run, or what was finished of it.

    Attributes
    ----------
    task : Task
        What it is about.
    cross_validation : CrossValidation
        Its ``estimator`` is fitted on all training images.
    model : SavedModel
        That estimator, as a value.
    predictions : Predictions
    test : Scores
        Of the test images, at the threshold.
    checks : Findings
    threshold : Threshold or None
        Where a precision or recall was wanted.
    interrupted : bool
    """

    task: Task
    cross_validation: CrossValidation
    model: SavedModel
    predictions: Predictions
    test: Scores
    checks: Findings
    threshold: Threshold | None = None
    interrupted: bool = False

    @property
    def pooled(self) -> Scores:
        """Scores of the out-of-fold probabilities: without the threshold, which they chose."""
        found = self.cross_validation.pooled
        assert isinstance(found, Scores)  # images have one class each
        return found

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Everything that was found, for a program; docs/metrics.md describes it."""
        task, cv = self.task, self.cross_validation
        certificate = cv.estimator.certificate_
        by_class = zip(task.target.names, self.test.by_class(), strict=True)
        return {
            "schema": "imlogit.metrics",
            "version": METRICS_VERSION,
            "interrupted": self.interrupted,
            "versions": self.model.versions,
            "machine": machine(),
            "data": task.data_metrics(),
            "options": task.option_metrics(),
            "classes": list(task.target.names),
            "certificate": certificate.to_dict() | {"gaps": certificate.gaps},
            "cross_validation": cv.to_dict(),
            "threshold": None if self.threshold is None else self.threshold.to_dict(),
            "test": self.test.to_dict(),
            "by_class": {name: one.to_dict() for name, one in by_class},
            "reliability": {
                str(one.origin): one.reliability.to_dict()
                for one in (self.pooled, self.test)
                if one.reliability is not None
            },
            "no_estimate": [one.code for one in self.checks.void],
            "checks": self.checks.to_dict(),
        }

    def command(self) -> str:
        """Return the command that makes the same run again."""
        return command_of("train", self.task)

    def _summary(self) -> dict[str, str]:
        return self.task.summary() | {
            "base rate": f"{self.test.base_rate:.4f}",
            "test accuracy": f"{self.test['accuracy'].value:.4f}",
        }

    def _notes(self) -> tuple[str, ...]:
        return self.checks.no_estimate()

    def _parts(self) -> tuple[Summarized | None, ...]:
        return self.test, self.checks


@takes(TrainOptions)
def train(
    image_set: ImageSet,
    options: TrainOptions,
    observe: Observer | None = None,
    checkpoint: Any = None,
) -> TrainResult:
    """Fit, cross-validate and test a classifier of images.

    Parameters
    ----------
    images : ImageSet, str or path-like, default="mnist-5k"
        Images, or their source as `imlogit.load` takes it.
    **options
        Those of ``imlogit train``, as keywords; or a `TrainOptions`, as the second argument.
    progress : callable, optional
        As in `imlogit.load`.
    observe : callable, optional
        Called with a `Progress` after every step of the fit.
    checkpoint : path-like, optional
        Where the weights of the fits are kept until these end, and gone on from.

    Returns
    -------
    TrainResult

    Raises
    ------
    DataError
        For a label that no image has, and a class with too few images.
    ParameterError
        For options out of range, and a precision or recall of several classes.
    FitInterrupted
        On Ctrl-C; its ``partial`` is a TrainResult of the folds that are finished, or None.
    """
    return train_task(begin(image_set, options), observe, checkpoint)


def train_task(task: Task, observe: Observer | None = None, checkpoint: Any = None) -> TrainResult:
    """Do what `train` does, of a task that `begin` made.

    Raises
    ------
    FitInterrupted
    """
    options = task.options
    assert isinstance(options, TrainOptions)
    estimator = LogisticRegression(
        C=options.C,
        random_state=options.seed,
        engine=options.engine,
        class_weight=class_weight_of(task),
        memory_limit=options.memory_limit,
        pixel_scale=task.pixel_scale,
    )
    data = task.training_rows, task.training_labels
    how = {"cv": folds_of(task), "observe": observe, "checkpoint": checkpoint}
    try:
        with client_at(options.dask) as client:
            found = cross_validate(estimator.set_params(client=client), *data, **how)
    except FitInterrupted as stop:
        partial = None if stop.partial is None else _result(task, stop.partial, interrupted=True)
        raise FitInterrupted(partial) from None
    estimator.client = None
    return _result(task, found)


def _result(task: Task, found: CrossValidation, *, interrupted: bool = False) -> TrainResult:
    n_images = len(task.split.train)  # whose copies were fitted on and never held out
    found = replace(
        found, probabilities=found.probabilities[:n_images], codes=found.codes[:n_images]
    )
    folds = fold_numbers(n_images, [fold.test for fold in found.folds])
    threshold = _threshold(task, found, folds)
    if threshold is not None:
        found.estimator.threshold_ = threshold.value
    model = task.saved_model_of(found.estimator)
    predictions = task.predictions_of(model, found.probabilities, folds)
    test = predictions.test_scores(model.threshold)
    return TrainResult(
        task=task,
        cross_validation=found,
        model=model,
        predictions=predictions,
        test=test,
        checks=check_run(
            task, model, predictions, threshold=threshold, test=test, hurried=interrupted
        ),
        threshold=threshold,
        interrupted=interrupted,
    )


def _threshold(task: Task, found: CrossValidation, folds: Rows) -> Threshold | None:
    """Choose the threshold that was asked for, by what models said of images they did not see."""
    options = task.options
    if not isinstance(options, TrainOptions) or options.wanted is None:
        return None
    held_out = folds >= 0
    return choose_threshold(
        task.training_labels[: len(folds)][held_out],
        found.probabilities[held_out][:, 1],
        *options.wanted,
    )
