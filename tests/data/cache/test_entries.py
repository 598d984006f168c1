import json
import os
import platform
import signal
import subprocess
import sys
import time
import warnings
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imlogit.data.cache import entries, locks
from imlogit.data.image_set import ImageSet
from imlogit.data.labelled_set import label_digest
from imlogit.errors import DataError

from helpers.full_disk import no_file_beyond
from helpers.mirror_server import is_mapped

NAME = "tiny"


@pytest.fixture
def images():
    return ImageSet(
        images=np.random.default_rng(0).integers(0, 256, (30, 4, 4), dtype=np.uint8),
        labels=np.arange(30) % 3,
        class_names=("a", "<script>", "ç"),
        n_train=20,
        name=NAME,
        origin="a test",
    )


@pytest.fixture
def pins(images):
    return entries.Pins(images.sha256, label_digest(images.labels))


def same(one, other):
    np.testing.assert_array_equal(one.images, other.images)
    np.testing.assert_array_equal(one.labels, other.labels)
    for name in ("class_names", "n_train", "name", "origin", "sha256"):
        assert getattr(one, name) == getattr(other, name)


def refuse():
    pytest.fail("the data were fetched, although the cache holds them")


def names(folder):
    """Return what lies in the cache, except the lock file."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_what_was_kept_is_read_again_memory_mapped(images, pins, cache_home, no_warning):
    same(entries.cached(NAME, pins, lambda: images), images)
    again = entries.cached(NAME, pins, refuse)
    same(again, images)
    assert is_mapped(again.images)
    assert not again.images.flags.writeable
    assert names(cache_home) == [NAME]


def test_two_entries_of_the_same_data_are_identical(images, cache_home):
    entries.write_entry(images, "one")
    time.sleep(0.01)
    entries.write_entry(images, "two")
    for path in (cache_home / "one").iterdir():
        assert path.read_bytes() == (cache_home / "two" / path.name).read_bytes()
    assert sorted(json.loads((cache_home / "one" / "facts.json").read_text())["facts"]) == [
        "class_names", "format", "images", "labels", "n_train", "name", "origin",
    ]  # fmt: skip


def test_nothing_kept_is_not_an_error(pins):
    assert entries.read_entry(NAME, pins) is None


def cut(path):
    path.write_bytes(path.read_bytes()[:-2])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"\0")


def flip_last(path):
    blob = bytearray(path.read_bytes())
    blob[-3] ^= 1
    path.write_bytes(blob)


def flip_header(path):
    blob = bytearray(path.read_bytes())
    blob[20] ^= 1
    path.write_bytes(blob)


def empty(path):
    path.write_bytes(b"")


def claim_32_gib(path):
    """Declare far more items than the file holds, in a header of the same length."""
    blob = path.read_bytes()
    there, huge = (b"'shape': (30, 4, 4), ", b"'shape': (8589934592, 4), ")
    if there in blob:
        spare = len(huge) - len(there)
        path.write_bytes(blob.replace(there, huge).replace(b" " * (spare + 1), b" ", 1))


def make_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "facts.json"])
@pytest.mark.parametrize(
    "damage", [cut, lengthen, flip_last, flip_header, empty, make_folder, Path.unlink]
)
def test_a_damaged_entry_is_dropped_and_the_data_fetched(images, pins, cache_home, name, damage):
    entries.write_entry(images, NAME)
    damage(cache_home / NAME / name)
    fetched = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = entries.cached(NAME, pins, lambda: fetched.append(1) or images)
    same(result, images)
    assert fetched == [1]
    # an entry without facts.json is no entry of ours; whatever else is wrong is said
    absent = damage is Path.unlink and name == "facts.json"
    assert [("damaged" in str(one.message)) for one in caught] == ([] if absent else [True])
    same(entries.cached(NAME, pins, refuse), images)
    assert names(cache_home) == [NAME]


def test_a_header_that_claims_32_gib_is_refused(images, pins, cache_home):
    entries.write_entry(images, NAME)
    path = cache_home / NAME / "images.npy"
    size = path.stat().st_size
    claim_32_gib(path)
    assert b"8589934592" in path.read_bytes()
    assert path.stat().st_size == size
    with pytest.raises(DataError, match="damaged"):
        entries.read_entry(NAME, pins)


@pytest.mark.parametrize(
    ("key", "value"),
    [("n_train", 10), ("origin", "elsewhere"), ("class_names", ["a", "b", "c"]), ("name", "x")],
)
def test_altered_facts_are_refused(images, pins, cache_home, key, value):
    entries.write_entry(images, NAME)
    path = cache_home / NAME / "facts.json"
    whole = json.loads(path.read_text())
    assert whole["facts"][key] != value
    whole["facts"][key] = value
    path.write_text(json.dumps(whole))
    with pytest.raises(DataError, match="altered"):
        entries.read_entry(NAME, pins)


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "{}", "\x00", '{"facts": 1, "sha256": 2}'])
def test_facts_that_are_no_facts_are_refused(images, pins, cache_home, text):
    entries.write_entry(images, NAME)
    (cache_home / NAME / "facts.json").write_text(text)
    with pytest.raises(DataError, match="damaged"):
        entries.read_entry(NAME, pins)


def test_facts_of_a_huge_size_are_not_read(images, pins, cache_home):
    entries.write_entry(images, NAME)
    with (cache_home / NAME / "facts.json").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="bytes"):
        entries.read_entry(NAME, pins)


def test_sound_data_that_are_not_the_published_ones_are_refused(images, pins):
    entries.write_entry(images, NAME)
    for other in (pins._replace(images="0" * 64), pins._replace(labels="0" * 64)):
        with pytest.raises(DataError, match="other data"):
            entries.read_entry(NAME, other)


def test_an_entry_of_another_format_is_replaced_without_a_word(
    images, pins, monkeypatch, no_warning
):
    with monkeypatch.context() as patch:
        patch.setattr(entries, "FORMAT", entries.FORMAT + 1)
        entries.write_entry(images, NAME)
    assert entries.read_entry(NAME, pins) is None
    same(entries.cached(NAME, pins, lambda: images), images)
    same(entries.cached(NAME, pins, refuse), images)


def test_a_folder_that_cannot_be_written_costs_one_warning(images, pins, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("in the way")
    monkeypatch.setenv("IMLOGIT_CACHE", str(file / "cache"))
    with pytest.warns(UserWarning, match="IMLOGIT_CACHE") as caught:
        same(entries.cached(NAME, pins, lambda: images), images)
    assert len(caught) == 1
    assert file.read_text() == "in the way"


def test_what_a_full_disk_cuts_short_is_not_kept(images, cache_home):
    # less than a buffer of C's streams, whose end is written when it is closed
    many = replace(images, images=np.repeat(images.images, 7, axis=0), labels=np.arange(210) % 3)
    pins = entries.Pins(many.sha256, label_digest(many.labels))
    with (
        pytest.warns(UserWarning, match="could not be kept"),
        no_file_beyond(many.images.nbytes),
    ):
        same(entries.cached(NAME, pins, lambda: many), many)
    assert names(cache_home) == []


@pytest.mark.parametrize("stop", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", range(5))
def test_stopped_while_writing_the_old_entry_stays_whole(
    images, pins, cache_home, monkeypatch, stop, step
):
    entries.write_entry(images, NAME)
    calls, fsync = [], os.fsync

    def failing(handle):
        calls.append(handle)
        if len(calls) == step + 1:
            raise stop
        fsync(handle)

    other = ImageSet(images.images + 1, images.labels, images.class_names, 20, NAME, "other")
    # a folder that cannot be synced is no failure, and the last sync is after the rename
    survives = isinstance(stop, OSError) and step >= 3
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with nullcontext() if survives else pytest.raises(type(stop)):
            entries.write_entry(other, NAME)
    assert len(calls) >= step + 1
    assert names(cache_home) == [NAME]
    written = survives or step == 4
    same(
        entries.read_entry(NAME, entries.Pins(other.sha256, pins.labels) if written else pins),
        other if written else images,
    )


def test_what_a_killed_writer_left_is_removed(images, cache_home):
    left = cache_home / f".{NAME}-part-abc" / "new"
    left.mkdir(parents=True)
    (left / "images.npy").write_bytes(b"half")
    entries.write_entry(images, NAME)
    assert names(cache_home) == [NAME]


def test_the_default_folder_is_the_one_that_pooch_names(monkeypatch):
    import pooch

    monkeypatch.delenv("IMLOGIT_CACHE")
    assert entries.folder() == Path(pooch.os_cache("imlogit"))


HOLD = """
import sys, time
from imlogit.data.cache import entries
from imlogit.data.cache.locks import locked
with locked(entries.folder(), "tiny", 9) as alone:
    print("held" if alone else "no lock", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder():
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert process.stdout.readline().strip() == "held"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.timeout(30)
def test_whoever_waits_is_told_for_whom_and_the_wait_ends(images, pins, monkeypatch, holder):
    monkeypatch.setattr(locks, "SAID_SECONDS", 0.1)
    monkeypatch.setattr(entries, "LOCK_SECONDS", 0.3)
    who = f"process {holder.pid} on {platform.node()}, which loads tiny since 20.*just now"
    with (
        pytest.warns(UserWarning, match=f"Waiting for {who}"),
        pytest.raises(DataError, match=f"held, after 0.3 s, by {who}.*IMLOGIT_CACHE"),
    ):
        entries.cached(NAME, pins, refuse)


@pytest.mark.timeout(30)
def test_what_was_read_is_kept_beside_a_process_that_hangs(images, pins, monkeypatch, holder):
    monkeypatch.setattr(entries, "LOCK_SECONDS", 0.1)
    entries.keep(images, NAME, pins)
    same(entries.read_entry(NAME, pins), images)


@pytest.mark.timeout(30)
def test_the_lock_of_a_killed_process_is_free(images, pins, cache_home, holder):
    holder.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    holder.wait()
    start = time.monotonic()
    same(entries.cached(NAME, pins, lambda: images), images)
    assert time.monotonic() - start < entries.LOCK_SECONDS / 2
    assert names(cache_home) == [NAME]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        "null",
        " " * 5000,
        '{"pid": "x", "host": 1, "since": 2}',
        '{"pid": 1, "host": "x", "since": 1e300}',
        '{"pid": 1, "host": "x", "since": NaN}',
    ],
    ids=range(7),
)
def test_a_holder_that_says_nothing_is_another_process(cache_home, text):
    cache_home.mkdir()
    (cache_home / ".tiny.holder").write_text(text)
    assert locks.holder(cache_home / ".tiny.lock").startswith("another process, which has locked")


def test_a_holders_name_is_printed_with_its_controls_escaped(cache_home):
    cache_home.mkdir()
    told = {"pid": 1, "host": "x\x1b]0;\u202e", "since": 0}
    (cache_home / ".tiny.holder").write_text(json.dumps(told))
    assert locks.holder(cache_home / ".tiny.lock").isprintable()
