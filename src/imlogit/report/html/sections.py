"""The named sections of a page, as values; a template of each section's name shows them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imlogit.core.certificate import Certificate
from imlogit.report.console.summaries import words_of_fit
from imlogit.report.console.tables import (
    certificate_table,
    class_table,
    confused_table,
    scores_table,
)
from imlogit.report.html.confusion import MOST_CLASSES, cells_of, confusion_data
from imlogit.report.html.content import PageContent
from imlogit.report.html.fit_charts import (
    MOST_ROWS,
    fold_charts,
    gap_chart,
    path_charts,
)
from imlogit.report.html.lists import check_pictures, doubtful, mistakes, samples
from imlogit.report.html.score_charts import interval_chart, score_charts
from imlogit.report.html.sides import evidence_pictures, weight_pictures
from imlogit.report.table import facts_table
from imlogit.system.text import counted

PAD = "pad"


@dataclass(frozen=True)
class Section:
    """A section: the name of its template, which links lead to, its heading, and what it shows."""

    key: str
    heading: str
    values: dict[str, Any] = field(default_factory=dict)


def sections_of(content: PageContent) -> Iterator[Section]:
    """Yield what a page says, section by section; what there is nothing to say of has none."""
    facts = content.facts
    yield Section("data", "Data", {"samples": samples(content)})
    if facts.checks:
        yield Section("checks", "Checks", {"pictures": check_pictures(content)})
    yield Section("scores", "Scores", _scores(content))
    yield Section("curves", "Curves", {"charts": score_charts(content)})
    yield Section("confusion", "Confusion", _confusion(content))
    if facts.cross_validation is not None:
        yield Section("folds", "Folds", {"charts": fold_charts(facts.cross_validation)})
    if facts.path is not None:
        yield Section("sweep", "Sweep", {"charts": path_charts(facts.path)})
    weights = weight_pictures(content.model)
    if weights:
        more = len(content.model.coef) - len(weights)
        yield Section("weights", "Weights", {"pictures": weights, "more": more})
    sheet, evidence = evidence_pictures(content)
    if evidence:
        yield Section("evidence", "Evidence", {"sheet": sheet, "pictures": evidence})
    yield Section("mistakes", "Mistakes", {"listed": mistakes(content)})
    yield Section(PAD, "Try it")
    yield Section("doubts", "Doubtful labels", {"listed": doubtful(content)})
    yield Section("certificate", "Certificate", _certificate(content))
    versions = facts_table("Versions", content.versions)
    yield Section("again", "How to make it again", {"versions": versions})


def _scores(content: PageContent) -> dict[str, Any]:
    test, names = content.test, content.names
    return {
        "whole": table_of_scores(content),
        "chart": interval_chart(content),
        "by_class": class_table(test, names).cut(MOST_ROWS, "metrics.json")
        if len(names) > 2
        else None,
    }


def _confusion(content: PageContent) -> dict[str, Any]:
    sheet, cells, per_cell = confusion_data(content)
    return {
        "sheet": sheet,
        "per_cell": per_cell,
        "list": cells_of(content),
        "whole": len(content.names) <= MOST_CLASSES,
        "worst": confused_table(content.test, content.names),
        "data": cells,
    }


def _certificate(content: PageContent) -> dict[str, Any]:
    chart, found = gap_chart(content), content.certificate
    return {
        "charts": [] if chart is None else [chart],
        "facts": certificate_table(found),
        "words": words_of_certificate(content),
        "meaning": _meaning(found),
    }


def _meaning(found: Certificate) -> str:
    """Return what a certificate tells a reader."""
    if not found.converged:
        return found.in_short()
    if math.isnan(found.gap):
        return "With C = inf there is no gap: the gradient vanishes."
    return (
        "No other weights have an F that is lower by more than the gap: what the model says "
        "is a matter of the images and of C, not of how long it was fitted."
    )


def table_of_scores(content: PageContent) -> Any:
    """Return all figures of the scored images."""
    test = content.test
    title = counted(test.n, "image" if content.tested == "all" else f"{content.tested} image")
    return scores_table(test, title)


def words_of_certificate(content: PageContent) -> str:
    """Return what is proved of the fit, as a sentence."""
    copies = content.facts.n_copies
    more = f" and {copies:,} copies of them, moved by a pixel" if copies else ""
    return words_of_fit(content.certificate, f"the training images{more}")


def verdict(content: PageContent) -> tuple[str, str]:
    """Return two sentences that anyone understands."""
    test, names = content.test, content.names
    totals, counts = test.confusion.sum(axis=1), test.confusion
    usual = names[int(totals.argmax())]
    base = f"Always answering “{usual}” would be right {_of_100(test.base_rate)} times out of 100."
    accuracy = test["accuracy"]
    if len(names) == 2 and totals[1]:
        called = int(counts[:, 1].sum())
        right = f" and is right {_of_100(counts[1, 1] / called)} times out of 100" if called else ""
        says = " when it says so" if called else ""
        found = _of_100(counts[1, 1] / totals[1])
        return f"It finds {found} of 100 images of “{names[1]}”{right}{says}.", base
    return f"It names the right class for {_of_100(accuracy.value)} of 100 images.", base


def _of_100(share: float) -> str:
    """Return a share in words; what is rounded never says all or none."""
    hundredths = float(np.round(100 * share))
    if hundredths == 100 and share < 1:
        return "more than 99"
    if hundredths == 0 and share > 0:
        return "fewer than 1"
    return f"{hundredths:.0f}"
