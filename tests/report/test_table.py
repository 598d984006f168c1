"""A table as data: what it holds is what is printed."""

import io
import json

import pytest
from rich.console import Console

from imlogit.checks.finding import Severity
from imlogit.report.console.printing import print_table
from imlogit.report.table import Column, Marked, Table, facts_table, numbers

TABLE = Table(
    "[b]Things[/b]",
    (Column("[red]name"), *numbers("count")),
    (("[i]one", "1"), (Marked("two", Severity.ERROR), "22")),
    (("sum", "23"),),
    ("A note.",),
)


def printed(table, **how):
    out = io.StringIO()
    print_table(Console(file=out, width=60, markup=False, emoji=False, **how), table)
    return out.getvalue()


def test_a_table_is_plain_lists_and_texts():
    content = TABLE.to_dict()
    assert json.loads(json.dumps(content)) == content
    assert content["rows"] == [["[i]one", "1"], ["two", "22"]]
    assert content["summary"] == [["sum", "23"]]
    assert [one["align"] for one in content["columns"]] == ["left", "right"]


def test_all_that_it_holds_is_printed_as_it_stands():
    lines = [line.split() for line in printed(TABLE).splitlines()]
    assert lines[0] == ["[b]Things[/b]"]
    assert ["[red]name", "count"] in lines
    assert ["[i]one", "1"] in lines
    # a line sets what sums up apart
    assert lines.index(["sum", "23"]) == lines.index(["two", "22"]) + 2
    assert lines[-2:] == [["A", "note."], []]


def test_a_mark_is_a_colour_where_there_are_colours():
    assert "\x1b" not in printed(TABLE)
    assert "\x1b[1;31mtwo" in printed(TABLE, force_terminal=True, color_system="standard")


def test_rows_have_as_many_cells_as_there_are_columns():
    assert facts_table("Facts", {"a": "1"}).rows == (("a", "1"),)
    with pytest.raises(ValueError, match="in 2 columns"):
        Table("", numbers("a", "b"), (("1",),))
