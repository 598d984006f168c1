"""Images as rows of a CSV file, ``label,pixel0,pixel1,...``, as Kaggle's digit recognizer has them.

A line at a time, and each cell by the text that it is. A CSV parser that guesses types would make
nan of a short row, an index of a field too many, and 1 of ``True``; here whatever is not a whole
number from 0 to 255 is named by its line and column. Nor would one be faster: pandas takes as long
for 784 columns, and some 200 times as long for the 150,528 of a 224 x 224 x 3 image.
"""

from __future__ import annotations

import codecs
import csv
import sys
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imlogit.data.image_set import ImageSet
from imlogit.data.problems import MOST_NAMED, BadItem, listed, raise_or_skip
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.pixel_values import as_images
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.regular_file import open_regular
from imlogit.system.text import printable

LABEL = "label"
LAYOUT = (
    "The first line must name the columns, label,pixel0,pixel1,..., and each further line hold "
    "one image with its class"
)
RESAVE = "Save it as CSV in UTF-8, with one line for each row"
# A longer line is refused unread. The longest form of a float64 takes 24 characters and a comma.
HEADER_BYTES = 16 << 20
LABEL_BYTES = 4096
CELL_BYTES = 32
# Some 40 MB of memory.
MOST_PROBLEMS = 100_000
# Other ways to write a pixel, such as 12.0, that are remembered.
MOST_SPELLINGS = 4096
TELL_BYTES = 1 << 20
PASSED_BYTES = 1 << 16
SHOWN_CHARS = 40


class Columns(NamedTuple):
    """The names of the pixel columns in their order, and which column is the label's."""

    pixels: list[str]
    label: int

    @property
    def n_fields(self) -> int:
        """How many fields a row has."""
        return len(self.pixels) + 1

    @property
    def max_bytes(self) -> int:
        """The most bytes that a row can take."""
        return LABEL_BYTES + CELL_BYTES * self.n_fields


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read a CSV file with one labelled image in each row; all are the training part.

    Parameters
    ----------
    path : Path
    reading : Reading
        Its ``shape``, ``layout`` and ``skip_bad``.
    progress : callable, optional
        Told how many bytes are read.

    Raises
    ------
    BadItemsError
        For rows that cannot be used, unless they are to be passed over.
    DataError
        For a file that cannot be read or is no such table; says what it must be.
    """
    source = printable(path.name)
    try:
        with open_regular(path) as (file, size):
            header, rows = _read_table(_Lines(file, size, source, progress), source, reading)
    except OSError as error:
        raise DataError(
            f"{source} cannot be read ({error.strerror or error}). Check that it is there, and its "
            "permissions."
        ) from error
    skipped = _settled(rows, source, reading)
    pixels = np.frombuffer(rows.pixels, np.uint8).reshape(-1, len(header.pixels))
    return assemble(
        Named(as_images(pixels, reading, source), rows.labels),
        None,
        name=printable(path.stem),
        origin="a CSV file",
        skipped=skipped,
    )


class _BadRowError(Exception):
    """A row that cannot be used; says what is wrong with it."""


class _Lines:
    """The lines of a file, of which only one is held at a time, and no more than it may be."""

    def __init__(
        self, file: BufferedReader, size: int, source: str, progress: Progress | None
    ) -> None:
        self._file, self._size = file, size
        self._what, self._progress = f"reading {source}", progress
        self._done = self._told = 0
        self.number = 0

    def starts_with(self, *marks: bytes) -> bool:
        """Whether one of these is what comes next."""
        return self._file.peek(max(map(len, marks))).startswith(marks)

    def take(self, max_bytes: int) -> bytes | None:
        """Return the next line that is not blank, without its end; None after the last.

        Raises
        ------
        _BadRowError
            For a line that is too long, or no text; it is passed over.
        """
        # two more, for the line's end
        while raw := self._file.readline(max_bytes + 2):
            self.number += 1
            self._count(len(raw))
            cut = len(raw) == max_bytes + 2 and not raw.endswith(b"\n")
            if cut:
                self._pass_over()
            text = raw.rstrip(b"\r\n")
            if self.number == 1:
                text = text.removeprefix(codecs.BOM_UTF8)
            if cut or (text and not text.isspace()):
                _check_text(text, max_bytes, cut)
                return text
        self._tell()
        return None

    def _pass_over(self) -> None:
        """Read up to the end of the line, and keep none of it."""
        while raw := self._file.readline(PASSED_BYTES):
            self._count(len(raw))
            if raw.endswith(b"\n"):
                return

    def _count(self, n_bytes: int) -> None:
        self._done += n_bytes
        if self._done - self._told >= TELL_BYTES:
            self._tell()

    def _tell(self) -> None:
        self._told = self._done
        if self._progress is not None:
            self._progress(self._what, self._done, self._size)


class _Values(dict[bytes, int]):
    """What the text of a cell is worth as a pixel; ValueError if nothing."""

    def __init__(self) -> None:
        super().__init__((b"%d" % value, value) for value in range(256))

    def __missing__(self, text: bytes) -> int:
        number = float(text)
        # is_integer is false for nan and infinity; float takes 1_0, which no CSV file means
        if not (number.is_integer() and 0 <= number <= 255) or b"_" in text:
            raise ValueError
        if len(self) < MOST_SPELLINGS:
            self[text] = int(number)
        return int(number)


@dataclass
class _Rows:
    """What was read so far.

    Attributes
    ----------
    pixels : bytearray
        Those of the good rows, one after another: it grows in place, and becomes the images
        without a copy.
    labels : list of str
        One for each good row.
    problems : list of BadItem
        One for each of the first `MOST_PROBLEMS` bad rows.
    n_bad : int
        How many rows are bad.
    """

    pixels: bytearray = field(default_factory=bytearray)
    labels: list[str] = field(default_factory=list)
    problems: list[BadItem] = field(default_factory=list)
    n_bad: int = 0

    def refuse(self, number: int, what: str) -> None:
        """Note that the row on line `number` cannot be used."""
        self.n_bad += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(BadItem(f"line {number}", what))


def _read_table(lines: _Lines, source: str, reading: Reading) -> tuple[Columns, _Rows]:
    """Read a whole file."""
    try:
        header = _header(lines, source)
        # before all rows are read in vain
        as_images(np.empty((0, len(header.pixels)), np.uint8), reading, source)
        return header, _read_rows(lines, header)
    except csv.Error as error:
        # Where a quote is left open, any line after it may be a part of the same field.
        raise DataError(
            f"{source}, line {lines.number}: the quotes do not match within the line ({error}). "
            f"{RESAVE}; a field can hold no line break."
        ) from None


def _header(lines: _Lines, source: str) -> Columns:
    """Read the names of the columns."""
    if lines.starts_with(codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise DataError(f"{source} is UTF-16, not UTF-8. {RESAVE}.")
    try:
        line = lines.take(HEADER_BYTES)
        names = [] if line is None else [cell.decode().strip() for cell in _split(line)]
    except (_BadRowError, UnicodeDecodeError) as error:
        what = error if isinstance(error, _BadRowError) else "is not UTF-8"
        raise DataError(f"{source}: line {lines.number}, the header, {what}. {RESAVE}.") from None
    if not names:
        raise DataError(f"{source} is empty. {LAYOUT}.")
    places = [place for place, name in enumerate(names) if name.lower() == LABEL]
    if len(places) != 1 or len(names) == 1:
        first = ", ".join(map(_short, names[:4])) + (", ..." if len(names) > 4 else "")
        missing = "no pixel column" if places else "no label column"
        missing = f"{len(places)} label columns" if len(places) > 1 else missing
        raise DataError(
            f"{source} has {missing}; its columns are called {first}. {LAYOUT}. Images without "
            "labels, such as those of Kaggle's test.csv, are of no use here."
        )
    del names[places[0]]
    return Columns(names, places[0])


def _read_rows(lines: _Lines, header: Columns) -> _Rows:
    """Read all lines that are left."""
    rows, values = _Rows(), _Values()
    while True:
        try:
            line = lines.take(header.max_bytes)
            if line is None:
                return rows
            cells = _split(line)
            if len(cells) != header.n_fields:
                s = "s" if len(cells) > 1 else ""
                raise _BadRowError(f"has {len(cells):,} field{s} instead of {header.n_fields:,}")
            label = _label(cells.pop(header.label))
            rows.pixels += _pixels(cells, header, values)
            rows.labels.append(label)
        except _BadRowError as bad:
            rows.refuse(lines.number, str(bad))


def _check_text(text: bytes, max_bytes: int, cut: bool) -> None:
    if b"\0" in text:
        raise _BadRowError("holds a NUL byte")
    if b"\r" in text:
        raise _BadRowError("holds a carriage return, which ends no line by itself")
    if cut or len(text) > max_bytes:
        raise _BadRowError(f"is longer than {max_bytes:,} bytes")


def _split(line: bytes) -> list[bytes]:
    """Return the fields of a line."""
    if b'"' not in line:
        return line.split(b",")
    text = line.decode("utf-8", "surrogateescape")
    fields = next(csv.reader([text], strict=True, skipinitialspace=True))
    return [one.encode("utf-8", "surrogateescape") for one in fields]


def _label(cell: bytes) -> str:
    """Return the name of a class."""
    try:
        label = cell.decode().strip()
    except UnicodeDecodeError:
        raise _BadRowError(f"its label '{_short(cell)}' is not UTF-8") from None
    if not label:
        raise _BadRowError("its label is empty")
    if not label.isprintable():
        raise _BadRowError(f"its label '{_short(label)}' cannot be printed")
    return sys.intern(label)  # one text for a class, not one for a row


def _pixels(cells: list[bytes], header: Columns, values: _Values) -> bytes:
    """Return the pixels of a row."""
    try:
        return bytes(map(values.__getitem__, cells))
    except ValueError:
        place = next(place for place, cell in enumerate(cells) if not _is_pixel(cell, values))
    cell, name = cells[place].strip(), _short(header.pixels[place]) or f"pixel column {place + 1}"
    found = f"'{_short(cell)}'" if cell else "empty"
    raise _BadRowError(f"{name} is {found}, not a whole number from 0 to 255")


def _is_pixel(cell: bytes, values: _Values) -> bool:
    try:
        return values[cell] >= 0
    except ValueError:
        return False


def _short(text: str | bytes) -> str:
    """Return the beginning of a text, fit to be printed."""
    whole = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
    return printable(whole if len(whole) <= SHOWN_CHARS else whole[: SHOWN_CHARS - 3] + "...")


def _settled(rows: _Rows, source: str, reading: Reading) -> tuple[BadItem, ...]:
    """Return the problems if they may be passed over."""
    n_rows = len(rows.labels) + rows.n_bad
    if not n_rows:
        raise DataError(f"{source} has no rows under its header. {LAYOUT}.")
    if rows.n_bad > len(rows.problems):
        raise DataError(
            f"{source}: {rows.n_bad:,} of {n_rows:,} rows cannot be used, and no more than "
            f"{MOST_PROBLEMS:,} can be passed over. These are the first:\n"
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
    form="FILE.csv",
    summary="label,pixel0,pixel1,...: a row an image",
    accepts=lambda place: place.path.suffix.lower() == ".csv",
    files=lambda path: [path],
    read=_read,
    of_rows=True,
)
