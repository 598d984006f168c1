"""Values that say in half a line what they are, and in tables of a notebook what they hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from imlogit.system.text import printable_lines, printable_text

# Of a longer table, such as one of a thousand folds, the first rows are shown.
MOST_ROWS = 50
_FIGURE = re.compile(r"[-+]?\d[\d.,%e+-]*( to [-+]?\d[\d.,%]*)?")


class NotebookTable(NamedTuple):
    """A table of texts for notebooks.

    Attributes
    ----------
    title : str
    rows : sequence of sequences of str
        Each begins with what it is about.
    headings : sequence of str
        As many as a row has texts; none where they would say nothing.
    notes : sequence of str
        Sentences below the table.
    """

    title: str
    rows: Sequence[Sequence[str]]
    headings: Sequence[str] = ()
    notes: Sequence[str] = ()

    def to_html(self) -> str:
        """Return the table as HTML: no script, no class, and the colours are the notebook's."""
        sides = [_side(column) for column in zip(*self.rows, strict=True)]
        sides = ["left", *sides[1:]] if self.headings else ["left"] * len(sides)
        head = "".join(_cell(*one, "col") for one in zip(self.headings, sides, strict=False))
        body = "".join(_row(row, sides) for row in self.rows[:MOST_ROWS])
        more = len(self.rows) - MOST_ROWS
        notes = [*self.notes, *([f"and {more:,} more rows"] if more > 0 else [])]
        return (
            f'<table><caption style="text-align: left; font-weight: bold">{_escaped(self.title)}'
            f"</caption>{f'<thead><tr>{head}</tr></thead>' if head else ''}"
            f"<tbody>{body}</tbody></table>"
            + "".join(f'<p style="max-width: 45em">{_escaped(note)}</p>' for note in notes)
        )


class Summarized:
    """A value with a short ``repr`` and tables in notebooks.

    A dataclass that inherits it has ``repr=False``: arrays, spelled out, are a thousand lines.
    """

    def _summary(self) -> Mapping[str, str]:
        """Return what is said of it, by name."""
        raise NotImplementedError

    def _notebook_tables(self) -> tuple[NotebookTable, ...]:
        """Return what a notebook shows of it, by default the summary, and its parts."""
        rows = tuple(self._summary().items())
        about = NotebookTable(type(self).__name__, rows, notes=self._notes())
        below = [
            one for part in self._parts() if part is not None for one in part._notebook_tables()
        ]
        return (about, *below)

    def _notes(self) -> tuple[str, ...]:
        """Return sentences that stand below the summary."""
        return ()

    def _parts(self) -> tuple[Summarized | None, ...]:
        """Return what is shown below these."""
        return ()

    def __repr__(self) -> str:
        facts = ", ".join(f"{name} {value}" for name, value in self._summary().items())
        return f"<{type(self).__name__}: {printable_text(facts)}>"

    def _repr_html_(self) -> str:
        """Return the tables one below the other."""
        return f"<div>{''.join(one.to_html() for one in self._notebook_tables())}</div>"


def _side(column: Sequence[str]) -> str:
    return "right" if any(map(_FIGURE.fullmatch, column)) else "left"


def _row(texts: Sequence[str], sides: Sequence[str]) -> str:
    first, *others = zip(texts, sides, strict=True)
    return f"<tr>{_cell(*first, 'row')}{''.join(_cell(*one) for one in others)}</tr>"


def _cell(text: str, side: str, scope: str = "") -> str:
    style = f'style="text-align: {side}; vertical-align: top"'
    if scope:
        return f'<th scope="{scope}" {style}>{_escaped(text)}</th>'
    return f"<td {style}>{_escaped(text)}</td>"


def _escaped(text: str) -> str:
    """Return a text whose markup, controls and marks of direction are shown, not followed."""
    return escape(printable_lines(text)).replace("\n", "<br>")
