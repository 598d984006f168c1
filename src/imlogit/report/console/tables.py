"""Tables of scores, paths, certificates and models."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.table import Table

from imlogit.core.certificate import Certificate
from imlogit.estimators.folds import deviation
from imlogit.estimators.logistic_cv import CPath
from imlogit.evaluate.calibration import Reliability
from imlogit.evaluate.cross_validation import CrossValidation
from imlogit.evaluate.scores import Score, Scores
from imlogit.system.text import by

if TYPE_CHECKING:
    from imlogit.export.writing import Export
    from imlogit.model.fields import SavedModel

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}


def path_table(path: CPath) -> Table:
    """Return mean and deviation of log loss and accuracy for each C, the chosen one marked."""
    table = new_table(f"Values of C, {len(path.log_loss)} folds each")
    for heading in ("C", "log loss", "+-", "accuracy", "+-", "worst gap", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for k in path.order():
        mark = "chosen" if k == path.chosen else "best" if k == path.best else ""
        figures = [
            figure
            for scores in (path.log_loss, path.accuracy)
            for figure in (scores[:, k].mean(), deviation(scores[:, k]))
        ]
        table.add_row(
            f"{path.Cs[k]:.3g}",
            *(f"{figure:.4f}" for figure in figures),
            f"{path.gap[k]:.1e}",
            mark,
        )
    return table


def cross_validation_table(result: CrossValidation) -> Table:
    """Return accuracy fold by fold, with mean and deviation."""
    table = new_table(f"Cross-validation, {len(result.folds)} folds of the training images")
    for heading in ("fold", "images", "accuracy", "log loss", "relative gap"):
        table.add_column(heading, justify="right")
    for number, fold in enumerate(result.folds, start=1):
        table.add_row(
            str(number),
            f"{fold.scores.n:,}",
            f"{fold.scores['accuracy'].value:.4f}",
            f"{fold.scores['log_loss'].value:.4f}",
            f"{fold.certificate.relative_gap:.1e}",
        )
    table.add_section()
    for name, statistic in (("mean", result.mean), ("deviation", result.std)):
        table.add_row(name, "", f"{statistic('accuracy'):.4f}", f"{statistic('log_loss'):.4f}", "")
    return table


def scores_table(scores: Scores, title: str) -> Table:
    """Return all figures of a set of images, the base rate first."""
    table = new_table(title)
    table.add_column("score")
    table.add_column("value", justify="right")
    table.add_column("95% interval", justify="right")
    table.add_column("by")
    table.add_row("base rate", f"{scores.base_rate:.4f}", "", "")
    for name, score in scores.values.items():
        table.add_row(NAMES[name], *cells(score), score.interval or "")
    return table


def class_table(scores: Scores, names: Iterable[str]) -> Table:
    """Return precision, recall and F1 of every class, with intervals."""
    table = new_table(f"Each class against the rest, {scores.origin} images")
    for heading in ("class", "images", "precision", "95% interval", "recall", "95% interval", "F1"):
        named = heading == "class"
        table.add_column(
            heading,
            justify="right",
            no_wrap=not named,
            overflow="fold" if named else "ellipsis",
        )
    for name, one in zip(names, scores.by_class(), strict=True):
        table.add_row(
            name, f"{one.n:,}", *cells(one.precision), *cells(one.recall), cells(one.f1)[0]
        )
    return table


def reliability_table(curve: Reliability, title: str) -> Table:
    """Return what was claimed and what came true, bin by bin."""
    table = new_table(title)
    for heading in ("probability", "images", "mean claim", "came true", "95% interval"):
        table.add_column(heading, justify="right")
    for one in curve.to_dict():
        table.add_row(
            f"{one['from']:.1f} to {one['to']:.1f}",
            f"{one['n']:,}",
            f"{one['claimed']:.4f}",
            f"{one['observed']:.4f}",
            f"{one['low']:.4f} to {one['high']:.4f}",
        )
    return table


def confusion_table(scores: Scores, names: Iterable[str]) -> Table:
    """Return the confusion matrix: rows are true, columns predicted."""
    names = list(names)
    table = new_table("Confusion matrix")
    for heading in (r"true \ predicted", *names):
        table.add_column(heading, justify="right", overflow="fold")
    for name, row in zip(names, scores.confusion.tolist(), strict=True):
        table.add_row(name, *(f"{count:,}" for count in row))
    return table


def certificate_table(certificate: Certificate) -> Table:
    """Return what is proved about a fit."""
    table = new_table("Certificate of the fit")
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_row("objective F", f"{certificate.objective:.6f}")
    table.add_row("duality gap (F - F* is at most)", f"{certificate.gap:.3g}")
    table.add_row("relative gap", f"{certificate.relative_gap:.2e}")
    table.add_row("asked for", f"{certificate.tol:.0e}")
    table.add_row("status", certificate.status)
    table.add_row("passes over the images", str(certificate.passes))
    if certificate.seconds:
        table.add_row("seconds", f"{certificate.seconds:.2f}")
    return table


def model_table(content: SavedModel) -> Table:
    """Return the facts of a model file, for a person."""
    table = new_table("Model")
    table.add_column("what")
    table.add_column("value", overflow="fold")
    for name, value in model_facts(content).items():
        table.add_row(name, value)
    return table


def model_facts(content: SavedModel) -> dict[str, str]:
    """Return the facts of a model file as short texts."""
    shape, weights = content.image_shape, content.coef
    certificate = content.certificate
    relative = certificate["relative_gap"]
    return {
        "looks for": content.positive if content.positive is not None else "each class",
        "classes": ", ".join(content.names),
        "says yes from": "the more probable class"
        if content.threshold is None
        else f"a probability of {content.threshold:.6g}",
        "images": by(shape) if shape else f"{content.coef.shape[1]} features",
        "fitted on": content.fitted_dtype + (f", {content.data_name}" if content.data_name else ""),
        "pixels times": f"{content.pixel_scale:.8g}",
        "weights": f"{weights.size:,} from {weights.min():.3f} to {weights.max():.3f}",
        "intercept": ", ".join(f"{value:.4f}" for value in content.intercept),
        "C": certificate["C"],
        "objective": f"{certificate['objective']:.6f}",
        "relative gap": "none (C is inf)" if relative is None else f"{relative:.2e}",
        "status": certificate["status"],
        "data SHA-256": content.data_sha256 or "not known",
        "versions": ", ".join(f"{name} {number}" for name, number in content.versions.items()),
    }


def cells(score: Score) -> tuple[str, str]:
    """Return a figure and its interval as texts."""
    value = "undefined" if math.isnan(score.value) else f"{score.value:.4f}"
    return value, "" if score.low is None else f"{score.low:.4f} to {score.high:.4f}"


def new_table(title: str, **how: Any) -> Table:
    """Return an empty table in the style of all of them."""
    from rich import box

    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, **how)


def export_table(export: Export) -> Table:
    """Return what was exported, and what running it found."""
    table = new_table("Export")
    table.add_column("what")
    table.add_column("value", overflow="fold")
    table.add_row("format", export.to)
    table.add_row("written to", export.path)
    if export.sidecar is not None:
        table.add_row("names and shape", export.sidecar)
    table.add_row("size", f"{export.n_bytes:,} bytes")
    table.add_row(
        "proof",
        f"run on {export.n_trials} inputs, probabilities differ by up to {export.difference:.1e} "
        f"({export.tolerance:.0e} allowed)",
    )
    return table
