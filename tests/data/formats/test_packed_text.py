"""Text that is gzipped or zipped: read as it is, bounded, and never unpacked to disk."""

import gzip
import io
import zipfile
import zlib

import pytest

from imlogit.data.formats import packed_text
from imlogit.data.readers import csv_table
from imlogit.data.readers.listing import Place
from imlogit.errors import DataError

from helpers.tables import HEADER, assert_is, read_table, rows_of, text_of

CONTENT = text_of(rows_of(), HEADER).encode()


def zipped(members, method=zipfile.ZIP_DEFLATED):
    """Return a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("digits.csv.gz", gzip.compress(CONTENT, mtime=0)),
        ("digits.TSV.GZ", gzip.compress(CONTENT.replace(b",", b"\t"))),
        (
            "digits.csv.gz",
            gzip.compress(CONTENT[:99], mtime=0) + gzip.compress(CONTENT[99:], mtime=0),
        ),
        ("digits.csv", gzip.compress(CONTENT, mtime=0)),
        ("digits.csv.gz", CONTENT),
        ("digits.zip", zipped({"a/train.csv": CONTENT})),
        ("digits.zip", zipped({"train.CSV": CONTENT}, zipfile.ZIP_STORED)),
        (
            "digits.zip",
            zipped({"train.csv": CONTENT, "__MACOSX/._train.csv": b"x", "read.me": b"x"}),
        ),
        ("digits.zip", zipped({"../../train.csv": CONTENT})),
    ],
)
def test_packed_tables(tmp_path, no_warning, name, content):
    told = []
    found = read_table(tmp_path, content, name, progress=lambda *what: told.append(what))
    assert_is(found)
    assert found.name == "digits"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert {what for what, *_ in told} == {f"reading {name}"}
    assert told[-1][1] == told[-1][2] > 0


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.csv": CONTENT, "b.tsv": CONTENT}, r"holds 2 such files \(a.csv, b.tsv\)"),
        ({"a.txt": CONTENT, ".a.csv": CONTENT}, "holds no such file"),
    ],
)
def test_an_archive_of_another_number_of_tables(tmp_path, members, message):
    with pytest.raises(
        DataError, match=rf"^x\.zip must hold one file \.csv or \.tsv, and {message}"
    ):
        read_table(tmp_path, zipped(members), "x.zip")


def test_an_archive_without_tables_is_not_accepted(tmp_path):
    path = tmp_path / "x.zip"
    for content, accepted in (
        (zipped({"a.png": b"x"}), False),
        (zipped({"a.csv": b"x"}), True),
        (zipped({"a.csv": b"x", "0.png": b"x"}), False),
        (b"damaged", False),
    ):
        path.write_bytes(content)
        assert csv_table.SOURCE.accepts(Place(path, False)) is accepted


def changed(content, at, byte):
    return content[:at] + bytes([byte]) + content[at + 1 :]


ARCHIVE = zipped({"train.csv": CONTENT})
DIRECTORY = ARCHIVE.index(b"PK\x01\x02")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv.gz", gzip.compress(CONTENT, mtime=0)[:-30], "damaged"),
        ("x.csv.gz", changed(gzip.compress(CONTENT, mtime=0), 200, 0), "damaged"),
        ("x.csv.gz", changed(gzip.compress(CONTENT, mtime=0), -6, 1), "damaged"),
        ("x.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("x.zip", ARCHIVE[:-30], "damaged"),
        ("x.zip", b"PK\x03\x04", "damaged"),
        ("x.zip", changed(ARCHIVE, 200, 0), "damaged"),
        ("x.zip", changed(ARCHIVE, DIRECTORY + 8, 1), "encrypted"),
        ("x.zip", zipped({"train.csv": CONTENT}, zipfile.ZIP_BZIP2), r"method 12"),
    ],
)
def test_damaged_packings(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read_table(tmp_path, content, name)
    assert str(caught.value).startswith(name)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", ["x.csv.gz", "x.zip"])
def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch, name):
    content = CONTENT + b"cat\n" * 1_000_000
    packed = zipped({"a.csv": content}) if name == "x.zip" else gzip.compress(content)
    assert len(packed) < len(content) / 200
    monkeypatch.setattr(packed_text, "HARMLESS_BYTES", 1_000_000)
    with pytest.raises(DataError, match=rf"^{name} unpacks to \d MB or more, over 100 times"):
        read_table(tmp_path, packed, name)


def test_an_archive_that_lies_of_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(packed_text, "HARMLESS_BYTES", 1_000_000)
    content = CONTENT + b"\n" * 4_000_000
    packed = zipped({"a.csv": content})
    true, lie = (n.to_bytes(4, "little") for n in (len(content), len(CONTENT)))
    crc = (zlib.crc32(content).to_bytes(4, "little"), zlib.crc32(CONTENT).to_bytes(4, "little"))
    assert packed.count(true) == 2
    packed = packed.replace(true, lie).replace(*crc)
    assert_is(read_table(tmp_path, packed, "x.zip"))
