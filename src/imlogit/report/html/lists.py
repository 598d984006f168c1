"""The lists of a page: samples, images of checks, mistakes and doubtful labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from imlogit.arrays import Floats, Rows
from imlogit.evaluation.doubts import find_doubts
from imlogit.report.html.content import PageContent
from imlogit.report.html.sprites import Sheet, sheet_of
from imlogit.system.text import spreadsheet_text

MOST_LISTED, MOST_CLASSES, PER_CLASS = 24, 20, 10


class Tiles(NamedTuple):
    """Images below a heading, each with its caption."""

    heading: str
    tiles: list[tuple[int, str]]
    more: str = ""


def samples(content: PageContent) -> tuple[Sheet, list[Tiles], int]:
    """Return random images of each class, and how many classes are not shown."""
    rng = np.random.default_rng(content.facts.seed)
    images, groups = content.images, []
    for code, name in enumerate(images.class_names[:MOST_CLASSES]):
        rows = np.flatnonzero(images.labels == code)
        drawn = np.sort(rng.permutation(rows)[:PER_CLASS]).tolist()
        tiles = [(row, content.file_of(row)) for row in drawn]
        groups.append(Tiles(name, tiles, f"{len(rows):,} images"))
    sheet = sheet_of("samples", images, [row for one in groups for row, _ in one.tiles])
    return sheet, groups, max(0, images.n_classes - MOST_CLASSES)


def check_pictures(content: PageContent) -> tuple[Sheet, dict[str, Tiles]]:
    """Return the images that failed checks name, by the check's code."""
    groups = {}
    for one in content.facts.checks:
        rows = [(row, f"{part} row {row}") for e in one.exhibits for part, row in e.rows]
        if one.failed and rows:
            n = len(rows) - MOST_LISTED
            more = f"{n:,} more in findings.png or metrics.json" if n > 0 else ""
            groups[one.code] = Tiles(one.code, rows[:MOST_LISTED], more)
    drawn = [row for one in groups.values() for row, _ in one.tiles]
    return sheet_of("checks", content.images, drawn), groups


def mistakes(content: PageContent) -> tuple[Sheet, list[dict[str, Any]], int]:
    """Return the worst mistakes in the test, the surest first, and how many there are in all."""
    kept, wrong = content.predictions, surest_mistakes(content)
    places = wrong[:MOST_LISTED]
    rows = kept.test_rows[places].tolist()
    listed = [
        {
            "row": row,
            "name": content.file_of(row),
            "true": content.names[kept.test_codes[place]],
            "answer": content.names[content.answers[place]],
            "margin": float(margin),
        }
        for row, place, margin in zip(rows, places, _margins(content, places), strict=True)
    ]
    return sheet_of("mistakes", content.images, rows), listed, len(wrong)


def surest_mistakes(content: PageContent) -> Rows:
    """Return the places of all mistakes in the test, the surest first."""
    wrong = np.flatnonzero(content.answers != content.predictions.test_codes)
    return wrong[np.argsort(_margins(content, wrong), kind="stable")]


def _margins(content: PageContent, places: Rows) -> Floats:
    """Return the probability of the own class less that of the answer."""
    kept = content.predictions
    p = kept.test_probabilities[places]
    every = np.arange(len(places))
    margins: Floats = p[every, kept.test_codes[places]] - p[every, content.answers[places]]
    return margins


def doubtful(content: PageContent) -> tuple[Sheet, list[dict[str, Any]], int]:
    """Return the most doubtful labels, and how many are counted as wrong."""
    kept, names = content.predictions, content.names
    if content.judged is None:
        return sheet_of("doubts", content.images, []), [], 0
    judged, codes, probabilities = content.judged
    found = find_doubts(codes, probabilities)
    rows = judged[found.rows[:MOST_LISTED]].tolist()
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
