"""What the first rows show: indices, texts, and tables that hold no images."""

import pytest

from imlogit.errors import DataError

from helpers.tables import HEADER, IMAGES, LABELS, assert_is, read_table, rows_of, text_of

ROWS = rows_of()
FILES = "is a table of labels for image files"
IDS = "is a table of ids and labels without pixels"


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", ["", "id", "ID", "index", "image_id", "Unnamed: 0", "nr", None])
def test_a_number_of_the_row_is_no_pixel(tmp_path, name, start):
    rows = [[i, *row] for i, row in enumerate(ROWS, start)]
    content = text_of(rows, None if name is None else [name, *HEADER])
    with pytest.warns(UserWarning, match=r"^digits\.csv: .* is left out\.$") as told:
        assert_is(read_table(tmp_path, content))
    assert len(told) == 1


@pytest.mark.parametrize("name", ["nr", "sampleId", "sample_id", None])
@pytest.mark.parametrize("step", [7, 700])
def test_a_number_of_a_row_in_another_order_is_no_pixel(tmp_path, name, step):
    rows = [[step * i % (25 * step // 7), *row] for i, row in enumerate(ROWS)]
    content = text_of(rows, None if name is None else [name, *HEADER])
    with pytest.warns(UserWarning, match="left out"):
        assert_is(read_table(tmp_path, content))


def test_lines_that_end_with_a_separator(tmp_path):
    rows = [[*row, ""] for row in ROWS]
    for header in ([*HEADER, ""], None):
        with pytest.warns(UserWarning, match="column 18, which has no name, is no pixel"):
            assert_is(read_table(tmp_path, text_of(rows, header)))


def test_an_id_that_counts_nothing_is_known_by_its_name(tmp_path):
    rows = [[*row, 7 * i % 5] for i, row in enumerate(ROWS)]
    with pytest.warns(UserWarning, match="'id' is no pixel"):
        assert_is(read_table(tmp_path, text_of(rows, [*HEADER, "id"])))
    # as the message for 17 numbers once made people say
    with (
        pytest.raises(DataError, match=r"has 16 numbers, and shape=\(1, 17\)"),
        pytest.warns(UserWarning, match="'id' is no pixel"),
    ):
        read_table(tmp_path, text_of(rows, [*HEADER, "id"]), shape=(1, 17))


def test_the_number_of_the_row_before_a_label_at_the_end(tmp_path):
    rows = [[i, *row[1:], row[0]] for i, row in enumerate(ROWS)]
    with pytest.warns(UserWarning, match="left out"):
        assert_is(read_table(tmp_path, text_of(rows), label_column=-1))


def test_classes_that_count_up_are_no_index(tmp_path, no_warning):
    labels = [str(i) for i in range(len(IMAGES))]
    assert_is(read_table(tmp_path, text_of(rows_of(labels=labels))), labels=labels)
    assert_is(read_table(tmp_path, text_of(rows_of(labels=labels), HEADER)), labels=labels)


def test_pixels_that_count_up_are_no_index(tmp_path, no_warning):
    images = IMAGES.copy()
    images[:, 0, 0] = range(len(images))
    assert_is(read_table(tmp_path, text_of(rows_of(images), HEADER)), images)
    assert_is(read_table(tmp_path, text_of(rows_of(images))), images)


def test_the_label_is_last_where_the_first_column_has_fractions(tmp_path, no_warning):
    rows = [[*row[1:], row[0]] for row in rows_of(write=lambda value: repr(value / 255))]
    assert_is(read_table(tmp_path, text_of(rows)))


def test_a_column_of_text_is_left_out(tmp_path):
    rows = [[*row, "五", f"{i}.png"] for i, row in enumerate(ROWS)]
    with pytest.warns(UserWarning, match="'character' is no pixel.*'file' is no pixel") as told:
        assert_is(read_table(tmp_path, text_of(rows, [*HEADER, "character", "file"])))
    assert len(told) == 1


def test_pixels_in_one_field(tmp_path, no_warning):
    rows = [[row[0], " ".join(row[1:])] for row in ROWS]
    assert_is(read_table(tmp_path, text_of(rows, ["emotion", " pixels"])))
    rows[3][1] += " 7"
    rows[5][1] = rows[5][1].rpartition(" ")[0] + " 256"
    with pytest.raises(DataError, match="2 of 24 rows") as caught:
        read_table(tmp_path, text_of(rows, ["emotion", "pixels"]))
    assert [str(one) for one in caught.value.problems] == [
        "line 5: pixels has 17 numbers instead of 16",
        "line 7: number 16 of pixels is '256', not a whole number from 0 to 255",
    ]


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (text_of([[i, i % 10] for i in range(1, 99)], ["ImageId", "Label"]), IDS),
        (text_of([[7 * i, i % 10] for i in range(1, 99)], ["id", "label"]), IDS),
        (text_of([[i, i % 10] for i in range(1, 99)]), IDS),
        (text_of([[f"{i}.jpg", i % 2] for i in range(99)], ["image_id", "label"]), FILES),
        (text_of([[f"{i}.jpg", i % 2] for i in range(99)], ["what", "label"]), FILES),
        (text_of([[f"a{i}", i % 2] for i in range(99)], ["filename", "label"]), FILES),
        (text_of([[f"a{i}", i % 2] for i in range(99)], ["filename", "breed"]), FILES),
        (
            text_of([[f"{i}.jpg", i % 2, 1, 2, 3, 4] for i in range(9)], [*"abcde", "y"]),
            FILES,
        ),
        (
            "id,text,y\n" + "".join(f'{i},"a\nb",0\n' for i in range(99)),
            "line 2: the quotes do not match .* Its columns are called id, text, y",
        ),
        ("<html>\n" * 99, "has one column, called <html>, and no pixel column"),
        (text_of([["1.png", "cat"], ["2.png", "dog"]]), FILES),
        (
            text_of([[f"so it is {i}", i % 2] for i in range(99)], ["tweet", "y"]),
            r"none of its first 20 rows holds one \(line 2: tweet is 'so it is 0'.* tweet, y\.",
        ),
        (
            text_of([[f"so {i}", "x", "neutral"] for i in range(99)], ["id", "text", "sentiment"]),
            "no label column; its columns are called id, text, sentiment",
        ),
        (
            text_of([[i % 3, *[0.123] * 16] for i in range(99)], HEADER),
            "none of its first 20 rows .*pixel0 is '0.123'",
        ),
        (text_of([[i % 3, *[7] * 17] for i in range(99)], HEADER), "has 18 fields instead of 17"),
    ],
)
def test_a_table_of_something_else_is_refused_in_one_line(tmp_path, skip_bad, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read_table(tmp_path, content, skip_bad=skip_bad)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("digits.csv")
    assert ("labels='digits.csv'" in str(caught.value)) is (message == FILES)


def test_bad_rows_first_and_good_ones_later(tmp_path):
    rows = [["0", *["x"] * 16]] * 19 + ROWS
    found = read_table(tmp_path, text_of(rows, HEADER), skip_bad=True)
    assert_is(found, labels=LABELS)
    assert len(found.skipped) == 19
