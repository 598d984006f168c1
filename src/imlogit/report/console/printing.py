"""Tables and sentences on the terminal, as wide as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from imlogit.checks.finding import Severity
from imlogit.report.console.layout import (
    GAP,
    INDENT,
    Letters,
    fit,
    heading_lines,
    lines_of,
)
from imlogit.report.table import Align, Cell, Column, Marked, Rows, Table

# Colour only underlines what the words say.
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def print_table(console: Console, table: Table) -> None:
    """Print a table and its notes, and an empty line."""
    for note in print_rows(console, table).notes:
        print_words(console, note)
    console.print()


def print_rows(console: Console, table: Table) -> Table:
    """Print a table without its notes, and return it in the form that fits.

    One that is too wide is set narrower: sentences are broken between words and names lose their
    middle; then its shorter form takes its place, if it has one; then columns are left out, the
    least important ones first. No line ends in blanks.
    """
    letters = Letters(console.encoding)
    table, widths = fit(table, console.width, letters)
    if table.title:
        print_words(console, table.title, "bold")
    for line in _lines(table, widths, letters) if table.rows else ():
        line.rstrip()
        console.print(line, soft_wrap=True)
    return table


def fits(console: Console, table: Table) -> bool:
    """Whether a table is shown as it is, with all its columns."""
    shown, _ = fit(table, console.width, Letters(console.encoding))
    return shown is table


def print_words(console: Console, words: str, style: str = "") -> None:
    """Print sentences, broken between words; letters that cannot be printed are escaped first."""
    text = Text(Letters(console.encoding).printable(words), style)
    for line in text.wrap(console, max(console.width, 1)):
        line.rstrip()
        console.print(line, soft_wrap=True)


def _lines(table: Table, widths: list[int], letters: Letters) -> Iterator[Text]:
    rule = Text(" " + letters.rule * (sum(widths) + GAP * (len(widths) - 1) + 1))
    if table.headed:
        yield from _side_by_side(
            ([(line, "") for line in heading_lines(column, width, letters)], column, width)
            for column, width in zip(table.columns, widths, strict=True)
        )
        yield rule
    yield from _row_lines(table.rows, table, widths, letters)
    if table.summary:
        yield rule
    yield from _row_lines(table.summary, table, widths, letters)


def _row_lines(rows: Rows, table: Table, widths: list[int], letters: Letters) -> Iterator[Text]:
    for row in rows:
        yield from _side_by_side(
            (
                [(line, _style(cell)) for line in lines_of(cell, column, width, letters)],
                column,
                width,
            )
            for cell, column, width in zip(row, table.columns, widths, strict=True)
        )


def _side_by_side(cells: Iterable[tuple[list[tuple[str, str]], Column, int]]) -> Iterator[Text]:
    """Yield the lines of a row whose cells have lines of their own."""
    cells = list(cells)
    for number in range(max(len(lines) for lines, _, _ in cells)):
        made = Text(" " * INDENT)
        for place, (lines, column, width) in enumerate(cells):
            text, style = lines[number] if number < len(lines) else ("", "")
            blanks = " " * (width - cell_len(text))
            made.append(" " * GAP if place else "")
            made.append(blanks if column.align is Align.RIGHT else "")
            made.append(text, style or None)
            made.append(blanks if column.align is Align.LEFT else "")
        yield made


def _style(cell: Cell) -> str:
    return STYLES[cell.mark] if isinstance(cell, Marked) else ""
