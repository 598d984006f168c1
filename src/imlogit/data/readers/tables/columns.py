"""What the columns of a table of images are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from imlogit.system.text import printable

LAYOUT = (
    "A row must hold one image with its class, label,pixel0,pixel1,..., in whole numbers from 0 to "
    "255 or all of these divided by 255; the first line may name the columns"
)
LABEL_BYTES = 4096
# The longest form of a float64 takes 24 characters and a separator.
CELL_BYTES = 32
# A row that may hold all pixels in one field, before it is known how many they are.
PACKED_BYTES = 16 << 20
SHOWN_CHARS = 40
SHOWN_NAMES = 4


@dataclass(frozen=True)
class Columns:
    """What the fields of a row are.

    Attributes
    ----------
    names : tuple of str
        One for each field; empty texts where the table has no header.
    separator : bytes
    label : int
        The field that names the class.
    split : int or None
        The field that says which part a row belongs to.
    left_out : tuple of int
        Fields that are neither, and no pixels.
    n_packed : int
        How many pixels stand in the one field that is left, with spaces between; 0 where each
        pixel has a field of its own.
    """

    names: tuple[str, ...]
    separator: bytes
    label: int
    split: int | None = None
    left_out: tuple[int, ...] = ()
    n_packed: int = 0

    @property
    def has_header(self) -> bool:
        """Whether the columns have names."""
        return any(self.names)

    @property
    def n_fields(self) -> int:
        """How many fields a row has."""
        return len(self.names)

    @property
    def no_pixels(self) -> list[int]:
        """The fields that are no pixels, the last one first."""
        split = () if self.split is None else (self.split,)
        return sorted((self.label, *split, *self.left_out), reverse=True)

    @property
    def pixels(self) -> list[int]:
        """The fields that hold pixels, in their order."""
        return sorted(set(range(self.n_fields)).difference(self.no_pixels))

    @property
    def n_pixels(self) -> int:
        """How many pixels a row has."""
        return self.n_packed or len(self.pixels)

    @property
    def max_bytes(self) -> int:
        """The most bytes that a row can take."""
        fields = LABEL_BYTES + CELL_BYTES * (self.n_fields + self.n_packed)
        return PACKED_BYTES if len(self.pixels) == 1 and not self.n_packed else fields

    def pixel_name(self, place: int) -> str:
        """Return what the pixel at a place among the pixels is called."""
        if self.n_packed:
            return f"number {place + 1:,} of {excerpt(self.names[self.pixels[0]]) or 'its pixels'}"
        return excerpt(self.names[self.pixels[place]]) or f"pixel column {place + 1}"

    def name(self, place: int) -> str:
        """Return what a column is called."""
        found = excerpt(self.names[place])
        return f"the column '{found}'" if found else f"column {place + 1:,}, which has no name,"


def excerpt(text: str | bytes) -> str:
    """Return the beginning of a text, fit to be printed."""
    whole = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
    return printable(whole if len(whole) <= SHOWN_CHARS else whole[: SHOWN_CHARS - 3] + "...")


def first_names(names: Sequence[str]) -> str:
    """Return the first of some names of columns."""
    more = ", ..." if len(names) > SHOWN_NAMES else ""
    return ", ".join(excerpt(name) for name in names[:SHOWN_NAMES]) + more


def is_number(cell: str | bytes) -> bool:
    """Whether a field is a finite number."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def counts_up(cells: Sequence[str] | Sequence[bytes]) -> bool:
    """Whether fields are 0, 1, 2, ... or 1, 2, 3, ..."""
    found = [float(cell) if is_number(cell) else math.nan for cell in cells]
    return any(found == list(range(start, start + len(found))) for start in (0, 1))
