"""Images as rows of a text file, ``label,pixel0,pixel1,...``, and other ways to write that.

A line at a time, and each cell by the text that it is. A CSV parser that guesses types would make
nan of a short row, an index of a field too many, and 1 of ``True``; here whatever is not a whole
number from 0 to 255 is named by its line and column. Nor would one be faster: pandas takes as long
for 784 columns, and some 200 times as long for the 150,528 of a 224 x 224 x 3 image.
"""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

import numpy as np

from imlogit.data.formats.csv_lines import BadRowError, Lines
from imlogit.data.formats.packed_text import ZIP_ENDING, TextStream, members_of, open_text
from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode import SUFFIXES
from imlogit.data.problems import MOST_NAMED, BadItem, listed, raise_or_skip
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.listing import Place
from imlogit.data.readers.pixel_values import as_images
from imlogit.data.readers.source import FileSource
from imlogit.data.readers.tables.columns import LAYOUT, Columns, first_names
from imlogit.data.readers.tables.first_rows import remarks_on, settle_columns
from imlogit.data.readers.tables.header import columns_of
from imlogit.data.readers.tables.parts import arrange
from imlogit.data.readers.tables.rows import Rows
from imlogit.data.reading import Reading
from imlogit.data.remarks import remark
from imlogit.errors import DataError
from imlogit.system.text import printable

ENDINGS = (".csv", ".tsv")
GZIPPED = tuple(f"{ending}.gz" for ending in ENDINGS)
RESAVE = "Save it as CSV in UTF-8, with one line for each row"
# A longer line is refused unread.
HEADER_BYTES = 16 << 20
# So many rows are looked at to tell what the columns are, and whether there are any images.
N_FIRST_ROWS = 20


def _accepts(place: Place) -> bool:
    """Whether this is named as a table in text, or an archive of tables and no images."""
    name = place.path.name.lower()
    if name.endswith(ZIP_ENDING) and not place.is_folder:
        members = members_of(place.path, (*ENDINGS, *SUFFIXES)) or []
        # a table beside images may be of their labels
        return bool(members) and all(member.lower().endswith(ENDINGS) for member in members)
    return name.endswith((*ENDINGS, *GZIPPED))


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read a table with one labelled image in each row.

    Parameters
    ----------
    path : Path
    reading : Reading
        Its ``shape``, ``layout``, ``label_column`` and ``skip_bad``.
    progress : callable, optional
        Told how many bytes are read.

    Raises
    ------
    BadItemsError
        For rows that cannot be used, unless they are to be passed over.
    DataError
        For a file that cannot be read or is no such table; says what it must be.

    Warns
    -----
    UserWarning
        Of columns that are left out, and of parts that are put together.
    """
    source = printable(path.name)
    with open_text(path, source, ENDINGS) as stream:
        rows = _read_table(_lines(stream, source, progress), source, reading)
    skipped = _settled(rows, source, reading)
    rows.name_whole_labels()
    parts = arrange(rows.parts)
    _warn(source, parts.remarks)
    return assemble(
        _part(rows, parts.train, source, reading),
        _part(rows, parts.test, source, reading) if parts.test else None,
        validation=_part(rows, parts.validation, source, reading) if parts.validation else None,
        name=printable(_stem(path)),
        origin="a CSV file",
        skipped=skipped,
    )


def _lines(stream: TextStream, source: str, progress: Progress | None) -> Lines:
    if progress is None:
        return Lines(stream)
    return Lines(stream, lambda done: progress(f"reading {source}", done, stream.size))


def _stem(path: Path) -> str:
    """Return the name of a file without its endings."""
    bare = path.with_suffix("") if path.name.lower().endswith(GZIPPED) else path
    return bare.stem


def _read_table(lines: Lines, source: str, reading: Reading) -> Rows:
    """Read a whole file."""
    columns = None
    try:
        columns = _columns(lines, source, reading)
        rows = Rows(columns, source)
        rows.read(lines, N_FIRST_ROWS)
        _refuse_other_tables(rows, columns, source)
        _warn(source, remarks_on(columns))
        # before all rows are read in vain
        as_images(np.empty((0, columns.n_pixels), np.uint8), reading, source)
        rows.read(lines)
    except csv.Error as error:
        # Where a quote is left open, any line after it may be a part of the same field.
        raise DataError(
            f"{source}, line {lines.number}: the quotes do not match within the line ({error}). "
            f"{RESAVE}; a field can hold no line break.{_names(columns)}"
        ) from None
    return rows


def _columns(lines: Lines, source: str, reading: Reading) -> Columns:
    """Read what the columns are from the first line, and from the rows that follow it."""
    if lines.starts_with(codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise DataError(f"{source} is UTF-16, not UTF-8. {RESAVE}.")
    try:
        line = lines.take(HEADER_BYTES)
        if line is None:
            raise DataError(f"{source} is empty. {LAYOUT}.")
        columns, is_row = columns_of(line, source, reading)
    except (BadRowError, UnicodeDecodeError) as error:
        what = error if isinstance(error, BadRowError) else "is not UTF-8"
        raise DataError(f"{source}: line {lines.number}, the header, {what}. {RESAVE}.") from None
    if is_row:
        lines.put_back(line)
    first_rows = lines.look_ahead(N_FIRST_ROWS, columns.max_bytes)
    return settle_columns(columns, first_rows, source, reading)


def _refuse_other_tables(rows: Rows, columns: Columns, source: str) -> None:
    """Refuse a table in one line where none of its first rows is an image."""
    if rows.n_good or rows.n_bad < N_FIRST_ROWS:
        return
    raise DataError(
        f"{source} is no table of images: none of its first {rows.n_bad} rows holds one "
        f"({rows.problems[0]}).{_names(columns)} {LAYOUT}."
    )


def _names(columns: Columns | None) -> str:
    """Return a sentence of what the columns are called, if that is known."""
    if columns is None or not columns.has_header:
        return ""
    return f" Its columns are called {first_names(columns.names)}."


def _part(rows: Rows, kinds: list[str], source: str, reading: Reading) -> Named:
    """Return the images of some kinds of rows."""
    pixels, labels = rows.labelled_pixels(kinds)
    return Named(as_images(pixels, reading, source), labels)


def _warn(source: str, remarks: list[str]) -> None:
    if remarks:
        remark(f"{source}: {'; '.join(remarks)}.")


def _settled(rows: Rows, source: str, reading: Reading) -> tuple[BadItem, ...]:
    """Return the problems if they may be passed over."""
    n_rows = rows.n_good + rows.n_bad
    if not n_rows:
        raise DataError(f"{source} has no rows under its header. {LAYOUT}.")
    if rows.n_bad > len(rows.problems):
        raise DataError(
            f"{source}: {rows.n_bad:,} of {n_rows:,} rows cannot be used, and no more than "
            f"{len(rows.problems):,} can be passed over. These are the first:\n"
            f"{listed(rows.problems[:MOST_NAMED])}\n{LAYOUT}."
        )
    return raise_or_skip(
        rows.problems,
        source=source,
        n_items=n_rows,
        skip_bad=reading.skip_bad,
        items="rows",
    )


SOURCE = FileSource(
    name="csv",
    form="FILE.csv, FILE.tsv",
    summary="label,pixel0,pixel1,...: a row an image; gzipped or zipped, too",
    parts="by a column `split` or `usage`, else all training",
    accepts=_accepts,
    files=lambda path: [path],
    read=_read,
    of_rows=True,
    of_columns=True,
)
