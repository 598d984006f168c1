"""A sweep over C: from a source of images to the choice of C, the reasons, and the model."""

from __future__ import annotations

import csv
import io
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from imlogit.checks.finding import Findings
from imlogit.core.solution import Observer
from imlogit.data.image_set import ImageSet
from imlogit.engines.cluster import client_at
from imlogit.errors import FitInterrupted, GridEdgeWarning
from imlogit.estimators.folds import deviation
from imlogit.estimators.logistic_cv import CPath, LogisticRegressionCV
from imlogit.evaluation.scores import Scores
from imlogit.model.fields import SavedModel
from imlogit.runs.check import check_run
from imlogit.runs.command import command_of
from imlogit.runs.folding import folds_of, validation_of
from imlogit.runs.options import RULES, SweepOptions, takes
from imlogit.runs.plan import Task, begin, class_weight_of, or_none
from imlogit.runs.predictions import Predictions
from imlogit.system.processors import machine
from imlogit.system.summarized import Summarized

SWEEP_VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult(Summarized):
    """A finished sweep, or what was finished of it: then there is no model.

    Attributes
    ----------
    task : Task
        What it is about.
    path : CPath
        What was found for each C.
    checks : Findings
    estimator : LogisticRegressionCV or None
        Fitted on all training images with the C that was chosen.
    model : SavedModel or None
        That estimator, as a value.
    predictions : Predictions or None
    pooled, test : Scores or None
        Of the out-of-fold probabilities at the C that was chosen, and of the test images.
    """

    task: Task
    path: CPath
    checks: Findings
    estimator: LogisticRegressionCV | None = None
    model: SavedModel | None = None
    predictions: Predictions | None = None
    pooled: Scores | None = None
    test: Scores | None = None

    @property
    def interrupted(self) -> bool:
        """Whether some values of C are missing."""
        return self.model is None

    def choice(self) -> str:
        """Return which C was chosen and why, as sentences."""
        path = self.path
        if self.interrupted:
            return (
                f"No C is chosen, as the sweep was interrupted: of the {len(path.Cs)} values of "
                f"C that are finished {path.Cs[path.best]:.4g} is the best."
            )
        loss = path.log_loss[:, path.chosen]
        if self._options.folds is None:
            return (
                f"C = {path.chosen_C:.4g} is chosen: the lowest log loss on the validation part, "
                f"{loss.mean():.4f}. The model is fitted on that part, too."
            )
        return (
            f"C = {path.chosen_C:.4g} is chosen: {RULES[self._options.rule]} over the folds, "
            f"{loss.mean():.4f} with a deviation of {deviation(loss):.4f}."
        )

    @property
    def _options(self) -> SweepOptions:
        assert isinstance(self.task.options, SweepOptions)
        return self.task.options

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Everything that was found, for a program; docs/metrics.md describes it."""
        path = self.path
        proof = None if self.estimator is None else self.estimator.certificate_
        return {
            "schema": "imlogit.sweep",
            "version": SWEEP_VERSION,
            "interrupted": self.interrupted,
            "versions": self.model.versions if self.model is not None else None,
            "machine": machine(),
            "data": self.task.data_metrics(),
            "options": self.task.option_metrics(),
            "classes": list(self.task.target.names),
            "path": [self._row(k) for k in path.order()],
            "best": float(path.Cs[path.best]),
            "chosen": None if self.interrupted else float(path.chosen_C),
            "edge": path.edge,
            "certificate": None if proof is None else proof.to_dict() | {"gaps": proof.gaps},
            "pooled": None if self.pooled is None else self.pooled.to_dict(),
            "test": None if self.test is None else self.test.to_dict(),
            "no_estimate": [one.code for one in self.checks.void],
            "checks": self.checks.to_dict(),
        }

    def _row(self, k: int) -> dict[str, Any]:
        loss, accuracy = self.path.log_loss[:, k], self.path.accuracy[:, k]
        return {
            "C": float(self.path.Cs[k]),
            "log_loss": loss.tolist(),
            "log_loss_mean": float(loss.mean()),
            "log_loss_std": or_none(deviation(loss)),
            "accuracy": accuracy.tolist(),
            "accuracy_mean": float(accuracy.mean()),
            "accuracy_std": or_none(deviation(accuracy)),
            "relative_gap": float(self.path.gap[k]),
        }

    def csv(self) -> str:
        """Return the means and deviations as CSV, one row a C."""
        rows = [self._row(k) for k in self.path.order()]
        names = [name for name in rows[0] if name not in ("log_loss", "accuracy")]
        text = io.StringIO()
        writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def command(self) -> str:
        """Return the command that makes the same sweep again."""
        return command_of("sweep", self.task)

    def _notes(self) -> tuple[str, ...]:
        return (self.choice(), *self.checks.no_estimate())

    def _parts(self) -> tuple[Summarized | None, ...]:
        return self.test, self.checks

    def _summary(self) -> dict[str, str]:
        found = {"C": f"{self.path.chosen_C:.4g} of {len(self.path.Cs):,}"}
        if self.test is not None:
            found["base rate"] = f"{self.test.base_rate:.4f}"
            found["test accuracy"] = f"{self.test['accuracy'].value:.4f}"
        return self.task.summary() | found


@takes(SweepOptions)
def sweep(
    image_set: ImageSet,
    options: SweepOptions,
    observe: Observer | None = None,
    checkpoint: Any = None,
) -> SweepResult:
    """Cross-validate many values of C, choose one, and test the model fitted with it.

    Parameters
    ----------
    images : ImageSet, str or path-like, default="mnist-5k"
        Images, or their source as `imlogit.load` takes it.
    **options
        Those of ``imlogit sweep``, as keywords; or a `SweepOptions`, as the second argument.
    progress : callable, optional
        As in `imlogit.load`.
    observe : callable, optional
        Called with a `Progress` after every step of the fits.
    checkpoint : path-like, optional
        Where the weights of the fits are kept until these end, and gone on from.

    Returns
    -------
    SweepResult

    Raises
    ------
    DataError
        For a label that no image has, and a class with too few images.
    ParameterError
        For options out of range.
    FitInterrupted
        On Ctrl-C; its ``partial`` is a SweepResult of the values of C that are finished, or None.
    """
    return sweep_task(begin(image_set, options, may_choose=True), observe, checkpoint)


def sweep_task(task: Task, observe: Observer | None = None, checkpoint: Any = None) -> SweepResult:
    """Do what `sweep` does, of a task that `begin` made.

    Raises
    ------
    FitInterrupted
    """
    options = task.options
    assert isinstance(options, SweepOptions)
    estimator = LogisticRegressionCV(
        Cs=list(options.values),
        cv=[validation_of(task)] if task.options.folds is None else folds_of(task),
        rule=options.rule,
        class_weight=class_weight_of(task),
        random_state=options.seed,
        memory_limit=options.memory_limit,
        engine=options.engine,
        pixel_scale=task.pixel_scale,
    )
    try:
        with warnings.catch_warnings(), client_at(options.dask) as estimator.client:
            # a check says so, once and in the words of a sweep
            warnings.simplefilter("ignore", GridEdgeWarning)
            how = {"observe": observe, "checkpoint": checkpoint}
            estimator.fit(task.training_rows, task.training_labels, **how)
    except FitInterrupted as stop:
        raise FitInterrupted(
            None if stop.partial is None else _partial(task, stop.partial)
        ) from None
    path, model = estimator.path_, task.saved_model_of(estimator)
    own = slice(len(task.split.train))  # whose copies were fitted on and never held out
    predictions = task.predictions_of(model, estimator.out_of_fold_[own], estimator.folds_[own])
    pooled, test = predictions.pooled_scores(), predictions.test_scores()
    checks = check_run(task, model, predictions, edge=path.edge, searched=len(path.Cs) > 1)
    return SweepResult(task, path, checks, estimator, model, predictions, pooled, test)


def _partial(task: Task, path: CPath) -> SweepResult:
    # nothing was chosen, at the grid's edge or inside
    return SweepResult(task, path, check_run(task, hurried=True))
