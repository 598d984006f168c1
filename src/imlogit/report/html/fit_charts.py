"""Charts of the fits: folds, values of C, and how the gap was closed."""

from __future__ import annotations

from typing import Any

import numpy as np

from imlogit.arrays import Floats
from imlogit.estimators.folds import deviation
from imlogit.estimators.logistic_cv import CPath
from imlogit.evaluation.scores import NAMES
from imlogit.report.console.tables import folds_table, path_table
from imlogit.report.html.charts import Axis, Band, Chart, Line, Mark
from imlogit.report.html.content import PageContent
from imlogit.report.table import Table, numbers

# More than these lie too close to be told apart, or weigh too much.
MOST_MARKS, MOST_DOTS, MOST_ROWS = 40, 200, 200


def fold_charts(found: dict[str, Any]) -> list[Chart]:
    """Return what each fold scored, of what metrics.json says of a cross-validation."""
    accuracy = _by_fold(found, "accuracy", found["pooled"]["base_rate"])
    return [one for one in (accuracy, _by_fold(found, "log_loss")) if one is not None]


def _by_fold(found: dict[str, Any], name: str, base: float | None = None) -> Chart | None:
    """Return one figure of every fold, with what always giving one answer would score.

    None where there is neither.
    """
    scores, words = [fold["values"][name] for fold in found["folds"]], NAMES[name]
    marks = tuple(
        Mark(number, one["value"], one["low"], one["high"])
        for number, one in enumerate(scores[:MOST_DOTS], start=1)
        if one["value"] is not None
    )
    mean = found["mean"][name]
    ends = [end for one in marks for end in (one.y, one.low, one.high) if end is not None]
    levels = [one for one in (mean, base) if one is not None]
    if not ends and not levels:
        return None
    across = Axis("fold", 0.4, len(scores[:MOST_DOTS]) + 0.6, whole=True)
    up = Axis.around(f"{words} of the images that were held out", np.array([*ends, *levels]))
    with_interval = any(one.low is not None for one in marks)
    what = "a fold, with the 95% interval of its images" if with_interval else "a fold"
    lines = [Line.dots(what, marks)]
    if mean is not None:
        lines.append(Line.level(f"mean of the folds, {mean:.4f}", "second", across, mean))
    if base is not None:
        lines.append(Line.level(f"base rate, {base:.4f}", "guide", across, base))
    title = f"{words.capitalize()}, fold by fold"
    return Chart(title, across, up, tuple(lines), folds_table(found).cut(MOST_ROWS, "metrics.json"))


def path_charts(path: CPath) -> list[Chart]:
    """Return the log loss and the accuracy over C, with what was chosen."""
    table = path_table(path).cut(MOST_ROWS, "sweep.csv")
    return [
        _over_C("Log loss over C", "log loss", path, path.log_loss, table),
        _over_C("Accuracy over C", "accuracy", path, path.accuracy, table),
    ]


def flat_part(path: CPath) -> tuple[float, float] | None:
    """Return from which C to which the log loss is within one standard error of the lowest.

    None where a single part was held out, which has no standard error.
    """
    loss = path.log_loss
    error = deviation(loss[:, path.best]) / np.sqrt(len(loss))
    if np.isnan(error):
        return None
    order = path.order()
    near = loss.mean(axis=0)[order] <= loss[:, path.best].mean() + error
    first = last = int(np.flatnonzero(order == path.best)[0])
    while first > 0 and near[first - 1]:
        first -= 1
    while last < len(order) - 1 and near[last + 1]:
        last += 1
    return float(path.Cs[order[first]]), float(path.Cs[order[last]])


def _over_C(  # noqa: N802
    title: str, what: str, path: CPath, scores: Floats, table: Table
) -> Chart:
    order = path.order()
    Cs, mean = path.Cs[order], scores.mean(axis=0)[order]
    spread = np.array([deviation(scores[:, k]) for k in order])
    ends = np.r_[mean, mean - spread, mean + spread]
    across = Axis.around("C, on a logarithmic scale", Cs, log=True)
    up = Axis.around(f"{what} of the images that were held out", ends[np.isfinite(ends)])
    bands = []
    flat = flat_part(path)
    if flat is not None and flat[0] < flat[1]:
        low, high = (np.full(2, end) for end in (up.low, up.high))
        words = f"log loss within one standard error of the lowest: C from {flat[0]:.3g} to "
        bands.append(Band(f"{words}{flat[1]:.3g}", "flat", np.array(flat), low, high))
    if np.isfinite(spread).all():
        words = "one deviation of the folds to either side"
        bands.append(Band(words, "spread", Cs, mean - spread, mean + spread))
    marks = tuple(Mark(C, y) for C, y in zip(Cs.tolist(), mean.tolist(), strict=True))
    chosen = np.full(2, path.chosen_C)
    lines = (
        Line(f"mean {what}", "first", Cs, mean, marks if len(marks) <= MOST_MARKS else ()),
        Line(f"chosen, C = {path.chosen_C:.3g}", "guide", chosen, np.array([up.low, up.high])),
    )
    return Chart(title, across, up, lines, table, tuple(bands))


def gap_chart(content: PageContent) -> Chart | None:
    """Return the relative gap before each step of the fit; None where it is not known."""
    gaps = np.array(content.facts.gaps, dtype=np.float64)
    positive = gaps[gaps > 0]
    if len(positive) < 2:
        return None
    tol = content.certificate.tol
    shown = np.unique(np.linspace(0, len(gaps) - 1, MOST_ROWS).astype(int))
    steps, heights = shown.astype(np.float64), np.maximum(gaps[shown], positive.min())
    across = Axis(
        "steps of the fit", -0.02 * len(gaps), len(gaps) - 1 + 0.02 * len(gaps), whole=True
    )
    up = Axis.around("relative gap, on a logarithmic scale", np.r_[heights, tol], log=True)
    marks = tuple(Mark(x, y) for x, y in zip(steps.tolist(), heights.tolist(), strict=True))
    lines = (
        Line(
            "at most so far above the optimum, as a share of F",
            "first",
            steps,
            heights,
            marks if len(marks) <= MOST_MARKS else (),
        ),
        Line.level(f"asked for, {tol:.0e}", "guide", across, tol),
    )
    rows = tuple((str(step), f"{gaps[step]:.2e}") for step in shown.tolist())
    table = Table("Relative gap, step by step", numbers("steps", "relative gap"), rows)
    return Chart("How the gap was closed", across, up, lines, table)
