"""What `imlogit train` and `imlogit sweep` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from imlogit.checks.finding import Findings, Severity, Status
from imlogit.evaluation.scores import Scores
from imlogit.evaluation.thresholds import Threshold
from imlogit.report.console.findings import print_failed
from imlogit.report.console.printing import STYLES, print_table
from imlogit.report.console.tables import (
    certificate_table,
    class_table,
    confusion_table,
    cross_validation_table,
    path_table,
    reliability_table,
    scores_table,
)
from imlogit.report.table import facts_table

if TYPE_CHECKING:
    from imlogit.runs.assess import Assessment
    from imlogit.runs.sweep import SweepResult
    from imlogit.runs.train import TrainResult

ALARM = STYLES[Severity.ERROR]


def print_training(console: Console, training: TrainResult) -> None:
    """Print what a training run found, as short tables."""
    print_table(console, facts_table("Images", training.task.facts()))
    print_table(console, cross_validation_table(training.cross_validation))
    names = training.task.target.names
    title = f"Out-of-fold, training images ({training.pooled.n:,})"
    print_table(console, scores_table(training.pooled, title))
    _print_threshold(console, training.threshold)
    print_table(console, scores_table(training.test, f"Test images ({training.test.n:,})"))
    print_table(console, confusion_table(training.test, names))
    if len(names) > 2:
        print_table(console, class_table(training.test, names))
    print_table(
        console,
        reliability_table(training.pooled, "Calibration, out-of-fold probabilities"),
    )
    print_table(console, certificate_table(training.cross_validation.estimator.certificate_))
    print_failed(console, training.checks)
    _print_verdict(console, training.test, names, training.checks)


def print_sweep(console: Console, sweep: SweepResult) -> None:
    """Print what a sweep over C found, as short tables."""
    print_table(console, facts_table("Images", sweep.task.facts()))
    print_table(console, path_table(sweep.path))
    console.print(sweep.choice())
    console.print()
    print_failed(console, sweep.checks)
    if sweep.test is not None and sweep.estimator is not None:
        title = f"Test images ({sweep.test.n:,}), the model at C = {sweep.path.chosen_C:.4g}"
        print_table(console, scores_table(sweep.test, title))
        print_table(console, certificate_table(sweep.estimator.certificate_))
        _print_verdict(console, sweep.test, sweep.task.target.names, sweep.checks)


def print_assessment(console: Console, found: Assessment) -> None:
    """Print how good a model is on some images, and which these are."""
    images, names = found.image_set, found.names
    console.print(f"{images.name}, {images.origin}: {found.part.words}.", soft_wrap=True)
    if found.seen:
        console.print(
            "The model was fitted on images of this very source, which are among these: the "
            "figures are better than for images that it has not seen.",
        )
    console.print()
    print_table(console, scores_table(found.scores, f"{found.scores.n:,} images"))
    print_table(console, confusion_table(found.scores, names))
    if len(names) > 2:
        print_table(console, class_table(found.scores, names))
    print_table(console, reliability_table(found.scores, "Calibration"))
    console.print(_verdict(found.scores, names, "these"))
    if found.seen:
        console.print(_no_estimate(["the model was fitted on some of them."]), style=ALARM)


def _print_verdict(console: Console, test: Scores, names: Sequence[str], checks: Findings) -> None:
    """Print how often the model is right, what was promised of it, and whether that is so."""
    console.print(_verdict(test, names))
    promise = checks["promise"]
    if promise.status is not Status.NOT_APPLICABLE:
        bad = promise.status is not Status.PASSED
        console.print(promise.sentence, style=STYLES[promise.severity] if bad else "")
    if checks.void:
        console.print(_no_estimate([one.sentence for one in checks.void]), style=ALARM)


def _no_estimate(reasons: Sequence[str]) -> str:
    return (
        "These figures are no estimate of how often the model is right for images that it has not "
        f"seen: {' '.join(one[:1].lower() + one[1:] for one in reasons)}"
    )


def _print_threshold(console: Console, threshold: Threshold | None) -> None:
    """Print which threshold was chosen for what, and what it reaches."""
    if threshold is None:
        return
    figures = ", ".join(
        f"{name} {one.value:.4f} ({one.low:.4f} to {one.high:.4f})"
        for name, one in (("precision", threshold.precision), ("recall", threshold.recall))
    )
    console.print(
        f"The threshold is {threshold.value:.4f}, for a {threshold.wanted} of at least "
        f"{threshold.at_least:g}, {_how_far(threshold)}. Out of fold: {figures}. The "
        "figures of the test images below are at this threshold, and the model file holds it."
    )
    console.print()


def _how_far(threshold: Threshold) -> str:
    if threshold.reached:
        return "which the lower end of its 95% interval reaches"
    if threshold.estimated:
        return (
            "which the estimate reaches, but no threshold does with the lower end of its interval: "
            "that is no promise, new images miss it in about half of all cases"
        )
    return "which no threshold reaches; this one comes closest"


def _verdict(test: Scores, names: Sequence[str], which: str = "the test") -> str:
    accuracy = test["accuracy"]
    most_frequent = names[int(test.confusion.sum(axis=1).argmax())]
    return (
        f"Always answering {most_frequent!r} is right for {test.base_rate:.2%} of "
        f"{which} images; this model is for {accuracy.value:.2%} "
        f"(95% interval {accuracy.low:.2%} to {accuracy.high:.2%})."
    )
