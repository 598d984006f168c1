"""The rows of a table of images, each field by the text that it is."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from imlogit.arrays import Pixels
from imlogit.data.formats.csv_lines import BadRowError, Lines, split_line
from imlogit.data.problems import BadItem
from imlogit.data.readers.parts import TRAIN
from imlogit.data.readers.tables.columns import Columns, excerpt
from imlogit.data.readers.tables.parts import part_kind
from imlogit.data.readers.tables.pixel_texts import PixelTexts
from imlogit.errors import DataError

# Some 40 MB of memory.
MOST_PROBLEMS = 100_000
# Pixels 0 and 1 as what they are where 1 is the brightest.
TO_255 = bytes([0, 255, *range(2, 256)])
WHOLE = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?(e[+-]?[0-9]+)?", re.IGNORECASE)
# Floats count whole numbers up to here.
MOST_WHOLE = 2**53


@dataclass
class PartRows:
    """The good rows of one kind.

    Attributes
    ----------
    pixels : bytearray
        One row after another: it grows in place, and becomes the images without a copy.
    labels : list of str
        One for each row.
    """

    pixels: bytearray = field(default_factory=bytearray)
    labels: list[str] = field(default_factory=list)


class Rows:
    """What is read of a table.

    Parameters
    ----------
    columns : Columns
    source : str
        What the table is called in errors.

    Attributes
    ----------
    parts : dict of str to PartRows
        The good rows of each kind; of the training part where there is no other.
    problems : list of BadItem
        One for each of the first `MOST_PROBLEMS` bad rows.
    n_bad : int
        How many rows are bad.
    """

    def __init__(self, columns: Columns, source: str) -> None:
        self._columns, self._source = columns, source
        # asked for once, not for each row
        self._n_fields, self._no_pixels = columns.n_fields, columns.no_pixels
        self._values, self._others = PixelTexts(), PixelTexts(255)
        self._line_of_fractions = 0
        self.parts = {TRAIN: PartRows()}
        self.problems: list[BadItem] = []
        self.n_bad = 0

    @property
    def n_good(self) -> int:
        """How many rows are good."""
        return sum(len(part.labels) for part in self.parts.values())

    def read(self, lines: Lines, most: float = float("inf")) -> None:
        """Read the lines that are left, or so many of them.

        Raises
        ------
        DataError
            For whole numbers over 1 and fractions in one table.
        csv.Error
            For quotes that do not match.
        """
        columns, max_bytes = self._columns, self._columns.max_bytes
        n_read = 0
        while n_read < most:
            n_read += 1
            try:
                line = lines.take(max_bytes)
                if line is None:
                    return
                self._add(split_line(line, columns.separator), lines.number)
            except BadRowError as bad:
                self.n_bad += 1
                if len(self.problems) < MOST_PROBLEMS:
                    self.problems.append(BadItem(f"line {lines.number}", str(bad)))

    def labelled_pixels(self, kinds: Sequence[str]) -> tuple[Pixels, list[str]]:
        """Return the pixels of some kinds of rows, shape (n, d), and their labels."""
        parts = [self.parts[kind] for kind in kinds if kind in self.parts]
        pixels = parts[0].pixels if len(parts) == 1 else b"".join(part.pixels for part in parts)
        rows = np.frombuffer(pixels, np.uint8).reshape(-1, self._columns.n_pixels)
        return rows, [label for part in parts for label in part.labels]

    def name_whole_labels(self) -> None:
        """Call the class 2.0 2 where all labels are whole numbers."""
        found = {label for part in self.parts.values() for label in part.labels}
        whole = {label: _as_whole(label) for label in found}
        if None in whole.values() or all(label == name for label, name in whole.items()):
            return
        for part in self.parts.values():
            part.labels = [whole[label] or label for label in part.labels]

    def _add(self, cells: list[bytes], number: int) -> None:
        columns = self._columns
        if len(cells) != self._n_fields:
            s = "s" if len(cells) > 1 else ""
            raise BadRowError(f"has {len(cells):,} field{s} instead of {self._n_fields:,}")
        kind = TRAIN if columns.split is None else part_kind(cells[columns.split])
        label = _label(cells[columns.label])
        for place in self._no_pixels:
            del cells[place]
        if columns.n_packed:
            cells = self._unpack(cells[0])
        pixels = self._pixels(cells, number)
        part = self.parts.setdefault(kind, PartRows())
        part.pixels += pixels
        part.labels.append(label)

    def _unpack(self, cell: bytes) -> list[bytes]:
        cells = cell.split()
        if len(cells) != self._columns.n_packed:
            name = excerpt(self._columns.names[self._columns.pixels[0]])
            raise BadRowError(
                f"{name} has {len(cells):,} numbers instead of {self._columns.n_packed:,}"
            )
        return cells

    def _pixels(self, cells: list[bytes], number: int) -> bytes:
        """Return the pixels of a row."""
        try:
            return bytes(map(self._values.__getitem__, cells))
        except ValueError:
            pass
        place = self._values.first_refused(cells)
        try:
            pixels = bytes(map(self._others.__getitem__, cells))
        except ValueError:
            raise BadRowError(self._wrong(cells[place], place)) from None
        self._change_scale(
            number, f"{self._columns.pixel_name(place)} is '{excerpt(cells[place])}'"
        )
        return pixels

    def _wrong(self, text: bytes, place: int) -> str:
        """Say what is wrong with a pixel."""
        cell = text.strip()
        found = f"'{excerpt(cell)}'" if cell else "empty"
        divided = " divided by 255" if self._line_of_fractions else ""
        name = self._columns.pixel_name(place)
        return f"{name} is {found}, not a whole number from 0 to 255{divided}"

    def _change_scale(self, number: int, what: str) -> None:
        """Go from whole numbers to fractions before there are other ones than 0 and 1."""
        if self._line_of_fractions:
            other = f"line {self._line_of_fractions} has fractions from 0 to 1"
        else:
            other = f"the lines before it have whole numbers up to {self._largest()}"
        if self._line_of_fractions or self._largest() > 1:
            raise DataError(
                f"{self._source}, line {number}: {what}, and {other}. Write all pixels as whole "
                "numbers from 0 to 255, or all of them divided by 255."
            )
        self._line_of_fractions = number
        self._values, self._others = self._others, self._values
        for part in self.parts.values():
            part.pixels = bytearray(part.pixels.translate(TO_255))

    def _largest(self) -> int:
        return max(
            int(np.frombuffer(part.pixels, np.uint8).max(initial=0)) for part in self.parts.values()
        )


def _label(cell: bytes) -> str:
    """Return the name of a class."""
    try:
        label = cell.decode().strip()
    except UnicodeDecodeError:
        raise BadRowError(f"its label '{excerpt(cell)}' is not UTF-8") from None
    if not label:
        raise BadRowError("its label is empty")
    if not label.isprintable():
        raise BadRowError(f"its label '{excerpt(label)}' cannot be printed")
    return sys.intern(label)  # one text for a class, not one for a row


def _as_whole(label: str) -> str | None:
    """Return a whole number without what only floats have; None for what is none."""
    found = WHOLE.fullmatch(label)
    if found is None:
        return None
    if found[1] is None and found[2] is None:
        return label
    number = float(label)
    return str(int(number)) if number.is_integer() and abs(number) < MOST_WHOLE else None
