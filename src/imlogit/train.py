"""The main job: from a source of images to a proved model, its scores and a run directory."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.checking import check_run
from imlogit.core.solver import Observer
from imlogit.data import ImageSet
from imlogit.errors import FitInterrupted
from imlogit.estimators.folds import fold_numbers
from imlogit.estimators.logistic import LogisticRegression
from imlogit.evaluate.checks.finding import Findings
from imlogit.evaluate.cross_validation import CrossValidation, cross_validate
from imlogit.evaluate.scores import Scores
from imlogit.plan import Choices, Run, begin, or_none
from imlogit.predictions import Predictions

# The version of metrics.json; docs/metrics.md describes it.
METRICS_VERSION = 1


@dataclass(frozen=True)
class Options(Choices):
    """What a training run is asked for."""

    C: float = 1.0


@dataclass(frozen=True, eq=False)
class Training(Run):
    """A finished training run, or what was finished of it."""

    options: Options
    cross_validation: CrossValidation
    test: Scores
    checks: Findings
    interrupted: bool = False

    @property
    def model(self) -> LogisticRegression:
        """The model fitted on all training images."""
        return self.cross_validation.estimator

    def predictions(self) -> Predictions:
        """Return what the models say of each image."""
        found = self.cross_validation
        return self.predictions_of(self.model, found.probabilities, _folds(self, found))

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
                "pooled": cv.pooled.to_dict(),
            },
            "test": self.test.to_dict(),
            "checks": self.checks.to_dict(),
        }

    def command(self) -> str:
        """Return the command that makes the same run again."""
        return shlex.join([*self.words("train"), "--c", str(self.options.C)])


def train(image_set: ImageSet, options: Options, *, observe: Observer | None = None) -> Training:
    """Fit, cross-validate and test a classifier of images.

    Parameters
    ----------
    image_set : ImageSet
    options : Options
    observe : callable, optional
        Called with a `Progress` after every step.

    Raises
    ------
    DataError
        As `begin`.
    FitInterrupted
        On Ctrl-C; its ``partial`` is a Training of the folds that are finished, or None.
    """
    run = begin(image_set, options)
    estimator = LogisticRegression(C=options.C, random_state=options.seed, engine=options.engine)

    def training(found: CrossValidation, *, interrupted: bool = False) -> Training:
        return Training(
            image_set=image_set,
            split=run.split,
            target=run.target,
            options=options,
            cross_validation=found,
            test=run.test_scores(found.estimator),
            checks=check_run(run, found.estimator, folds=_folds(run, found)),
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


def _folds(run: Run, found: CrossValidation) -> NDArray[np.int64]:
    return fold_numbers(len(run.split.train), [fold.test for fold in found.folds])
