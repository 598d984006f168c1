"""The confusion matrix of a page, with the images of each cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from imlogit.report.html.content import PageContent
from imlogit.report.html.sprites import Sheet, sheet_of

MOST_CLASSES, MOST_PAIRS = 20, 200
MOST_A_CELL, MOST_TILES = 24, 1400


def cells_of(content: PageContent) -> list[tuple[int, int, int]]:
    """Return the cells that can be opened: class, answer and count, the largest mistakes first."""
    counts = content.test.confusion
    cells = [(int(i), int(j), int(counts[i, j])) for i, j in zip(*np.nonzero(counts), strict=True)]
    cells.sort(key=lambda one: (one[0] == one[1], -one[2]))
    return cells if len(content.names) <= MOST_CLASSES else cells[:MOST_PAIRS]


def confusion_data(content: PageContent) -> tuple[Sheet, dict[str, Any], int]:
    """Return the sheet, what the page's script reads of each cell, and how many images one has."""
    cells = cells_of(content)
    per_cell = MOST_A_CELL
    while per_cell > 1 and sum(min(per_cell, n) for *_, n in cells) > MOST_TILES:
        per_cell //= 2
    rows_of = {(i, j): _rows(content, i, j)[:per_cell] for i, j, _ in cells}
    # the first images of every cell come before the second ones, should a sheet be cut
    turns = [rows[k] for k in range(per_cell) for rows in rows_of.values() if len(rows) > k]
    sheet = sheet_of("confusion", content.images, turns)
    data = {
        f"{i}-{j}": {
            "true": content.names[i],
            "answer": content.names[j],
            "n": n,
            "tiles": [
                [sheet.box(row), content.file_of(row)]
                for row in rows_of[i, j]
                if row in sheet.places
            ],
        }
        for i, j, n in cells
    }
    return sheet, data, per_cell


def _rows(content: PageContent, true: int, answer: int) -> list[int]:
    """Return the images of a cell, those that the model was surest of first."""
    kept = content.predictions
    found = np.flatnonzero((kept.test_codes == true) & (content.answers == answer))
    order = np.argsort(-kept.test_probabilities[found, answer], kind="stable")
    return kept.test_rows[found[order]].tolist()
