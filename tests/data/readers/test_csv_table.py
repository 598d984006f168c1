"""CSV files of labelled images: what is read, what is refused by line, and what is passed over."""

import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlogit.data.image_set import ImageSet
from imlogit.data.readers import csv_table
from imlogit.data.readers.listing import Place
from imlogit.data.readers.tables import rows as csv_rows
from imlogit.data.reading import Reading
from imlogit.errors import BadItemsError, DataError

IMAGES = np.array([[[0, 255], [7, 80]], [[1, 2], [3, 4]], [[9, 0], [0, 200]]], np.uint8)
HEADER = "label,pixel0,pixel1,pixel2,pixel3"
ROWS = ["5,0,255,7,80", "3,1,2,3,4", "5,9,0,0,200"]
PLAIN = "\n".join([HEADER, *ROWS, ""])
SKIP = Reading(skip_bad=True)


@pytest.fixture
def read(tmp_path):
    """Read a content as the file digits.csv."""

    def read_content(content, reading=None, progress=None):
        path = tmp_path / "digits.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return csv_table.SOURCE.read(path, reading or Reading(), progress)

    return read_content


def with_row(row, *, at=1):
    """Return the bytes of a file, with one row more."""
    row = row.encode() if isinstance(row, str) else row
    lines = [line.encode() for line in (HEADER, *ROWS)]
    return b"\n".join([*lines[:at], row, *lines[at:], b""])


def table(images, labels, *, label_at=0):
    """Return a CSV file, the label in the column `label_at`."""
    rows = images.reshape(len(images), -1).tolist()
    names = [f"pixel{i}" for i in range(len(rows[0]))]
    lines = [list(map(str, row)) for row in (names, *rows)]
    for line, label in zip(lines, ("label", *labels), strict=True):
        line.insert(label_at, str(label))
    return "".join(",".join(line) + "\n" for line in lines)


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        *((name, True) for name in ("a.csv", "A.CSV", "a.tsv", "a.csv.gz", "a.TSV.GZ")),
        *((name, False) for name in ("csv", "a.npz", "a.gz", "a.csv.npz", "a.txt.gz", "a.zip")),
    ],
)
def test_a_source_is_known_by_its_name(tmp_path, name, accepted):
    assert csv_table.SOURCE.accepts(Place(tmp_path / name, False)) is accepted
    assert csv_table.SOURCE.files(tmp_path / name) == [tmp_path / name]


@pytest.mark.parametrize("label_at", [0, 3, 49])
@pytest.mark.parametrize("names", [("2", "10"), ("eel", "a cat")])
def test_reads_what_was_written(read, rng, names, label_at):
    images = rng.integers(0, 256, (20, 7, 7)).astype(np.uint8)
    classes = [names[i] for i in rng.integers(0, 2, 20)]
    found = read(table(images, classes, label_at=label_at))
    np.testing.assert_array_equal(found.images, images)
    assert [found.class_names[label] for label in found.labels] == classes
    assert found.class_names == (("2", "10") if "2" in names else ("a cat", "eel"))
    assert (found.name, found.origin) == ("digits", "a CSV file")
    assert found.test is None
    assert found.skipped == ()


@pytest.mark.parametrize(
    "content",
    [
        PLAIN[:-1],
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r\r\n"),
        PLAIN.replace("\n", "\n\n \r\n"),
        "\n" + PLAIN,
        "\ufeff" + PLAIN,
        "\ufeff" + PLAIN.replace("label", '"label"'),
        '"label","pixel0", "pixel1",pixel2,"pix""el3"' + PLAIN[len(HEADER) :],
        PLAIN.replace("label", "Label"),
        PLAIN.replace("label", " LABEL "),
        PLAIN.replace(",0", ",0.0").replace(",9", ",+9").replace(",4", ", 4 "),
        PLAIN.replace("255", "2.550000000000000000e+02").replace("80", "080"),
        PLAIN.replace("5,0,255", '"5","0", "255"'),
        PLAIN.replace("3,1", ' " 3",1'),
    ],
)
def test_ways_to_write_the_same(read, content):
    found = read(content)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert found.class_names == ("3", "5")
    assert found.labels.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("5.0 a", "5.0 a"),
        ('"black, cat"', "black, cat"),
        ('"a ""b"""', 'a "b"'),
        (" Füchse ", "Füchse"),
    ],
)
def test_a_label_is_kept_as_it_stands(read, label, name):
    assert name in read(with_row(f"{label},1,2,3,4")).class_names


def test_shape_and_layout(read, rng):
    images = rng.integers(0, 256, (3, 2, 4, 3)).astype(np.uint8)
    content = table(images, [0, 1, 0])
    with pytest.raises(DataError, match=r"digits\.csv: 24 numbers are no square.* shape="):
        read(content)
    found = read(content, Reading(shape=(2, 4, 3), layout="hwc"))
    np.testing.assert_array_equal(found.images, images)


BAD_ROWS = [
    ("5,0,1,2", "has 4 fields instead of 5"),
    ("5", "has 1 field instead of 5"),
    ("5,0,1,2,3,", "has 6 fields instead of 5"),
    ("5,0,1,2,3,4", "has 6 fields instead of 5"),
    ("5,0,1\0,2,3", "holds a NUL byte"),
    ("5,0,1,2,3\0", "holds a NUL byte"),
    ("5,0,1,2,3\r5,0,1,2,3", "holds a carriage return, which ends no line by itself"),
    ("5,0,1," + "0" * 5000 + "2,3", "is longer than 4,256 bytes"),
    (",0,1,2,3", "its label is empty"),
    ('" ",0,1,2,3', "its label is empty"),
    ("a\x1b[2J,0,1,2,3", r"its label 'a\x1b[2J' cannot be printed"),
    (b"\xff\xe9t\xe9,0,1,2,3", r"its label '\xff\xe9t\xe9' is not UTF-8"),
    (b"5,0,1,2,\xff", r"pixel3 is '\xff', not a whole number from 0 to 255"),
    ("5,0,1,,3", "pixel2 is empty, not a whole number from 0 to 255"),
    ('5,0,"1,2",3,4', "pixel1 is '1,2', not a whole number from 0 to 255"),
    ("5,0,1,x,y", "pixel2 is 'x', not a whole number from 0 to 255"),
    *(
        (f"5,0,1,2,{value}", f"pixel3 is '{shown}', not a whole number from 0 to 255")
        for value, shown in [
            *((value, value) for value in ("-1", "256", "1.5", "cat", "nan", "NA", "inf", "-inf")),
            *(
                (value, value)
                for value in ("True", "1e400", "1_0", "0x10", "1 2", "1;2", "١", "--5")
            ),
            ("\x1b[2J", r"\x1b[2J"),
            ("9" * 300, "9" * 37 + "..."),
        ]
    ),
]


@pytest.mark.parametrize(("row", "what"), BAD_ROWS, ids=range(len(BAD_ROWS)))
def test_a_bad_row_is_named_and_passed_over_if_asked(read, row, what):
    content = with_row(row, at=2)
    with pytest.raises(BadItemsError, match=r"digits\.csv: 1 of 4 rows .*\n.*line 3: ") as caught:
        read(content)
    assert [one.to_dict() for one in caught.value.problems] == [{"where": "line 3", "what": what}]
    found = read(content, SKIP)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert found.labels.tolist() == [1, 0, 1]
    assert found.skipped == caught.value.problems


def test_every_bad_row_is_listed_by_its_line(read):
    bad = [row if isinstance(row, bytes) else row.encode() for row, _ in BAD_ROWS]
    # a good row and a blank line after each bad one
    content = HEADER.encode() + b"\n" + b"".join(row + b"\n3,1,2,3,4\n\r\n" for row in bad)
    found = read(content, SKIP)
    assert len(found) == len(bad)
    assert [(one.where, one.what) for one in found.skipped] == [
        (f"line {2 + 3 * i}", what) for i, (_, what) in enumerate(BAD_ROWS)
    ]


def test_where_nothing_is_left(read):
    content = f"{HEADER}\n5,0,1,2\n5,0,1,2,-3\n"
    with pytest.raises(BadItemsError, match="2 of 2 rows"):
        read(content)
    with pytest.raises(DataError, match="none of 2 rows can be used") as caught:
        read(content, SKIP)
    assert "line 3: pixel3 is '-3'" in str(caught.value)


def test_more_problems_than_can_be_remembered_are_counted(read, monkeypatch):
    monkeypatch.setattr(csv_rows, "MOST_PROBLEMS", 20)
    content = PLAIN + "cat\n" * 20
    assert len(read(content, SKIP).skipped) == 20
    for reading in (Reading(), SKIP):
        with pytest.raises(DataError, match="21 of 24 rows cannot be used") as caught:
            read(content + "cat\n", reading)
        assert "line 14: has 1 field" in str(caught.value)
        assert "line 15" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\ufeff\n \n", "is empty"),
        (HEADER, "no rows under its header"),
        (HEADER + "\n\n", "no rows under its header"),
        ("a,b,c,d\n" + "\n".join(ROWS), "no label column; its columns are called a, b, c, d. Say "),
        ("pixel0,pixel1\n1,2\n", "no label column; .* called pixel0, pixel1. .*test.csv"),
        ("label,Label,pixel0\n1,2,3\n", "2 label columns"),
        ("label\n1\n", "no pixel column"),
        (PLAIN.replace("\n", "\r"), "line 1, the header, holds a carriage return"),
        (PLAIN.replace("0", "\0", 1), "line 1, the header, holds a NUL byte"),
        (PLAIN.encode("utf-16"), "is UTF-16, not UTF-8"),
        (PLAIN.encode("utf-16-le"), "the header, holds a NUL byte"),
        (PLAIN.replace("pixel0", "é").encode("latin-1"), "the header, is not UTF-8"),
        (PLAIN.replace("label", '"label'), "line 1: the quotes do not match"),
        (PLAIN + '"a\nb",1,2,3,4\n', "line 5: the quotes do not match"),
        (PLAIN + '"a\n5,1,2,3,4\nb",1,2,3,4\n', "line 5: the quotes do not match"),
        (PLAIN + '"a"b,1,2,3,4\n', "line 5: the quotes do not match"),
        (table(np.zeros((1, 785), np.uint8), "5"), "785 numbers are no square image.* shape="),
    ],
)
@pytest.mark.parametrize("reading", [Reading(), SKIP])
def test_no_such_table(read, reading, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read(content, reading)
    assert str(caught.value).startswith("digits.csv")
    assert not isinstance(caught.value, BadItemsError)


@pytest.mark.parametrize("make", ["mkfifo", "mkdir"])
@pytest.mark.timeout(20)
def test_what_is_no_regular_file_is_not_opened(tmp_path, make):
    if not hasattr(os, make):
        pytest.skip("this system has no FIFOs")
    getattr(os, make)(tmp_path / "x.csv")
    with pytest.raises(DataError, match=r"^x\.csv cannot be read \(not a regular file but a"):
        csv_table.SOURCE.read(tmp_path / "x.csv", Reading())


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"^x\.csv cannot be read \(No such file.*Check") as caught:
        csv_table.SOURCE.read(tmp_path / "x.csv", Reading())
    assert str(tmp_path) not in str(caught.value)


def test_a_name_that_cannot_be_printed(tmp_path):
    path = tmp_path / "a\x1b[2J.csv"
    path.write_text(PLAIN)
    assert csv_table.SOURCE.read(path, Reading()).name == r"a\x1b[2J"
    path.write_text("")
    with pytest.raises(DataError, match=r"^a\\x1b\[2J\.csv is empty"):
        csv_table.SOURCE.read(path, Reading())


LONG = 100_000_000


@pytest.mark.parametrize("filler", [b"1," * 512, b"\0" * 1024, b'"' + b"a" * 1023])
@pytest.mark.parametrize(
    ("start", "most_bytes"), [(b"", 40_000_000), (PLAIN.encode(), 500_000)], ids=["header", "row"]
)
@pytest.mark.timeout(30)
def test_a_line_without_end_is_refused_in_little_memory(tmp_path, start, most_bytes, filler):
    path = tmp_path / "x.csv"
    with path.open("wb") as file:
        file.write(start)
        file.write(filler * (20_000_000 // len(filler)))
        file.truncate(LONG)  # the rest is a hole, which costs no disk
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="line 5: |line 1, the header, "):
            csv_table.SOURCE.read(path, Reading())
        assert tracemalloc.get_traced_memory()[1] < most_bytes
    finally:
        tracemalloc.stop()


def test_memory_is_little_more_than_the_pixels(tmp_path, rng):
    images = rng.integers(0, 256, (3000, 28, 28)).astype(np.uint8)
    path = tmp_path / "x.csv"
    path.write_text(table(images, ["5"] * len(images)))
    tracemalloc.start()
    try:
        csv_table.SOURCE.read(path, Reading())
        assert tracemalloc.get_traced_memory()[1] < 2 * images.nbytes
    finally:
        tracemalloc.stop()


def test_progress_is_told_in_bytes(read, rng):
    content = table(rng.integers(0, 256, (1000, 28, 28)), [0] * 1000)
    told = []
    read(content, progress=lambda *what: told.append(what))
    assert {(what, total) for what, _, total in told} == {("reading digits.csv", len(content))}
    done = [n for _, n, _ in told]
    assert len(done) > 2
    assert done == sorted(done)
    assert done[-1] == len(content)


def outcome(path, content):
    """Return the images of a file, or None if it is refused; any other exception is a bug."""
    path.write_bytes(content)
    found = []
    for reading in (Reading(), SKIP):
        try:
            found.append(csv_table.SOURCE.read(path, reading))
        except DataError:
            found.append(None)
    assert all(one is None or isinstance(one, ImageSet) for one in found)
    assert found[0] is None or not found[0].skipped
    return found[1]


CELLS = st.sampled_from(["label", "0", "255", "-1", "1.5", "1e400", "nan", '"', "", "é", "\0", " "])
CELL = st.one_of(CELLS, st.text(max_size=3))
TABLE = st.lists(st.lists(CELL, max_size=6).map(",".join), max_size=6)


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
        TABLE.map(lambda lines: "\n".join([HEADER, *lines]).encode("utf-8", "surrogatepass")),
        TABLE.map(lambda lines: "\r\n".join(lines).encode("utf-8", "surrogatepass")),
    )
)
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(tmp_path_factory, content):
    outcome(tmp_path_factory.getbasetemp() / "any.csv", content)


@given(
    start=st.integers(0, len(PLAIN)),
    length=st.integers(0, 3),
    put=st.one_of(
        st.binary(max_size=2), st.sampled_from(list(b',"\n\r\0-.e_ 9')).map(lambda b: bytes([b]))
    ),
    cut=st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_any_change_is_read_or_refused(tmp_path_factory, start, length, put, cut):
    plain = PLAIN.encode()
    content = plain[:start] + put + (b"" if cut else plain[start + length :])
    found = outcome(tmp_path_factory.getbasetemp() / "changed.csv", content)
    if found is not None and not cut:
        # a change of up to three bytes touches two rows at most: the others are as they were
        same = {image.tobytes() for image in found.images} & {image.tobytes() for image in IMAGES}
        assert same
