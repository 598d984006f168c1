"""Tables of scores, paths, certificates and models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imlogit.core.certificate import Certificate
from imlogit.estimators.folds import deviation
from imlogit.estimators.logistic_cv import CPath
from imlogit.evaluation.cross_validation import CrossValidation, fold_rows, summary_rows
from imlogit.evaluation.scores import CLASS_FIGURES, Score, Scores
from imlogit.report.table import Align, Column, Table, Wrap, columns, facts_table, numbers
from imlogit.system.text import by, counted, first_of, printable

if TYPE_CHECKING:
    from imlogit.export.writing import Export
    from imlogit.model.fields import SavedModel

# A longer path is shown in parts, unless all of it is asked for.
MOST_CS_SHOWN = 12
NEIGHBOURS = 2


def path_table(path: CPath, *, whole: bool = True) -> Table:
    """Return mean and deviation of log loss and accuracy for each C, the chosen one marked.

    Parameters
    ----------
    path : CPath
    whole : bool, default=True
        Of a long path show all, not only its ends and what lies around the best and the chosen C.
    """
    order = list(path.order())
    shown = order if whole or len(order) <= MOST_CS_SHOWN else _telling(path, order)
    n_folds = len(path.log_loss)
    few = (f"{len(shown)} of {len(order)} values of C are shown: -v shows all, as does sweep.csv.",)
    return Table(
        f"Values of C, {f'{n_folds} folds each' if n_folds > 1 else 'by one part held out'}",
        (
            *numbers("C", "log loss"),
            *numbers("+-", drop=2),
            *numbers("accuracy"),
            *numbers("+-", drop=2),
            *numbers("worst gap", drop=3),
            Column("", wrap=Wrap.NEVER),
        ),
        tuple(_path_row(path, k) for k in shown),
        notes=few if len(shown) < len(order) else (),
    )


def _telling(path: CPath, order: list[int]) -> list[int]:
    """Return the ends of a path and the values around the best and the chosen, in their order."""
    around = {
        order.index(k) + step
        for k in (path.best, path.chosen)
        for step in range(-NEIGHBOURS, NEIGHBOURS + 1)
    }
    places = sorted({0, len(order) - 1} | (around & set(range(len(order)))))
    return [order[place] for place in places]


def _path_row(path: CPath, k: int) -> tuple[str, ...]:
    mark = "best" if k == path.best else ""
    if k == path.chosen and not path.interrupted:
        mark = "chosen"
    figures = [
        figure
        for scores in (path.log_loss, path.accuracy)
        for figure in (scores[:, k].mean(), deviation(scores[:, k]))
    ]
    texts = (f"{figure:.4f}" for figure in figures)
    return (f"{path.Cs[k]:.3g}", *texts, f"{path.gap[k]:.1e}", mark)


def cross_validation_table(result: CrossValidation) -> Table:
    """Return accuracy fold by fold, with mean and deviation."""
    return folds_table(result.to_dict())


def folds_table(found: Mapping[str, Any]) -> Table:
    """Return accuracy fold by fold, of what metrics.json says of a cross-validation."""
    title = f"Cross-validation, {len(found['folds'])} folds of the training images"
    headings = (
        *numbers("fold"),
        *numbers("images", drop=2),
        *numbers("accuracy", "log loss"),
        *numbers("relative gap", drop=1),
    )
    return Table(title, headings, fold_rows(found), summary_rows(found))


def scores_table(scores: Scores, title: str) -> Table:
    """Return all figures of a set of images, the base rate first."""
    headings = (
        Column("score", wrap=Wrap.NEVER),
        *numbers("value"),
        *numbers("95% interval", drop=1),
        Column("by", wrap=Wrap.NEVER, drop=2),
    )
    return Table(title, headings, scores.rows())


def class_table(scores: Scores, names: Sequence[str]) -> Table:
    """Return precision, recall and F1 of every class, with intervals."""
    by_class = scores.by_class()
    images, *figures, f1 = numbers(*CLASS_FIGURES)
    merged = numbers("precision (95%)", "recall (95%)")
    key = Column("class", Align.RIGHT, Wrap.NAME)
    of_which = f", {scores.origin} images" if scores.origin else ""
    title = f"Each class against the rest{of_which}"
    return Table(
        title,
        (key, images, *figures, f1),
        tuple((name, *one.texts()) for name, one in zip(names, by_class, strict=True)),
        shorter=Table(
            title,
            (key, images._replace(drop=2), *merged, f1._replace(drop=3)),
            tuple(
                (name, f"{one.n:,}", _merged(one.precision), _merged(one.recall), one.f1.texts()[0])
                for name, one in zip(names, by_class, strict=True)
            ),
        ),
    )


def _merged(score: Score) -> str:
    """Return a figure and its interval as one short text."""
    if math.isnan(score.value) or score.low is None:
        return score.texts()[0]
    return f"{score.value:.3f} ({score.low:.2f}-{score.high:.2f})"


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
    headings = (
        *numbers("probability"),
        *numbers("images", drop=2),
        *numbers("mean claim", "came true"),
        *numbers("95% interval", drop=1),
    )
    return Table(title, headings, rows)


def confusion_table(scores: Scores, names: Sequence[str]) -> Table:
    """Return the confusion matrix: rows are true, columns predicted.

    With more than two classes the share that is right stands at the end of each row and column.
    Where the matrix does not fit, the most confused pairs take its place.
    """
    rows = [
        (name, *(f"{count:,}" for count in row))
        for name, row in zip(names, scores.confusion.tolist(), strict=True)
    ]
    headings = (Column("true", Align.RIGHT, Wrap.NAME), *numbers(*names))
    summary: tuple[tuple[str, ...], ...] = ()
    if len(names) > 2:
        by_class = scores.by_class()
        rows = [(*row, _short(one.recall)) for row, one in zip(rows, by_class, strict=True)]
        headings += numbers("recall")
        summary = (("precision", *(_short(one.precision) for one in by_class), ""),)
    title = "Confusion matrix: rows are the true classes, columns the predicted"
    return Table(title, headings, tuple(rows), summary, shorter=confused_table(scores, names))


def _short(score: Score) -> str:
    return "-" if math.isnan(score.value) else f"{score.value:.2f}"


def confused_table(scores: Scores, names: Sequence[str], most: int = 8) -> Table:
    """Return the pairs of classes that are confused most often.

    Parameters
    ----------
    scores : Scores
    names : sequence of str
    most : int, default=8
        So many at most.
    """
    wrong = scores.confusion - np.diag(scores.confusion.diagonal())
    places = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(names)) for place in places if wrong.flat[place]]
    totals = scores.confusion.sum(axis=1)
    rows = tuple(
        (names[i], names[j], f"{wrong[i, j]:,}", f"{wrong[i, j] / totals[i]:.1%}") for i, j in pairs
    )
    n_wrong = int(wrong.sum())
    rest = n_wrong - sum(int(wrong[pair]) for pair in pairs)
    note = f"and {counted(rest, 'image')} of other pairs" if rest else ""
    return Table(
        f"Most confused pairs: {n_wrong:,} of {counted(scores.n, 'image')} are taken for another",
        (
            *columns("true", "predicted", align=Align.RIGHT, wrap=Wrap.NAME),
            *numbers("images"),
            *numbers("of the true class", drop=1),
        ),
        rows,
        notes=(note,) if note else (),
    )


def certificate_table(certificate: Certificate) -> Table:
    """Return what is proved about a fit."""
    return facts_table("Certificate of the fit", certificate.in_words(), Align.RIGHT)


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
        ("labels, any number a row" if content.multi_label else "classes"): ", ".join(
            map(printable, content.names)
        ),
        **_facts_of_rest(content),
        "says yes from": "the more probable class"
        if content.threshold is None
        else f"a probability of {content.threshold:.6g}",
        "images": by(shape) if shape else f"{content.coef.shape[1]} features",
        **_facts_of_features(content),
        "fitted on": content.fitted_dtype + (f", {content.data_name}" if content.data_name else ""),
        "pixels times"
        if content.features is None
        else "features times": f"{content.pixel_scale:.8g}"
        + ("" if content.normalize is None else ", after each row was divided by its norm"),
        "weights": f"{weights.size:,} from {weights.min():.3f} to {weights.max():.3f}",
        "intercept": _listed([f"{value:.4f}" for value in content.intercept]),
        "C": certificate["C"],
        "objective": "not finite" if objective is None else f"{objective:.6f}",
        "relative gap": "none (C is inf)" if relative is None else f"{relative:.2e}",
        "status": certificate["status"],
        "SHA-256": content.data_sha256 or "not known",
        "versions": ", ".join(f"{name} {number}" for name, number in content.versions.items()),
    }


def _facts_of_rest(content: SavedModel) -> dict[str, str]:
    """Return what the classes are called that are not looked for, where they are several."""
    if content.rest is None or content.against_rest is None:
        return {}
    return {content.names[0]: first_of(content.rest)}


def _facts_of_features(content: SavedModel) -> dict[str, str]:
    """Return what is made of images before they are multiplied, with the parameters of it."""
    if content.features is None:
        return {}
    steps = [
        " ".join([step["name"], *(f"{key}={value}" for key, value in step["parameters"].items())])
        for step in content.features["steps"]
    ]
    return {"features": f"{content.coef.shape[1]:,}: {printable(', then '.join(steps))}"}


def _listed(texts: Sequence[str]) -> str:
    return f"{len(texts):,}: {first_of(texts)}" if len(texts) > 10 else ", ".join(texts)


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
