"""How much is kept: the least recently used goes first, and never what was just written."""

import os
from pathlib import Path

import numpy as np
import pytest

from imlogit import load
from imlogit.data.cache import entries, note_files
from imlogit.data.cache.limit import cache_limit
from imlogit.errors import ParameterError

from helpers.image_files import write_class_folders

SIDE = 20


def make(tmp_path, name, shade):
    images = np.full((4, SIDE, SIDE), shade, np.uint8)
    return write_class_folders(tmp_path / name, images, "abab")


def kept():
    return [Path(one.note.source).name for one in note_files.noted()]


def used_hours_ago(name, hours):
    """Make a note look as if it was last used then."""
    for note, key, used in note_files.noted():
        if Path(note.source).name == name:
            os.utime(note_files.notes_folder() / f"{key}.json", (used, used - 3600 * hours))


def allow(number, monkeypatch):
    """Set the limit to what so many entries take."""
    limit = int(number * entries.size(entries.of_sources()[0]))
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", str(limit))
    return limit


@pytest.fixture
def three(tmp_path):
    """Three sources, read in the order of their names, hours apart."""
    for hours, name in zip((3, 2, 1), "xyz", strict=True):
        load(make(tmp_path, name, hours))
        used_hours_ago(name, hours)
    load("mnist-5k")
    return tmp_path


@pytest.mark.parametrize(
    ("said", "size"),
    [("", 20e9), ("500MB", 5e8), ("20 gb", 2e10), ("1.5KB", 1500), ("7", 7), ("0", 0), ("0GB", 0)],
)
def test_sizes(monkeypatch, said, size):
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", said)
    assert cache_limit() == size


@pytest.mark.parametrize("said", ["-1", "much", "20 GiBs", "nan", "inf", "1e400", "GB"])
def test_what_is_no_size_is_said_before_anything_is_read(monkeypatch, tmp_path, said):
    source = make(tmp_path, "x", 1)
    (source / "a" / "bad.png").write_bytes(b"x")
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", said)
    with pytest.raises(ParameterError, match="IMLOGIT_CACHE_LIMIT=.* is no size") as caught:
        load(source)
    assert "\n" not in str(caught.value)


def test_the_least_recently_used_goes_first(monkeypatch, three):
    load(three / "x")  # it is the most recent now
    limit = allow(3.5, monkeypatch)
    load(make(three, "new", 9))
    assert kept() == ["new", "x", "z"]
    assert len(entries.of_sources()) == 3
    assert sum(map(entries.size, entries.of_sources())) <= limit
    # known data sets do not count, and stay
    assert entries.has("mnist-5k")


def test_what_was_just_written_stays(monkeypatch, three):
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", "2KB")
    load(make(three, "new", 9))
    assert kept() == ["new"]


def test_an_entry_is_as_recent_as_the_last_of_those_that_share_it(monkeypatch, three):
    load(make(three / "again", "x", 3))
    used_hours_ago("x", 10)
    load(three / "x")
    assert len(entries.of_sources()) == 3
    allow(3.5, monkeypatch)
    load(make(three, "new", 9))
    assert kept() == ["x", "new", "x", "z"]


def test_one_that_is_larger_than_the_limit_is_not_kept(monkeypatch, three):
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", "1KB")
    with pytest.warns(
        UserWarning, match="new is not kept .* 1 KB that may be kept.*IMLOGIT_CACHE_LIMIT"
    ) as caught:
        assert len(load(make(three, "new", 9))) == 4
    assert len(caught) == 1
    assert kept() == ["x", "y", "z"]


def test_what_is_known_of_a_source_that_outgrew_the_limit_is_removed(monkeypatch, three):
    make(three, "x", 77)
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", "1KB")
    with pytest.warns(UserWarning, match="IMLOGIT_CACHE_LIMIT"):
        load(three / "x")
    assert kept() == ["y", "z"]
    assert len(entries.of_sources()) == 2


def test_nothing_is_kept_where_nothing_is_to_be(monkeypatch, tmp_path, no_warning):
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", "0")
    assert len(load(make(tmp_path, "x", 1))) == 4
    assert kept() == entries.of_sources() == []


def test_a_use_that_cannot_be_noted_is_none_the_less_one(monkeypatch, three):
    monkeypatch.setattr(os, "utime", lambda *_: (_ for _ in ()).throw(PermissionError()))
    assert len(load(three / "x")) == 4
