"""Tables of scores, paths, certificates and models."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from imlogit.core.certificate import Certificate
from imlogit.estimators.folds import deviation
from imlogit.estimators.logistic_cv import CPath
from imlogit.evaluation.cross_validation import CrossValidation
from imlogit.evaluation.scores import Score, Scores
from imlogit.report.table import Align, Column, Table, Wrap, facts_table, numbers
from imlogit.system.text import by, first_of

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
    headings = ("C", "log loss", "+-", "accuracy", "+-", "worst gap", "")
    rows = []
    for k in path.order():
        mark = "chosen" if k == path.chosen else "best" if k == path.best else ""
        figures = [
            figure
            for scores in (path.log_loss, path.accuracy)
            for figure in (scores[:, k].mean(), deviation(scores[:, k]))
        ]
        texts = (f"{figure:.4f}" for figure in figures)
        rows.append((f"{path.Cs[k]:.3g}", *texts, f"{path.gap[k]:.1e}", mark))
    n_folds = len(path.log_loss)
    title = f"Values of C, {f'{n_folds} folds each' if n_folds > 1 else 'by one part held out'}"
    return Table(title, numbers(*headings, wrap=Wrap.NEVER), tuple(rows))


def cross_validation_table(result: CrossValidation) -> Table:
    """Return accuracy fold by fold, with mean and deviation."""
    rows = tuple(
        (
            str(number),
            f"{fold.scores.n:,}",
            f"{fold.scores['accuracy'].value:.4f}",
            f"{fold.scores['log_loss'].value:.4f}",
            f"{fold.certificate.relative_gap:.1e}",
        )
        for number, fold in enumerate(result.folds, start=1)
    )
    summary = tuple(
        (name, "", f"{statistic('accuracy'):.4f}", f"{statistic('log_loss'):.4f}", "")
        for name, statistic in (("mean", result.mean), ("deviation", result.std))
    )
    title = f"Cross-validation, {len(result.folds)} folds of the training images"
    headings = numbers("fold", "images", "accuracy", "log loss", "relative gap")
    return Table(title, headings, rows, summary)


def scores_table(scores: Scores, title: str) -> Table:
    """Return all figures of a set of images, the base rate first."""
    headings = (Column("score"), *numbers("value", "95% interval"), Column("by"))
    rows = [("base rate", f"{scores.base_rate:.4f}", "", "")]
    for name, score in scores.values.items():
        rows.append((NAMES[name], *cells(score), score.interval or ""))
    return Table(title, headings, tuple(rows))


def class_table(scores: Scores, names: Iterable[str]) -> Table:
    """Return precision, recall and F1 of every class, with intervals."""
    headings = ("images", "precision", "95% interval", "recall", "95% interval", "F1")
    rows = tuple(
        (name, f"{one.n:,}", *cells(one.precision), *cells(one.recall), cells(one.f1)[0])
        for name, one in zip(names, scores.by_class(), strict=True)
    )
    return Table(
        f"Each class against the rest, {scores.origin} images",
        (Column("class", Align.RIGHT, Wrap.LETTERS), *numbers(*headings, wrap=Wrap.NEVER)),
        rows,
    )


def reliability_table(scores: Scores, title: str) -> Table:
    """Return what was claimed and what came true, bin by bin."""
    rows = tuple(
        (
            f"{one['from']:.1f} to {one['to']:.1f}",
            f"{one['n']:,}",
            f"{one['claimed']:.4f}",
            f"{one['observed']:.4f}",
            f"{one['low']:.4f} to {one['high']:.4f}",
        )
        for one in ([] if scores.reliability is None else scores.reliability.to_dict())
    )
    headings = numbers("probability", "images", "mean claim", "came true", "95% interval")
    return Table(title, headings, rows)


def confusion_table(scores: Scores, names: Iterable[str]) -> Table:
    """Return the confusion matrix: rows are true, columns predicted."""
    names = list(names)
    rows = tuple(
        (name, *(f"{count:,}" for count in row))
        for name, row in zip(names, scores.confusion.tolist(), strict=True)
    )
    headings = numbers(r"true \ predicted", *names, wrap=Wrap.LETTERS)
    return Table("Confusion matrix", headings, rows)


def certificate_table(certificate: Certificate) -> Table:
    """Return what is proved about a fit."""
    facts = {
        "objective F": f"{certificate.objective:.6f}",
        "duality gap (F - F* is at most)": f"{certificate.gap:.3g}",
        "relative gap": f"{certificate.relative_gap:.2e}",
        "asked for": f"{certificate.tol:.0e}",
        "status": certificate.status,
        "passes over the images": str(certificate.passes),
    }
    if certificate.seconds:
        facts["seconds"] = f"{certificate.seconds:.2f}"
    headings = (Column("what"), Column("value", Align.RIGHT))
    return Table("Certificate of the fit", headings, tuple(facts.items()))


def model_table(content: SavedModel) -> Table:
    """Return the facts of a model file, for a person."""
    return facts_table("Model", model_facts(content))


def model_facts(content: SavedModel) -> dict[str, str]:
    """Return the facts of a model file as short texts."""
    shape, weights = content.image_shape, content.coef
    certificate = content.certificate
    objective, relative = certificate["objective"], certificate["relative_gap"]
    return {
        "looks for": content.positive if content.positive is not None else "each class",
        "classes": ", ".join(content.names),
        **_facts_of_rest(content),
        "says yes from": "the more probable class"
        if content.threshold is None
        else f"a probability of {content.threshold:.6g}",
        "images": by(shape) if shape else f"{content.coef.shape[1]} features",
        "fitted on": content.fitted_dtype + (f", {content.data_name}" if content.data_name else ""),
        "pixels times": f"{content.pixel_scale:.8g}"
        + ("" if content.normalize is None else ", after each row was divided by its norm"),
        "weights": f"{weights.size:,} from {weights.min():.3f} to {weights.max():.3f}",
        "intercept": ", ".join(f"{value:.4f}" for value in content.intercept),
        "C": certificate["C"],
        "objective": "not finite" if objective is None else f"{objective:.6f}",
        "relative gap": "none (C is inf)" if relative is None else f"{relative:.2e}",
        "status": certificate["status"],
        "data SHA-256": content.data_sha256 or "not known",
        "versions": ", ".join(f"{name} {number}" for name, number in content.versions.items()),
    }


def _facts_of_rest(content: SavedModel) -> dict[str, str]:
    """Return what the classes are called that are not looked for, where they are several."""
    if content.rest is None or content.against_rest is None:
        return {}
    return {content.names[0]: first_of(content.rest)}


def cells(score: Score) -> tuple[str, str]:
    """Return a figure and its interval as texts."""
    if math.isnan(score.value):
        return "undefined", ""
    ends = "too few images" if score.low is None else f"{score.low:.4f} to {score.high:.4f}"
    return f"{score.value:.4f}", ends


def export_table(export: Export) -> Table:
    """Return what was exported, and what running it found."""
    facts = {"format": export.to, "written to": export.path}
    if export.sidecar is not None:
        facts["names and shape"] = export.sidecar
    facts["size"] = f"{export.n_bytes:,} bytes"
    facts["proof"] = (
        f"run on {export.n_trials} inputs, probabilities differ by up to {export.difference:.1e} "
        f"({export.tolerance:.0e} allowed)"
    )
    return facts_table("Export", facts)
