"""The lists of a page: samples, images of checks, mistakes and doubtful labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from imlogit.evaluation.doubts import find_doubts
from imlogit.report.html.content import RunContent
from imlogit.report.html.sprites import Sheet, sheet_of
from imlogit.system.text import spreadsheet_text

MOST_LISTED, MOST_CLASSES, PER_CLASS = 24, 20, 10


class Tiles(NamedTuple):
    """Images below a heading, each with its caption."""

    heading: str
    tiles: list[tuple[int, str]]
    more: str = ""


def samples(content: RunContent) -> tuple[Sheet, list[Tiles], int]:
    """Return random images of each class, and how many classes are not shown."""
    rng = np.random.default_rng(content.metrics["options"].get("seed", 0))
    images, groups = content.images, []
    for code, name in enumerate(images.class_names[:MOST_CLASSES]):
        rows = np.flatnonzero(images.labels == code)
        drawn = np.sort(rng.permutation(rows)[:PER_CLASS]).tolist()
        tiles = [(row, content.file_of(row)) for row in drawn]
        groups.append(Tiles(name, tiles, f"{len(rows):,} images"))
    sheet = sheet_of("samples", images, [row for one in groups for row, _ in one.tiles])
    return sheet, groups, max(0, images.n_classes - MOST_CLASSES)


def check_pictures(content: RunContent) -> tuple[Sheet, dict[str, Tiles]]:
    """Return the images that failed checks name, by the check's code."""
    groups = {}
    for one in content.metrics["checks"]:
        rows = [(int(row), f"{part} row {row}") for e in one["exhibits"] for part, row in e["rows"]]
        if one["status"] == "failed" and rows:
            n = len(rows) - MOST_LISTED
            more = f"{n:,} more in findings.png or metrics.json" if n > 0 else ""
            groups[one["code"]] = Tiles(one["code"], rows[:MOST_LISTED], more)
    drawn = [row for one in groups.values() for row, _ in one.tiles]
    return sheet_of("checks", content.images, drawn), groups


def mistakes(content: RunContent) -> tuple[Sheet, list[dict[str, Any]], int]:
    """Return the worst mistakes in the test, the surest first, and how many there are in all."""
    kept = content.predictions
    wrong = np.flatnonzero(content.answers != kept.test_codes)
    p = kept.test_probabilities
    margins = p[wrong, kept.test_codes[wrong]] - p[wrong, content.answers[wrong]]
    order = np.argsort(margins, kind="stable")[:MOST_LISTED]
    rows = kept.test_rows[wrong[order]].tolist()
    listed = [
        {
            "row": row,
            "name": content.file_of(row),
            "true": content.names[kept.test_codes[place]],
            "answer": content.names[content.answers[place]],
            "margin": float(margin),
        }
        for row, place, margin in zip(rows, wrong[order], margins[order], strict=True)
    ]
    return sheet_of("mistakes", content.images, rows), listed, len(wrong)


def doubtful(content: RunContent) -> tuple[Sheet, list[dict[str, Any]], int]:
    """Return the most doubtful training labels, and how many are counted as wrong."""
    kept, names = content.predictions, content.names
    if not (kept.train_folds >= 0).any():
        return sheet_of("doubts", content.images, []), [], 0
    found = find_doubts(kept.train_codes, kept.train_probabilities)
    rows = kept.train_rows[found.rows[:MOST_LISTED]].tolist()
    listed = [
        {
            "row": row,
            "name": content.file_of(row),
            "given": names[found.given[k]],
            "suggested": names[found.suggested[k]],
            "trust": float(found.trust[k]),
            "csv": [
                str(row),
                *map(
                    spreadsheet_text,
                    (
                        kept.names[row] if len(kept.names) else "",
                        names[found.given[k]],
                        names[found.suggested[k]],
                    ),
                ),
            ],
        }
        for k, row in enumerate(rows)
    ]
    return sheet_of("doubts", content.images, rows), listed, int(found.confident.sum())
