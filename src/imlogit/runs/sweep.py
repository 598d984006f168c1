"""A sweep over C: from a source of images to the choice of C, the reasons, and the model."""

from __future__ import annotations

import csv
import io
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imlogit.checks.finding import Findings
from imlogit.core.solution import Observer
from imlogit.data.image_set import ImageSet
from imlogit.errors import DataError, FitInterrupted
from imlogit.estimators.folds import deviation
from imlogit.estimators.logistic_cv import CPath, LogisticRegressionCV
from imlogit.evaluate.scores import Scores
from imlogit.runs.check import check_run
from imlogit.runs.plan import RunOptions, Task, begin, or_none
from imlogit.runs.predictions import Predictions

SWEEP_VERSION = 1
MOST_CS = 1000
RULES = {
    "best": "the lowest mean log loss",
    "one-standard-error": "the smallest C within one standard error of the lowest mean log loss",
}


@dataclass(frozen=True)
class SweepOptions(RunOptions):
    """What a sweep is asked for."""

    Cs: tuple[float, ...] = ()
    rule: str = "best"


@dataclass(frozen=True, eq=False)
class SweepResult(Task):
    """A finished sweep, or what was finished of it: then there may be no model."""

    options: SweepOptions
    path: CPath
    checks: Findings
    model: LogisticRegressionCV | None = None
    predictions: Predictions | None = None
    pooled: Scores | None = None
    test: Scores | None = None

    @property
    def interrupted(self) -> bool:
        """Whether some values of C are missing."""
        return self.model is None

    def choice(self) -> str:
        """Return which C was chosen and why, and what may be wrong with it, as sentences."""
        path = self.path
        loss = path.log_loss[:, path.chosen]
        said = (
            f"C = {path.chosen_C:.4g} is chosen: {RULES[self.options.rule]} over the folds, "
            f"{loss.mean():.4f} with a deviation of {deviation(loss):.4f}."
        )
        if path.edge is not None:
            side = "largest" if path.edge == "high" else "smallest"
            said += f" The best C is the {side} of the grid: the optimum may lie beyond it."
        return said

    def metrics(self) -> dict[str, Any]:
        """Return everything that was found, for a program; docs/metrics.md describes it."""
        path = self.path
        return {
            "schema": "imlogit.sweep",
            "version": SWEEP_VERSION,
            "interrupted": self.interrupted,
            "data": self.data_metrics(),
            "options": self.option_metrics()
            | {"Cs": list(self.options.Cs), "rule": self.options.rule},
            "classes": list(self.target.names),
            "path": [self._row(k) for k in path.order()],
            "best": float(path.Cs[path.best]),
            "chosen": float(path.chosen_C),
            "edge": path.edge,
            "certificate": None if self.model is None else self.model.certificate_.to_dict(),
            "pooled": None if self.pooled is None else self.pooled.to_dict(),
            "test": None if self.test is None else self.test.to_dict(),
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
        cs = ",".join(map(repr, self.options.Cs))
        return shlex.join([*self.words("sweep"), "--cs", cs, "--rule", self.options.rule])


def sweep(
    image_set: ImageSet, options: SweepOptions, *, observe: Observer | None = None
) -> SweepResult:
    """Cross-validate every C, choose one, and test the model fitted with it.

    Parameters
    ----------
    image_set : ImageSet
    options : SweepOptions
    observe : callable, optional
        Called with a `Progress` after every step.

    Raises
    ------
    DataError
        As `imlogit.runs.plan.begin`, and for a rule that is not known.
    FitInterrupted
        On Ctrl-C; its ``partial`` is a SweepResult of the values of C that are finished, or None.
    """
    if options.rule not in RULES:
        raise DataError(f"--rule {options.rule}: choose one of {', '.join(RULES)}.")
    run = begin(image_set, options)
    model = LogisticRegressionCV(
        Cs=list(options.Cs),
        cv=options.folds,
        rule=options.rule,
        random_state=options.seed,
        engine=options.engine,
    )

    def found(path: CPath, model: LogisticRegressionCV | None = None) -> SweepResult:
        predictions, pooled, test = None, None, None
        if model is not None:
            predictions = run.predictions_of(model, model.out_of_fold_, model.folds_)
            pooled, test = run.scores(predictions)
        return SweepResult(
            image_set=image_set,
            split=run.split,
            target=run.target,
            options=options,
            path=path,
            checks=_checked(run, path, model),
            model=model,
            predictions=predictions,
            pooled=pooled,
            test=test,
        )

    try:
        model.fit(run.training_images, run.training_labels, observe=observe)
    except FitInterrupted as stop:
        raise FitInterrupted(None if stop.partial is None else found(stop.partial)) from None
    return found(model.path_, model)


def _checked(run: Task, path: CPath, model: LogisticRegressionCV | None) -> Findings:
    folds = None if model is None else model.folds_
    return check_run(run, model, folds=folds, edge=path.edge, searched=len(path.Cs) > 1)


def parse_cs(text: str) -> tuple[float, ...]:
    """Return the values of ``FIRST:LAST:COUNT``, evenly spaced in log C, or ``C,C,...``.

    Raises
    ------
    DataError
        For anything else, and for values that are not positive and finite.
    """
    wrong = DataError(
        f"--cs {text}: give FIRST:LAST:COUNT, as in 1e-4:1e2:20, or values with commas between; "
        f"all positive and finite, up to {MOST_CS} of them."
    )
    try:
        if ":" in text:
            first, last, count = text.split(":")
            ends, number = (float(first), float(last)), int(count)
            if not (_all_positive(ends) and 1 <= number <= MOST_CS):
                raise wrong
            return tuple(map(float, np.geomspace(*ends, number)))
        values = tuple(map(float, text.split(",")))
    except ValueError:
        raise wrong from None
    if not _all_positive(values) or len(set(values)) < len(values) or len(values) > MOST_CS:
        raise wrong
    return values


def _all_positive(values: Sequence[float]) -> bool:
    return all(value > 0 and math.isfinite(value) for value in values)
