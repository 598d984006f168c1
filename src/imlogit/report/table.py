"""A table as data, whatever shows it: the terminal, a page, a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from imlogit.checks.finding import Severity


class Align(StrEnum):
    """The side that a column's texts stand on."""

    LEFT = "left"
    RIGHT = "right"


class Wrap(StrEnum):
    """Where a text that is too wide for its column may be broken.

    What cannot be broken is cut: a name, which must never be, is broken at any letter.
    """

    WORDS = "words"
    LETTERS = "letters"
    NEVER = "never"


class Column(NamedTuple):
    """A column's heading, and how its texts are set."""

    name: str
    align: Align = Align.LEFT
    wrap: Wrap = Wrap.WORDS


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
    """

    title: str
    columns: tuple[Column, ...]
    rows: Rows
    summary: Rows = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows + self.summary}
        if not widths <= {len(self.columns)}:
            raise ValueError(f"rows of {widths} cells in {len(self.columns)} columns")

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


def columns(*names: str, align: Align = Align.LEFT, wrap: Wrap = Wrap.WORDS) -> tuple[Column, ...]:
    """Return columns that are set alike."""
    return tuple(Column(name, align, wrap) for name in names)


def numbers(*names: str, wrap: Wrap = Wrap.WORDS) -> tuple[Column, ...]:
    """Return columns of numbers: their last digits stand below each other."""
    return columns(*names, align=Align.RIGHT, wrap=wrap)


def facts_table(title: str, facts: Mapping[str, str]) -> Table:
    """Return what is known of one thing, a fact a row."""
    heading = (Column("what"), Column("value", wrap=Wrap.LETTERS))
    return Table(title, heading, tuple(facts.items()))
