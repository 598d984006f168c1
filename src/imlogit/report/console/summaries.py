"""What `imlogit train` and `imlogit sweep` print."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from imlogit.checks.finding import Findings, Severity, Status, no_estimate
from imlogit.core.certificate import Certificate
from imlogit.evaluation.cross_validation import CrossValidation
from imlogit.evaluation.scores import NAMES, Scores
from imlogit.evaluation.thresholds import Threshold
from imlogit.report.console.findings import print_failed
from imlogit.report.console.label_tables import label_tables, verdict_on_labels
from imlogit.report.console.printing import STYLES, fits, print_table, print_words
from imlogit.report.console.tables import (
    certificate_table,
    class_table,
    confused_table,
    confusion_table,
    cross_validation_table,
    path_table,
    reliability_table,
    scores_table,
)
from imlogit.runs.assess import SEEN
from imlogit.system.text import counted

if TYPE_CHECKING:
    from imlogit.runs.assess import Assessment, LabelAssessment
    from imlogit.runs.plan import Task
    from imlogit.runs.sweep import SweepResult
    from imlogit.runs.train import TrainResult

ALARM = STYLES[Severity.ERROR]
# A matrix of more classes is long, even where it fits.
MOST_CLASSES = 12
# The picture that shows what does not fit.
CONFUSION = "confusion.png"


def print_training(
    console: Console,
    training: TrainResult,
    *,
    verbose: bool = False,
    pictures: Collection[str] = (),
) -> None:
    """Print what a training run found: the verdict, what it rests on, and the verdict again.

    Parameters
    ----------
    console : Console
    training : TrainResult
    verbose : bool, default=False
        Print the long tables, too: folds, out-of-fold scores, classes, calibration, certificate.
    pictures : collection of str
        The names of the files in the run's folder, to which tables that are cut short point.
    """
    names, found = training.task.target.names, training.cross_validation
    copies = _words_of_copies(training.task)
    _print_verdict(console, training.test, names, training.checks, copies)
    console.print()
    if verbose:
        print_table(console, cross_validation_table(found))
        title = f"Out-of-fold, {counted(training.pooled.n, 'training image')}"
        print_table(console, scores_table(training.pooled, title))
    else:
        print_words(console, _words_of_folds(found))
        _print_paragraph(console, words_of_fit(found.estimator.certificate_))
    _print_threshold(console, training.threshold)
    print_table(console, scores_table(training.test, counted(training.test.n, "test image")))
    _print_classes(console, training.test, names, verbose=verbose, pictures=pictures)
    if verbose:
        title = "Calibration, out-of-fold probabilities"
        print_table(console, reliability_table(training.pooled, title))
    if verbose:
        print_table(console, certificate_table(found.estimator.certificate_))
    print_failed(console, training.checks)
    _print_verdict(console, training.test, names, training.checks, copies)


def print_sweep(
    console: Console, sweep: SweepResult, *, verbose: bool = False, pictures: Collection[str] = ()
) -> None:
    """Print what a sweep over C found: the choice and the verdict first, and the verdict last.

    Parameters
    ----------
    console, verbose, pictures
        As of `print_training`.
    sweep : SweepResult
    """
    test, names, copies = sweep.test, sweep.task.target.names, _words_of_copies(sweep.task)
    _print_paragraph(console, sweep.choice(), "bold")
    if test is not None:
        _print_verdict(console, test, names, sweep.checks, copies)
        console.print()
    print_table(console, path_table(sweep.path, whole=verbose))
    if test is not None and sweep.estimator is not None:
        title = f"{counted(test.n, 'test image')}, the model at C = {sweep.path.chosen_C:.4g}"
        print_table(console, scores_table(test, title))
        if verbose:
            _print_classes(console, test, names, verbose=verbose, pictures=pictures)
        if verbose:
            print_table(console, certificate_table(sweep.estimator.certificate_))
        else:
            _print_paragraph(console, words_of_fit(sweep.estimator.certificate_))
    print_failed(console, sweep.checks)
    if test is not None:
        _print_verdict(console, test, names, sweep.checks, copies)


def print_assessment(console: Console, found: Assessment, *, verbose: bool = False) -> None:
    """Print how good a model is on some images, and which these are."""
    images, names = found.image_set, found.names
    print_words(console, f"{images.name}, {images.origin}: {found.part.words}.")
    if found.seen:
        print_words(
            console,
            SEEN,
        )
    console.print()
    verdict = _verdict(found.scores, names, "these")
    _print_paragraph(console, verdict, "bold")
    print_table(console, scores_table(found.scores, counted(found.scores.n, "image")))
    _print_classes(console, found.scores, names, verbose=verbose)
    if verbose:
        print_table(console, reliability_table(found.scores, "Calibration"))
    print_words(console, verdict, "bold")
    if found.seen:
        print_words(console, no_estimate(["the model was fitted on some of them."]), ALARM)


def print_label_assessment(console: Console, found: LabelAssessment) -> None:
    """Print how good a model of labels is on some rows, and which these are."""
    print_words(console, f"{found.features.name}, {found.features.origin}: {found.part.words}.")
    if found.seen:
        print_words(console, SEEN)
    console.print()
    figures = found.figures.to_dict()
    for one in label_tables(figures):
        print_table(console, one)
    print_words(console, f"Here {verdict_on_labels(figures)}", "bold")
    if found.seen:
        print_words(console, no_estimate(["the model was fitted on some of them."]), ALARM)


def _print_verdict(
    console: Console, test: Scores, names: Sequence[str], checks: Findings, copies: str
) -> None:
    """Print how often the model is right, what was promised of it, and whether that is so."""
    print_words(console, _verdict(test, names) + copies, "bold")
    promise = checks["promise"]
    if promise.status is not Status.NOT_APPLICABLE:
        bad = promise.status is not Status.PASSED
        print_words(console, promise.sentence, STYLES[promise.severity] if bad else "")
    for sentence in checks.no_estimate():
        print_words(console, sentence, ALARM)


def _words_of_copies(task: Task) -> str:
    """Return what is to be known of copies that were fitted on, too; nothing where none were."""
    if not task.options.n_copies:
        return ""
    n_images = len(task.split.train)
    return (
        f" It was fitted on {n_images:,} images and {task.options.n_copies * n_images:,} copies of "
        "them, moved by a pixel; figures count no copies."
    )


def _print_paragraph(console: Console, words: str, style: str = "") -> None:
    print_words(console, words, style)
    console.print()


def _print_classes(
    console: Console,
    scores: Scores,
    names: Sequence[str],
    *,
    verbose: bool,
    pictures: Collection[str] = (),
) -> None:
    """Print which classes are taken for which, whole where that is short or asked for."""
    few = len(names) <= MOST_CLASSES
    table = confusion_table(scores, names) if few or verbose else confused_table(scores, names)
    if CONFUSION in pictures and not fits(console, table):
        table = replace(table, notes=(*table.notes, f"All counts: {CONFUSION} in the run's folder"))
    print_table(console, table)
    if len(names) > 2 and verbose:
        print_table(console, class_table(scores, names))


def _words_of_folds(found: CrossValidation) -> str:
    figures = "; ".join(
        f"{NAMES[name]} {found.mean(name):.4f}, deviation {found.std(name):.4f}"
        for name in ("accuracy", "log_loss")
    )
    folds = counted(len(found.folds), "fold")
    return (
        f"Cross-validation, {folds} of the training images: base rate "
        f"{found.pooled.base_rate:.4f}; {figures}."
    )


def words_of_fit(certificate: Certificate, images: str = "all of them") -> str:
    """Return what is proved of the fit on some images, as a sentence."""
    passes = counted(certificate.passes, "pass", "passes")
    return (
        f"The fit on {images}: {certificate.status}, relative gap "
        f"{certificate.relative_gap:.1e} ({certificate.tol:.0e} asked for), {passes} over the "
        "images."
    )


def _print_threshold(console: Console, threshold: Threshold | None) -> None:
    """Print which threshold was chosen for what, and what it reaches."""
    if threshold is None:
        return
    figures = ", ".join(
        f"{name} {one.value:.4f} ({one.low:.4f} to {one.high:.4f})"
        for name, one in (("precision", threshold.precision), ("recall", threshold.recall))
    )
    _print_paragraph(
        console,
        f"The threshold is {threshold.value:.4f}, for a {threshold.wanted} of at least "
        f"{threshold.at_least:g}, {_how_far(threshold)}. Out of fold: {figures}. The "
        "figures of the test images below are at this threshold, and the model file holds it.",
    )


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
        f"{which} images; this model is right for {accuracy.value:.2%} "
        f"(95% interval {accuracy.low:.2%} to {accuracy.high:.2%})."
    )
