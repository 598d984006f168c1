"""Tables on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from imlogit.checks.finding import Severity
from imlogit.report.table import Cell, Marked, Table, Wrap

# Colour only underlines what the words say.
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def print_table(console: Console, table: Table) -> None:
    """Print a table and its notes."""
    console.print(_rich_table(table))
    for note in table.notes:
        console.print(note)


def _rich_table(table: Table) -> RichTable:
    drawn = RichTable(
        title=table.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD
    )
    for column in table.columns:
        drawn.add_column(
            column.name,
            justify="right" if column.align == "right" else "left",
            no_wrap=column.wrap is Wrap.NEVER,
            overflow="fold" if column.wrap is Wrap.LETTERS else "ellipsis",
        )
    for row in table.rows:
        drawn.add_row(*map(_text, row))
    if table.summary:
        drawn.add_section()
    for row in table.summary:
        drawn.add_row(*map(_text, row))
    return drawn


def _text(cell: Cell) -> Text:
    """Return a cell as it stands: a name such as [red]x is no markup."""
    return Text(cell.text, STYLES[cell.mark]) if isinstance(cell, Marked) else Text(cell)
