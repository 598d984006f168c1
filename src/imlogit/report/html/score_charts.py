"""Charts of how good a model is: ROC, precision and recall, calibration."""

from __future__ import annotations

import numpy as np

from imlogit.arrays import Floats
from imlogit.evaluation.curve_areas import curve_points
from imlogit.evaluation.scores import NAMES
from imlogit.report.console.tables import reliability_table
from imlogit.report.html.charts import SIDE, UNIT, Axis, Chart, Line, Mark
from imlogit.report.html.content import PageContent
from imlogit.report.pictures.curves import PRECISION_RECALL, ROC, STEPS, Kind, Part
from imlogit.report.table import Table, numbers

MOST_POINTS = 160
BEST_AT_1 = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "average_precision",
)
# Of a name at the left of its row.
NAME_ROOM, ROW = 142, 27
DIAGONAL = np.array(UNIT)


def score_charts(content: PageContent) -> list[Chart]:
    """Return the curves of the scored images, and of those that folds held out."""
    return [
        _curve(content, ROC),
        _curve(content, PRECISION_RECALL),
        # the last part is what the table of the terminal is about
        _calibration(content.parts[-1]),
    ]


def interval_chart(content: PageContent) -> Chart:
    """Return every figure that is best at 1, with its interval, beside the base rate."""
    test = content.test
    known = [(NAMES[name], test[name]) for name in test.values if name in BEST_AT_1]
    known = [(words, score) for words, score in known if not np.isnan(score.value)]
    marks = tuple(
        Mark(score.value, -row, score.low, score.high)
        for row, (_, score) in enumerate(known, start=1)
    )
    ends = [end for one in marks for end in (one.x, one.low, one.high) if end is not None]
    across = Axis.around("value", np.array([*ends, test.base_rate]))
    names = [(0.0, "base rate"), *((-float(row), words) for row, (words, _) in enumerate(known, 1))]
    up = Axis("figure", -len(known) - 0.6, 0.6, named=tuple(names))
    lines = (
        Line.dots("a figure of the model, with its 95% interval", marks),
        Line.dots(
            "base rate: always the most frequent answer", (Mark(test.base_rate, 0.0),), "second"
        ),
    )
    high = ROW * (len(known) + 1)
    title = "Figures and intervals"
    return Chart(title, across, up, lines, None, left=NAME_ROOM, high=high, sideways=True)


def _curve(content: PageContent, kind: Kind) -> Chart:
    at = np.linspace(0, 1000, 11).astype(int)
    lines, columns = [], []
    for part, style in zip(content.parts, ("first", "second"), strict=False):
        x, y = _averaged(part, kind)
        shown = part.scores[kind.figure].value
        lines.append(Line(f"{part.words}, {kind.words} {shown:.4f}", style, *_thin(x, y)))
        columns.append(np.interp(STEPS, x, y)[at])
    if kind is ROC:
        lines.append(Line("chance", "guide", DIAGONAL, DIAGONAL))
    rows = tuple(
        (f"{STEPS[k]:.1f}", *(f"{column[n]:.4f}" for column in columns)) for n, k in enumerate(at)
    )
    headings = numbers(kind.across.split(":")[0], *(one.words for one in content.parts))
    table = Table(f"{kind.title}: {kind.up.split(':')[0]}", headings, rows)
    across, up = Axis(kind.across, *UNIT), Axis(kind.up, *UNIT)
    return Chart(kind.title, across, up, tuple(lines), table, high=SIDE)


def _calibration(part: Part) -> Chart:
    """Return what came true over what was claimed, with intervals."""
    title = f"Calibration, {part.words} images"
    found = [] if part.scores.reliability is None else part.scores.reliability.to_dict()
    marks = tuple(
        Mark(one["claimed"], one["observed"], one["low"], one["high"]) for one in found if one["n"]
    )
    lines = (
        Line.dots(f"{part.words}, with 95% intervals", marks),
        Line("as was claimed", "guide", DIAGONAL, DIAGONAL),
    )
    across = Axis("probability that the model claimed", *UNIT)
    up = Axis("share that came true", *UNIT)
    table = reliability_table(part.scores, title)
    return Chart("Calibration", across, up, lines, table, high=SIDE)


def _averaged(part: Part, kind: Kind) -> tuple[Floats, Floats]:
    """Return a part's curve; of several classes the mean over those that have images."""
    n_classes = part.probabilities.shape[1]
    if n_classes == 2:
        return kind.line(curve_points(part.codes == 1, part.probabilities[:, 1]))
    heights = [
        kind.at_steps(*kind.line(curve_points(part.codes == k, part.probabilities[:, k])))
        for k in range(n_classes)
        if 0 < (part.codes == k).sum() < len(part.codes)
    ]
    return STEPS, np.mean(heights, axis=0)


def _thin(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    keep = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(int))
    return x[keep], y[keep]
