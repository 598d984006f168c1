"""Removing what is kept, as a person asks for it."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from imlogit import load
from imlogit.data.cache import entries, note_files
from imlogit.data.clearing import clear_cache, parse_age
from imlogit.errors import DataError, ParameterError

from helpers.image_files import write_class_folders


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Two sources, one of them read in two ways, and the embedded data set."""
    monkeypatch.chdir(tmp_path)
    for shade, name in enumerate(("x", "y")):
        write_class_folders(tmp_path / name, np.full((4, 3, 3), shade, np.uint8), "abab")
        load(name)
    load("x", size=(2, 2))
    load("mnist-5k")
    return tmp_path


def left():
    return [Path(one.note.source).name for one in note_files.noted()]


def unused_for(days, name):
    for note, key, _ in note_files.noted():
        if Path(note.source).name == name:
            then = time.time() - 86_400 * days
            os.utime(note_files.notes_folder() / f"{key}.json", (then, then))


@pytest.mark.parametrize("spelled", ["x", "./x", "y/../x", "{tmp}/x"])
@pytest.mark.parametrize("gone", [False, True])
def test_all_readings_of_a_source(sources, spelled, gone):
    if gone:
        (sources / "x").rename(sources / "moved")
    found = clear_cache(spelled.format(tmp=sources))
    assert [one.source for one in found.removed] == [str(sources / "x")] * 2
    assert found.bytes == sum(one.bytes for one in found.removed) > 0
    assert left() == ["y"]
    assert len(entries.of_sources()) == 1
    assert entries.has("mnist-5k")


@pytest.mark.parametrize("gone", [False, True])
def test_a_source_in_the_folder_of_data_sets(sources, monkeypatch, tmp_path_factory, gone):
    monkeypatch.setenv("IMLOGIT_DATA", str(sources))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    if gone:
        (sources / "y").rename(sources / "moved")
    clear_cache("y")
    assert left() == ["x", "x"]


def test_what_was_not_used_for_long(sources):
    unused_for(31, "x")
    unused_for(29, "y")
    assert len(clear_cache(older_than="32d").removed) == 0
    assert clear_cache("y", "30d").removed == []
    assert len(clear_cache(older_than=30).removed) == 2
    assert left() == ["y"]
    load("y")
    assert clear_cache(older_than="1h").removed == []


def test_a_known_data_set_by_its_name(sources):
    (removed,) = clear_cache("mnist-5k").removed
    assert (removed.source, removed.entry) == ("mnist-5k", "mnist-5k")
    assert removed.bytes > 5000 * 784
    assert not entries.has("mnist-5k")
    assert len(left()) == 3
    with pytest.raises(DataError, match="Nothing is kept of 'mnist-5k'"):
        clear_cache("mnist-5k")


def test_everything(sources):
    found = clear_cache(everything=True)
    assert len(found.removed) == 4
    assert found.leftovers == (0, 0)
    assert [path.name for path in entries.folder().rglob("*")] == ["sources"]


@pytest.mark.parametrize(
    "source", ["z", "", "\0", "a\nb", "openml:iris", "../x", "~nobody-of-this-name/x"]
)
def test_nothing_is_kept_of_it(sources, source):
    with pytest.raises(DataError, match="Nothing is kept of"):
        clear_cache(source)
    assert len(left()) == 3


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "Say what is to be removed"),
        ({"source": "x", "everything": True}, "Say what is to be removed"),
        ({"older_than": "1d", "everything": True}, "Say what is to be removed"),
        ({"older_than": "soon"}, "older_than='soon': give a number of days"),
        ({"older_than": "-1"}, "older_than='-1': give"),
        ({"older_than": "3w"}, "older_than='3w': give"),
        ({"source": "mnist-5k", "older_than": 1}, "leave older_than"),
    ],
)
def test_what_does_not_go_together(sources, how, message):
    with pytest.raises(ParameterError, match=message):
        clear_cache(**how)
    assert len(left()) == 3
    assert entries.has("mnist-5k")


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 30 * 86_400), (2, 172_800), ("12h", 43_200), ("1.5 d", 129_600)]
)
def test_ages(text, seconds):
    assert parse_age(text) == seconds
