"""Tables in any room: what a row is about stays, and nothing is wider than it may be."""

import pytest
from rich.cells import cell_len

from imlogit.report.console.layout import Letters, fit, lines_of, shortened
from imlogit.report.table import Column, Table, Wrap, columns, numbers

UTF_8, ASCII = Letters("utf-8"), Letters("ascii")
SHORT = Table("short", columns("pair"), (("a for b",),))
NAMES = ("猫と犬の写真、とても長い名前", "العربية الطويلة جدا", "🐕" * 12, "x" * 40)
WIDE = Table(
    "wide",
    (
        Column("class", wrap=Wrap.NAME),
        *numbers("first", drop=2),
        *numbers("second"),
        Column("third", drop=1),
    ),
    tuple((name, "1", "0.5000", "a sentence of many words, none of them long") for name in NAMES),
)


@pytest.mark.parametrize(
    ("room", "left"),
    [
        (120, ["class", "first", "second", "third"]),
        (56, ["class", "first", "second", "third"]),
        (50, ["class", "second", "third"]),
        (30, ["class", "second"]),
        (14, ["class", "second"]),
    ],
)
@pytest.mark.parametrize("letters", [UTF_8, ASCII])
def test_columns_are_left_out_in_their_order_and_never_what_a_row_is_about(room, left, letters):
    table, widths = fit(WIDE, room, letters)
    assert [column.name for column in table.columns] == left
    for row in table.rows:
        for cell, column, width in zip(row, table.columns, widths, strict=True):
            lines = lines_of(cell, column, width, letters)
            assert all(line.strip() and cell_len(line) <= width for line in lines)


def test_a_shorter_form_takes_the_place_of_what_does_not_fit():
    matrix = Table("matrix", numbers(*NAMES), (("1",) * 4,), shorter=SHORT)
    assert fit(matrix, 60, UTF_8)[0] is SHORT
    assert fit(matrix, 200, UTF_8)[0] is matrix


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", range(1, 24))
def test_a_name_loses_its_middle(name, width):
    found = shortened(name, width)
    assert found
    assert cell_len(found) <= max(width, 2)  # a letter that is two cells wide is shown
    if width >= 7:
        assert (found[0], found[-1]) == (name[0], name[-1])


def test_numbers_are_never_cut():
    (text,) = lines_of("12,345.678", numbers("count")[0], 3, UTF_8)
    assert text == "12,345.678"
