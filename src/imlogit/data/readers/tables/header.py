"""The first line of a table of images: names of its columns, or a row like the others."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imlogit.data.formats.csv_lines import separator_of, split_line
from imlogit.data.images.decode import is_image_name
from imlogit.data.readers.tables.columns import (
    LAYOUT,
    Columns,
    counts_up,
    excerpt,
    first_names,
    is_number,
)
from imlogit.data.reading import Reading
from imlogit.errors import DataError

# In lower case, and without spaces, hyphens and the like.
LABEL_NAMES = re.compile(
    "labels?|class(es|id|label|name)?|targets?|y|categor(y|ies)|emotions?|digits?"
)
ID_NAMES = re.compile("ids?|index|idx|(image|img|row)id|unnamed0")
ENDS_IN_ID = re.compile(r"[a-z]I[dD]$|[\s_.-][iI][dD]$")
FILE_NAMES = re.compile("files?|filenames?|(image|img|file)?paths?|im(age|g)(name|file|s)?")
SPLIT_NAMES = re.compile("split|usage|set|partition|subset")
SAY_WHICH = "Say which column holds the classes with label_column='NAME'"
# Numbers that count up from 0 or 1 are no row of pixels where there are so many.
FEWEST_COUNTING = 8
# A table that names image files has few columns.
MOST_OF_FILES = 16


def columns_of(line: bytes, source: str, reading: Reading) -> tuple[Columns, bool]:
    """Return the columns as the first line has them, and whether it is a row itself.

    Raises
    ------
    DataError
        Where it does not tell which column the label is, or there are no pixels.
    UnicodeDecodeError
        For names that are not UTF-8.
    """
    separator = separator_of(line)
    names = tuple(cell.decode().strip() for cell in split_line(line, separator))
    if len(names) == 1:
        raise DataError(
            f"{source} has one column, called {excerpt(names[0])}, and no pixel column beside it. "
            f"{LAYOUT}."
        )
    is_row = _is_row(names)
    if is_row or all(map(is_number, names)):  # numbered columns have no names either
        label = _place_without_names(names, source, reading)
        columns = Columns(("",) * len(names), separator, label)
    else:
        columns = _named(names, separator, source, reading)
    if not (columns.pixels or columns.left_out):
        raise DataError(
            f"{source} has no pixel column; its columns are called {first_names(names)}. {LAYOUT}."
        )
    return columns, is_row


def compared(name: str) -> str:
    """Return a name as names are compared: Image_ID as imageid."""
    return re.sub(r"[\s_:.-]+", "", name.lower())


def names_files(name: str) -> bool:
    """Whether a column is called as those that name files."""
    return FILE_NAMES.fullmatch(compared(name)) is not None


def of_image_files(source: str, example: str = "") -> DataError:
    """Return the error for a table of labels that lacks the images."""
    such_as = f", such as {example}" if example else ""
    return DataError(
        f"{source} is a table of labels for image files{such_as}, and holds no pixels: give the "
        f"folder of the images, and labels='{source}'."
    )


def _is_row(cells: Sequence[str]) -> bool:
    """Whether a first line is a row: names of columns differ, or count up from 0 or 1."""
    cells = cells[:-1] if cells[-1] == "" else cells
    numbers = [cell for cell in cells if not _is_text(cell)]
    if len(numbers) == len(cells):
        return len(cells) < FEWEST_COUNTING or not counts_up(numbers)
    others = [place for place, cell in enumerate(cells) if _is_text(cell)]
    at_an_end = others in ([0], [len(cells) - 1]) and cells[others[0]] != ""
    return at_an_end and len(set(numbers)) < len(numbers)


def _is_text(cell: str) -> bool:
    """Whether a field is no number; one with a decimal comma is refused later, as a pixel."""
    return not is_number(cell.replace(",", "."))


def _place_without_names(cells: Sequence[str], source: str, reading: Reading) -> int:
    """Return the field of the label: the one that is no number, or else the first."""
    if reading.label_column is None:
        return next((place for place, cell in enumerate(cells) if cell and _is_text(cell)), 0)
    place = position_of(reading.label_column, len(cells))
    if place is None:
        raise DataError(
            f"{source} has no header but {len(cells):,} columns, and none of them is "
            f"label_column={reading.label_column!r}: give a position, from 0 to "
            f"{len(cells) - 1:,}; -1 is the last.",
            parameter="label_column",
        )
    return place


def position_of(chosen: str | int, n_fields: int) -> int | None:
    """Return the place that a position means, counted from the end if it is negative."""
    if re.fullmatch("-?[0-9]{1,9}", str(chosen)) is None:
        return None
    place = int(chosen)
    return place % n_fields if -n_fields <= place < n_fields else None


def _named(names: tuple[str, ...], separator: bytes, source: str, reading: Reading) -> Columns:
    """Return the columns of a table by their names."""
    kinds = [compared(name) for name in names]
    labels = [place for place, kind in enumerate(kinds) if LABEL_NAMES.fullmatch(kind)]
    label = _label_place(names, labels, source, reading)
    splits = [at for at, kind in enumerate(kinds) if SPLIT_NAMES.fullmatch(kind) and at != label]
    if len(splits) > 1:
        raise DataError(
            f"{source} has {len(splits)} columns that say to which part a row belongs: "
            f"{first_names([names[at] for at in splits])}. Keep one of them."
        )
    indices = [place for place, name in enumerate(names) if _is_id(name) or not (name or place)]
    left_out = tuple(sorted({*labels, *indices} - {label}))
    return Columns(names, separator, label, splits[0] if splits else None, left_out)


def _is_id(name: str) -> bool:
    return ID_NAMES.fullmatch(compared(name)) is not None or ENDS_IN_ID.search(name) is not None


def _label_place(names: Sequence[str], labels: Sequence[int], source: str, reading: Reading) -> int:
    """Return which column the label is."""
    if reading.label_column is not None:
        return _chosen_place(names, reading.label_column, source)
    if len(labels) == 1:
        return labels[0]
    if labels:
        raise DataError(
            f"{source} has {len(labels)} label columns, {first_names([names[at] for at in labels])}"
            f". {SAY_WHICH}, or its position from 0.",
            parameter="label_column",
        )
    files = [name for name in names if is_image_name(name)]
    if files or (len(names) < MOST_OF_FILES and any(map(names_files, names))):
        raise of_image_files(source, excerpt(files[0]) if files else "")
    raise DataError(
        f"{source} has no label column; its columns are called {first_names(names)}. {SAY_WHICH}. "
        f"{LAYOUT}. Images without labels, such as those of Kaggle's test.csv, are there to be "
        "predicted, and nothing can be learnt from them.",
        parameter="label_column",
    )


def _chosen_place(names: Sequence[str], chosen: str | int, source: str) -> int:
    """Return the column of a name, or the one at a position where none is called so."""
    wanted = str(chosen).strip()
    for known, name in ((names, wanted), ([one.lower() for one in names], wanted.lower())):
        if known.count(name) == 1:
            return known.index(name)
    place = position_of(chosen, len(names))
    if place is None:
        which = "several columns" if wanted in names else "no column"
        raise DataError(
            f"{source} has {which} that label_column={chosen!r} may mean; its columns are called "
            f"{first_names(names)}. Give the name of one, or its position from 0.",
            parameter="label_column",
        )
    return place
