"""The main job: from a source of images to a proved model, its scores and a run directory."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np

from imlogit.checks.finding import Findings
from imlogit.core.solution import Observer
from imlogit.data.image_set import ImageSet
from imlogit.errors import DataError, FitInterrupted
from imlogit.estimators.folds import fold_numbers
from imlogit.estimators.logistic import LogisticRegression
from imlogit.evaluate.calibration import Reliability, reliability
from imlogit.evaluate.cross_validation import CrossValidation, cross_validate
from imlogit.evaluate.scores import OUT_OF_FOLD, TEST, Scores
from imlogit.evaluate.thresholds import WANTED, Threshold, choose_threshold
from imlogit.runs.check import check_run
from imlogit.runs.plan import RunOptions, Task, begin, or_none
from imlogit.runs.predictions import Predictions

# The version of metrics.json; docs/metrics.md describes it.
METRICS_VERSION = 1


@dataclass(frozen=True)
class TrainOptions(RunOptions):
    """What a training run is asked for."""

    C: float = 1.0
    precision: float | None = None
    recall: float | None = None

    @property
    def wanted(self) -> tuple[str, float] | None:
        """The figure that a threshold is to be chosen for, and how high it is to be."""
        for name in WANTED:
            value: float | None = getattr(self, name)
            if value is not None:
                return name, value
        return None


@dataclass(frozen=True, eq=False)
class TrainResult(Task):
    """A finished training run, or what was finished of it."""

    options: TrainOptions
    cross_validation: CrossValidation
    predictions: Predictions
    pooled: Scores
    test: Scores
    checks: Findings
    threshold: Threshold | None = None
    interrupted: bool = False

    @property
    def model(self) -> LogisticRegression:
        """The model fitted on all training images."""
        return self.cross_validation.estimator

    def metrics(self) -> dict[str, Any]:
        """Return everything that was found, for a program; docs/metrics.md describes it."""
        cv, C = self.cross_validation, self.options.C
        return {
            "schema": "imlogit.metrics",
            "version": METRICS_VERSION,
            "interrupted": self.interrupted,
            "data": self.data_metrics(),
            "options": self.option_metrics() | {"C": C if np.isfinite(C) else "inf"},
            "classes": list(self.target.names),
            "certificate": self.model.certificate_.to_dict(),
            "cross_validation": {
                "folds": [
                    fold.scores.to_dict() | {"certificate": fold.certificate.to_dict()}
                    for fold in cv.folds
                ],
                "mean": {name: or_none(cv.mean(name)) for name in cv.pooled.values},
                "std": {name: or_none(cv.std(name)) for name in cv.pooled.values},
                "pooled": self.pooled.to_dict(),
            },
            "threshold": None if self.threshold is None else self.threshold.to_dict(),
            "test": self.test.to_dict(),
            "by_class": dict(
                zip(
                    self.target.names,
                    (one.to_dict() for one in self.test.by_class()),
                    strict=True,
                )
            ),
            "reliability": {
                OUT_OF_FOLD: self.reliability().to_dict(),
                TEST: reliability(
                    self.predictions.test_codes, self.predictions.test_probabilities
                ).to_dict(),
            },
            "checks": self.checks.to_dict(),
        }

    def command(self) -> str:
        """Return the command that makes the same run again."""
        words = [*self.words("train"), "--c", str(self.options.C)]
        if self.options.wanted is not None:
            name, value = self.options.wanted
            words += [f"--{name}", str(value)]
        return shlex.join(words)

    def reliability(self) -> Reliability:
        """Return how often what the models claim of images that they did not see comes true."""
        held_out = self.predictions.train_folds >= 0
        return reliability(
            self.predictions.train_codes[held_out], self.predictions.train_probabilities[held_out]
        )


def train(
    image_set: ImageSet, options: TrainOptions, *, observe: Observer | None = None
) -> TrainResult:
    """Fit, cross-validate and test a classifier of images.

    Parameters
    ----------
    image_set : ImageSet
    options : TrainOptions
    observe : callable, optional
        Called with a `Progress` after every step.

    Raises
    ------
    DataError
        As `begin`; for a precision or recall out of range, both, or of several classes.
    FitInterrupted
        On Ctrl-C; its ``partial`` is a TrainResult of the folds that are finished, or None.
    """
    run = begin(image_set, options)
    _check_wanted(options, run)
    estimator = LogisticRegression(C=options.C, random_state=options.seed, engine=options.engine)

    def training(found: CrossValidation, *, interrupted: bool = False) -> TrainResult:
        folds = fold_numbers(len(run.split.train), [fold.test for fold in found.folds])
        predictions = run.predictions_of(found.estimator, found.probabilities, folds)
        threshold = _threshold(options, predictions)
        if threshold is not None:
            found.estimator.threshold_ = threshold.value
        pooled, test = run.scores(predictions, found.estimator.threshold_)
        return TrainResult(
            image_set=image_set,
            split=run.split,
            target=run.target,
            options=options,
            cross_validation=found,
            predictions=predictions,
            pooled=pooled,
            test=test,
            checks=check_run(run, found.estimator, folds=folds),
            threshold=threshold,
            interrupted=interrupted,
        )

    try:
        found = cross_validate(
            estimator, run.training_images, run.training_labels, cv=options.folds, observe=observe
        )
    except FitInterrupted as stop:
        partial = None if stop.partial is None else training(stop.partial, interrupted=True)
        raise FitInterrupted(partial) from None
    return training(found)


def _check_wanted(options: TrainOptions, run: Task) -> None:
    if options.precision is not None and options.recall is not None:
        raise DataError("A precision and a recall cannot both be asked for: give one.")
    if options.wanted is None:
        return
    name, value = options.wanted
    if not 0 < value <= 1:
        raise DataError(f"--{name} {value}: give a number over 0 and at most 1.")
    if run.target.positive is None:
        raise DataError(f"--{name} needs a label to look for: give --positive, without --all.")


def _threshold(options: TrainOptions, predictions: Predictions) -> Threshold | None:
    """Choose the threshold that was asked for, by what models said of images they did not see."""
    if options.wanted is None:
        return None
    held_out = predictions.train_folds >= 0
    return choose_threshold(
        predictions.train_codes[held_out] == 1,
        predictions.train_probabilities[held_out][:, 1],
        *options.wanted,
    )
