"""A table as data, whatever shows it: the terminal, a page, a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from imlogit.checks.finding import Severity


class Align(StrEnum):
    """The side that a column's texts stand on."""

    LEFT = "left"
    RIGHT = "right"


class Wrap(StrEnum):
    """What becomes of a text that is too wide for its column.

    Sentences are broken between words. A name, of a class or a file, is never broken: it loses
    its middle, since names differ at their ends. Numbers and codes stand whole.
    """

    WORDS = "words"
    NAME = "name"
    NEVER = "never"


class Column(NamedTuple):
    """A column's heading, how its texts are set, and when it is left out.

    Attributes
    ----------
    name : str
    align : Align
    wrap : Wrap
    drop : int
        Where a table does not fit, columns are left out from the highest number on, those of one
        number together; one with 0, such as what a row is about, never.
    """

    name: str
    align: Align = Align.LEFT
    wrap: Wrap = Wrap.WORDS
    drop: int = 0


class Marked(NamedTuple):
    """A text that stands out; its words say what the mark says."""

    text: str
    mark: Severity


Cell = str | Marked
Rows = tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Table:
    """Texts in rows and columns, set for people: numbers have their digits.

    Attributes
    ----------
    title : str
    columns : tuple of Column
    rows : tuple of tuple of str or Marked
        As many cells each as there are columns.
    summary : tuple of tuple of str or Marked
        Rows that sum up the others, set apart from them.
    notes : tuple of str
        Sentences below the table.
    headed : bool
        Whether the headings are shown: "what" and "value" say nothing.
    shorter : Table or None
        What takes its place where it does not fit whole.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Rows
    summary: Rows = ()
    notes: tuple[str, ...] = ()
    headed: bool = True
    shorter: Table | None = None

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows + self.summary}
        if not widths <= {len(self.columns)}:
            raise ValueError(f"rows of {widths} cells in {len(self.columns)} columns")

    def cut(self, most: int, rest: str) -> Table:
        """Return the first rows, and a note of where the rest is."""
        more = len(self.rows) - most
        if more <= 0:
            return self
        return replace(self, rows=self.rows[:most], notes=(*self.notes, f"{more:,} more: {rest}"))

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and texts."""
        return {
            "title": self.title,
            "columns": [{"name": one.name, "align": str(one.align)} for one in self.columns],
            "rows": [[plain_text(cell) for cell in row] for row in self.rows],
            "summary": [[plain_text(cell) for cell in row] for row in self.summary],
            "notes": list(self.notes),
        }


def plain_text(cell: Cell) -> str:
    """Return what a cell says."""
    return cell.text if isinstance(cell, Marked) else cell


def columns(
    *names: str, align: Align = Align.LEFT, wrap: Wrap = Wrap.WORDS, drop: int = 0
) -> tuple[Column, ...]:
    """Return columns that are set alike."""
    return tuple(Column(name, align, wrap, drop) for name in names)


def numbers(*names: str, drop: int = 0) -> tuple[Column, ...]:
    """Return columns of numbers: their last digits stand below each other."""
    return columns(*names, align=Align.RIGHT, wrap=Wrap.NEVER, drop=drop)


def facts_table(title: str, facts: Mapping[str, str], align: Align = Align.LEFT) -> Table:
    """Return what is known of one thing, a fact a row."""
    heading = (Column("what", wrap=Wrap.NEVER), Column("value", align))
    return Table(title, heading, tuple(facts.items()), headed=False)
