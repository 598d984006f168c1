"""The first line of a table: which column the label is, and whether the line is a row."""

import pytest

from imlogit.data.reading import Reading
from imlogit.errors import DataError, ParameterError

from helpers.tables import HEADER, LABELS, PIXELS, assert_is, read_table, rows_of, text_of

ROWS = rows_of()


@pytest.mark.parametrize(
    "name", ["Class", "classes", "TARGET", " y ", "Labels", "category", "emotion", "class_name"]
)
@pytest.mark.parametrize("at", [0, 7, 16])
def test_the_label_is_known_by_its_name_wherever_it_stands(tmp_path, no_warning, name, at):
    rows = [[*row[1 : at + 1], row[0], *row[at + 1 :]] for row in ROWS]
    assert_is(read_table(tmp_path, text_of(rows, [*PIXELS[:at], name, *PIXELS[at:]])))


@pytest.mark.parametrize("chosen", ["kind", "KIND", 16, "16", -1])
def test_the_label_is_the_column_that_is_asked_for(tmp_path, no_warning, chosen):
    content = text_of([[*row[1:], row[0]] for row in ROWS], [*PIXELS, "kind"])
    assert_is(read_table(tmp_path, content, label_column=chosen))


def test_a_name_comes_before_a_position(tmp_path, no_warning):
    content = text_of([[*row[1:], row[0]] for row in ROWS], ["a", *map(str, range(1, 16)), "0"])
    assert_is(read_table(tmp_path, content, label_column=0))


def test_of_two_labels_the_one_that_is_asked_for(tmp_path):
    content = text_of([[*row, "cat"] for row in ROWS], [*HEADER, "class"])
    with pytest.raises(DataError, match=r"2 label columns, label, class\. .*label_column='NAME'"):
        read_table(tmp_path, content)
    with pytest.warns(UserWarning, match="the column 'class' is no pixel .*left out"):
        assert_is(read_table(tmp_path, content, label_column="label"))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ("kind", "no column that label_column='kind' may mean; .* called label, pixel0, pixel1"),
        (17, "no column that label_column=17 may mean"),
        (-18, "no column that label_column=-18 may mean"),
    ],
)
def test_a_column_that_there_is_not(tmp_path, chosen, message):
    with pytest.raises(DataError, match=message) as caught:
        read_table(tmp_path, text_of(ROWS, HEADER), label_column=chosen)
    assert caught.value.parameter == "label_column"


@pytest.mark.parametrize("column", ["", 1.0, True, ["a"]])
def test_what_names_no_column(column):
    with pytest.raises(ParameterError, match="label_column is"):
        Reading(label_column=column)


def test_no_column_is_called_as_labels_are(tmp_path):
    with pytest.raises(DataError, match=r"called kind, pixel0, .*label_column='NAME'") as caught:
        read_table(tmp_path, text_of(ROWS, ["kind", *PIXELS]))
    assert caught.value.parameter == "label_column"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("label_column", [None, 0, -17])
def test_a_table_without_header(tmp_path, no_warning, label_column):
    assert_is(read_table(tmp_path, text_of(ROWS), label_column=label_column))


@pytest.mark.parametrize("label_column", [-1, 16, "16"])
def test_the_last_column_of_a_table_without_header(tmp_path, no_warning, label_column):
    content = text_of([[*row[1:], row[0]] for row in ROWS])
    assert_is(read_table(tmp_path, content, label_column=label_column))


@pytest.mark.parametrize("label_column", ["label", 17, -18])
def test_a_table_without_header_has_positions_only(tmp_path, label_column):
    with pytest.raises(DataError, match="no header but 17 columns.* from 0 to 16"):
        read_table(tmp_path, text_of(ROWS), label_column=label_column)


@pytest.mark.parametrize("at", [0, 16])
def test_classes_that_are_text_without_header(tmp_path, no_warning, at):
    names = [f"c{label}" for label in LABELS]
    rows = [[*row[1 : at + 1], name, *row[at + 1 :]] for name, row in zip(names, ROWS, strict=True)]
    rows[0][1:3] = rows[0][2], rows[0][2]  # names of columns would differ
    found = read_table(tmp_path, text_of(rows))
    assert [found.class_names[code] for code in found.labels] == names


@pytest.mark.parametrize("start", [0, 1])
def test_numbered_columns_are_no_row(tmp_path, no_warning, start):
    assert_is(read_table(tmp_path, text_of(ROWS, range(start, start + 17))))
    assert_is(read_table(tmp_path, text_of(ROWS, ["label", *range(start, start + 16)])))


def test_names_as_kaggle_has_them(tmp_path, no_warning):
    names = [f"{i}x{j}" for i in range(1, 5) for j in range(1, 5)]
    assert_is(read_table(tmp_path, text_of(ROWS, ["label", *names])))


@pytest.mark.parametrize("header", [HEADER, None])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(tmp_path, no_warning, header, separator):
    assert_is(read_table(tmp_path, text_of(ROWS, header, separator), "digits.tsv"))


def test_a_decimal_comma_is_refused_by_its_row(tmp_path):
    rows = [["0", *["0,5"] * 16], *ROWS]
    with pytest.raises(DataError, match=r"line 2: pixel0 is '0,5', not a whole number"):
        read_table(tmp_path, text_of(rows, HEADER, ";"))
    with pytest.raises(DataError, match=r"line 1: pixel column 1 is '0,5', not a whole number"):
        read_table(tmp_path, text_of(rows, None, ";"))
