"""What the first rows of a table show of its columns, where their names do not tell.

A number that counts the rows would be a pixel like any other, and a table of ids and labels would
be one of images of 1 x 1.
"""

from __future__ import annotations

import contextlib
import csv
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from imlogit.data.formats.csv_lines import split_line
from imlogit.data.images.decode import is_image_name
from imlogit.data.readers.tables.columns import Columns, counts_up, excerpt, is_number
from imlogit.data.readers.tables.header import MOST_OF_FILES, names_files, of_image_files
from imlogit.data.reading import Reading
from imlogit.errors import DataError

# So many numbers of a column that count up are no chance.
FEWEST_COUNTING = 3
# A column of text is left out where there are so many pixels beside it.
FEWEST_PIXELS = 4

Cells = Sequence[Sequence[bytes]]


def settle_columns(
    columns: Columns, lines: Sequence[bytes], source: str, reading: Reading
) -> Columns:
    """Return the columns that the first line names, as the first rows show them.

    Raises
    ------
    DataError
        For tables of labels, without pixels.
    """
    rows = _cells(lines, columns)
    _refuse_names_of_files(columns, rows, source)
    columns = _without_empty(columns, rows)
    columns = _without_texts(_without_index(columns, rows, reading), rows)
    if not columns.pixels:
        raise DataError(
            f"{source} is a table of ids and labels without pixels, as those that are submitted "
            "to Kaggle: there is nothing to learn from."
        )
    return replace(columns, n_packed=_n_packed(columns, rows))


def _cells(lines: Sequence[bytes], columns: Columns) -> list[list[bytes]]:
    """Return the fields of the first rows, up to one that is to be refused by its line."""
    rows: list[list[bytes]] = []
    with contextlib.suppress(csv.Error):
        rows.extend(split_line(line, columns.separator) for line in lines)
    return [cells for cells in rows if len(cells) == columns.n_fields]


def remarks_on(columns: Columns) -> list[str]:
    """Return what is to be said of the columns that are left out."""
    return [
        f"{columns.name(place)} is no pixel but an index, an id, text, nothing or a second label, "
        "and is left out"
        for place in sorted(columns.left_out)
    ]


def _refuse_names_of_files(columns: Columns, rows: Cells, source: str) -> None:
    if columns.n_fields >= MOST_OF_FILES:
        return
    for place in {*columns.pixels, *columns.left_out}:
        cells = [cells[place].strip() for cells in rows]
        named = [cell for cell in map(excerpt, cells) if is_image_name(cell)]
        texts = names_files(columns.names[place]) and not any(map(_has_number, cells))
        if cells and (len(named) == len(cells) or texts):
            raise of_image_files(source, excerpt(cells[0]))


def _has_number(cell: bytes) -> bool:
    """Whether a field begins with a number, as one does that holds pixels."""
    return is_number(cell[:64].partition(b" ")[0])


def _without_index(columns: Columns, rows: Cells, reading: Reading) -> Columns:
    """Leave out the first column that is not the label, if it counts the rows and is no pixel."""
    if not columns.has_header:
        return _without_names(columns, rows, reading)
    first = min(columns.pixels, default=None)
    if first is None or re.search("[0-9]", columns.names[first]):
        return columns
    needless = _is_needless(len(columns.pixels), reading)
    if len(rows) < FEWEST_COUNTING or not _number_rows([cells[first] for cells in rows], needless):
        return columns
    return replace(columns, left_out=(*columns.left_out, first))


def _without_names(columns: Columns, rows: Cells, reading: Reading) -> Columns:
    """Tell the index and the label of a table without a header."""
    n_pixels, first = len(columns.pixels), [cells[0] for cells in rows]
    needless = n_pixels == 1 or _is_needless(n_pixels, reading)
    is_free = reading.label_column is None and columns.label == 0
    if rows and needless and _number_rows(first, needless=n_pixels > 1):
        if is_free:
            return replace(columns, label=1, left_out=(0, *columns.left_out))
        return replace(columns, left_out=(0, *columns.left_out)) if columns.label else columns
    last = max(columns.pixels, default=0)
    if is_free and not _are_whole(first) and _are_whole([cells[last] for cells in rows]):
        return replace(columns, label=last)
    return columns


def _number_rows(cells: Sequence[bytes], needless: bool) -> bool:
    """Whether numbers of a column count the rows, or are those of rows in another order."""
    if counts_up(cells):
        return True
    numbers = {float(cell) for cell in cells if is_number(cell)}
    differ = len(numbers) == len(cells) >= FEWEST_COUNTING and _are_whole(cells)
    return differ and (needless or max(numbers) > 255)


def _is_needless(n_pixels: int, reading: Reading) -> bool:
    """Whether there is an image if one of so many numbers is no pixel, and only then."""
    return not _is_image(n_pixels, reading) and _is_image(n_pixels - 1, reading)


def _is_image(n_pixels: int, reading: Reading) -> bool:
    """Whether so many pixels are an image."""
    if reading.shape is not None:
        return n_pixels == math.prod(reading.shape)
    sides = [n for n in (n_pixels, n_pixels // 3 if n_pixels % 3 == 0 else 0) if n > 0]
    return any(math.isqrt(n) ** 2 == n for n in sides)


def _are_whole(cells: Sequence[bytes]) -> bool:
    """Whether no field is a fraction: texts may be classes, too."""
    return all(float(cell).is_integer() for cell in cells if is_number(cell))


def _without_empty(columns: Columns, rows: Cells) -> Columns:
    """Leave out a last column without name and content: each line ends with a separator."""
    last = columns.n_fields - 1
    is_empty = rows and not columns.names[last] and not any(cells[last].strip() for cells in rows)
    if not is_empty or last not in columns.pixels:
        return columns
    return replace(columns, left_out=(*columns.left_out, last))


def _without_texts(columns: Columns, rows: Cells) -> Columns:
    """Leave out columns of nothing but text that are not named as one of many pixels."""
    if not rows or len(columns.pixels) <= FEWEST_PIXELS:
        return columns
    texts = [
        place
        for place in columns.pixels
        if columns.names[place]
        and not re.search("[0-9]$", columns.names[place])
        and all(_is_text(cells[place]) for cells in rows)
    ]
    if len(columns.pixels) - len(texts) < max(FEWEST_PIXELS, len(texts)):
        return columns
    return replace(columns, left_out=(*columns.left_out, *texts))


def _is_text(cell: bytes) -> bool:
    return re.search(rb"[^\W\d_]|[\x80-\xff]", cell) is not None and not is_number(cell)


def _n_packed(columns: Columns, rows: Cells) -> int:
    """Return how many numbers most rows hold in their one field of pixels; 0 if it is one."""
    if len(columns.pixels) != 1:
        return 0
    found = [cells[columns.pixels[0]].split() for cells in rows]
    lengths = Counter(len(words) for words in found if all(map(is_number, words[:FEWEST_PIXELS])))
    most, _ = max(lengths.items(), key=lambda one: one[1], default=(0, 0))
    return most if most > 1 else 0
