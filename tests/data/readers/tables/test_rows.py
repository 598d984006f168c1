"""The rows of a table: pixels as whole numbers or divided by 255, and classes that are numbers."""

import numpy as np
import pytest

from imlogit.errors import BadItemsError, DataError

from helpers.tables import HEADER, IMAGES, assert_is, read_table, rows_of, text_of

BRIGHT = IMAGES > 127


@pytest.mark.parametrize(
    "write",
    [
        lambda value: repr(value / 255),
        lambda value: repr(float(np.float32(value) / np.float32(255))),
        lambda value: f"{value / 255:.18e}",
        lambda value: f"{value / 255:g}",
        lambda value: f" {value / 255:.6f}" if value % 255 else str(value // 255),
    ],
)
def test_pixels_divided_by_255(tmp_path, no_warning, write):
    assert_is(read_table(tmp_path, text_of(rows_of(write=write), HEADER)))


def test_fractions_that_come_late(tmp_path, no_warning):
    images = np.concatenate([BRIGHT * np.uint8(255), IMAGES])
    rows = rows_of(BRIGHT.astype(np.uint8)) + rows_of(write=lambda value: repr(value / 255))
    found = read_table(tmp_path, text_of(rows, HEADER))
    np.testing.assert_array_equal(found.images, images)


@pytest.mark.parametrize("write", [str, lambda value: f"{value}.0"])
def test_only_zeros_and_ones_are_whole_numbers(tmp_path, write):
    ones = BRIGHT.astype(np.uint8)
    assert_is(read_table(tmp_path, text_of(rows_of(ones, write=write), HEADER)), ones)


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize("fractions_first", [True, False])
def test_fractions_and_whole_numbers_in_one_table(tmp_path, skip_bad, fractions_first):
    whole, fractions = rows_of(), rows_of(write=lambda value: repr(value / 255))
    rows = fractions + whole if fractions_first else whole + fractions
    first = next(cell for cell in rows[24][1:] if cell not in ("0", "0.0", "1", "1.0"))
    message = rf"^digits\.csv, line 26: pixel\d+ is '{first}', and .*divided by 255\.$"
    with pytest.raises(DataError, match=message):
        read_table(tmp_path, text_of(rows, HEADER), skip_bad=skip_bad)


def test_a_row_that_is_neither_is_bad_by_itself(tmp_path):
    rows = rows_of(write=lambda value: repr(value / 255))
    rows[4][3], rows[6][2], rows[8][1] = "7", "0.3", "nan"
    with pytest.raises(BadItemsError) as caught:
        read_table(tmp_path, text_of(rows, HEADER))
    assert [str(one) for one in caught.value.problems] == [
        "line 6: pixel2 is '7', not a whole number from 0 to 255 divided by 255",
        "line 8: pixel1 is '0.3', not a whole number from 0 to 255 divided by 255",
        "line 10: pixel0 is 'nan', not a whole number from 0 to 255 divided by 255",
    ]
    rows = rows_of()
    rows[4][3] = "0.5"
    with pytest.raises(BadItemsError, match="line 6: pixel2 is '0.5', not a whole number from 0"):
        read_table(tmp_path, text_of(rows, HEADER))


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (["2", "2.0", "10."], ("2", "10")),
        (["5.000000000000000000e+00", "-1.0", "+3.0"], ("-1", "3", "5")),
        (["2", "2.0", "2.5"], ("2", "2.0", "2.5")),
        (["2", "2.0", "cat"], ("2", "2.0", "cat")),
        (["2", "2.0", "1e30"], ("1e30", "2", "2.0")),
        (["2", "2.0", "1e999"], ("1e999", "2", "2.0")),
        (["007", "7", "8"], ("007", "7", "8")),
        (["1_0", "2.0", "nan"], ("1_0", "2.0", "nan")),
    ],
)
def test_whole_numbers_written_as_floats_are_whole_numbers(tmp_path, written, names):
    found = read_table(tmp_path, text_of(rows_of(labels=written * 8), HEADER))
    assert found.class_names == names
