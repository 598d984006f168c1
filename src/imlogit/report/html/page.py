"""The page of a run: one file that asks for nothing, whatever is in it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from imlogit.evaluation.scores import NAMES
from imlogit.report.console.tables import (
    class_table,
    confused_table,
    reliability_table,
    scores_table,
)
from imlogit.report.html.charts import LEFT, SIDE, TICKS, TOP, calibration, curves
from imlogit.report.html.confusion import MOST_CLASSES, cells_of, confusion_data
from imlogit.report.html.content import RunContent
from imlogit.report.html.lists import check_pictures, doubtful, mistakes, samples
from imlogit.report.html.pad import pad_section
from imlogit.report.html.weights import weight_pictures
from imlogit.report.table import Table, facts_table, numbers, plain_text
from imlogit.system.plain_json import to_printable_json
from imlogit.system.text import counted

HERE = Path(__file__).parent
FILE_NAME = "report.html"


def page_of(content: RunContent) -> str:
    """Return the page, the same text for the same run.

    Parameters
    ----------
    content : RunContent

    Returns
    -------
    str
        HTML.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain_text
    pad = pad_section(content.model)
    style, script = _static("page.css") + pad.style, _static("page.js")
    template = environment.get_template("page.html.j2")
    return template.render(
        content=content,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hashes=" ".join(map(_hash, (*pad.scripts, script))),
        pad=pad,
        pad_data=to_printable_json(pad.data).replace("<", "\\u003c"),
        chart={"left": LEFT, "top": TOP, "side": SIDE, "ticks": TICKS},
        **_parts(content),
    )


def _parts(content: RunContent) -> dict[str, Any]:
    """Return what the template shows, section by section."""
    test, names = content.test, content.names
    sheet, cells, per_cell = confusion_data(content)
    last = content.parts[-1]
    reliability = reliability_table(last.scores, f"Calibration, {last.words} images")
    return {
        "verdict": verdict(content),
        "void": [one["sentence"] for one in content.metrics["checks"] if one["void"]],
        "samples": samples(content),
        "checks": check_pictures(content),
        "score_table": scores_table(test, counted(test.n, "test image")),
        "class_table": class_table(test, names) if len(names) > 2 else None,
        "charts": [*curves(content), calibration(last, reliability)],
        "confusion": {
            "sheet": sheet,
            "per_cell": per_cell,
            "list": cells_of(content),
            "whole": len(names) <= MOST_CLASSES,
            "worst": confused_table(test, names),
            "data": cells,
        },
        "folds": _folds(content.metrics),
        "sweep": _sweep(content.metrics),
        "weights": weight_pictures(content.model),
        "mistakes": mistakes(content),
        "doubts": doubtful(content),
        "certificate": _certificate(content.metrics["certificate"]),
        "versions": facts_table("Versions", content.metrics["versions"]),
    }


def verdict(content: RunContent) -> tuple[str, str]:
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


def _folds(metrics: dict[str, Any]) -> Table | None:
    if "cross_validation" not in metrics:
        return None
    rows = tuple(
        (
            str(number),
            f"{one['n']:,}",
            *(_figure(one["values"][name]["value"]) for name in ("accuracy", "log_loss")),
            _gap(one["certificate"]["relative_gap"]),
        )
        for number, one in enumerate(metrics["cross_validation"]["folds"], start=1)
    )
    headings = numbers("fold", "images", NAMES["accuracy"], NAMES["log_loss"], "relative gap")
    return Table("Cross-validation, fold by fold", headings, rows)


def _sweep(metrics: dict[str, Any]) -> Table | None:
    if "path" not in metrics:
        return None
    rows = tuple(
        (
            f"{one['C']:.3g}",
            _figure(one["log_loss_mean"]),
            _figure(one["accuracy_mean"]),
            _gap(one["relative_gap"]),
            "chosen" if one["C"] == metrics["chosen"] else "",
        )
        for one in metrics["path"]
    )
    headings = (*numbers("C", "log loss", "accuracy", "worst gap"), *numbers("choice"))
    return Table("Values of C", headings, rows)


def _certificate(facts: dict[str, Any]) -> Table:
    shown = {
        "status": str(facts["status"]),
        "objective F": _figure(facts["objective"]),
        "duality gap (F - F* is at most)": _gap(facts["gap"]),
        "relative gap": _gap(facts["relative_gap"]),
        "asked for": _gap(facts["tol"]),
        "passes over the images": f"{facts['passes']:,}",
    }
    return facts_table("Certificate of the fit", shown)


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _gap(value: float | None) -> str:
    return "none" if value is None else f"{value:.1e}"


def _static(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
