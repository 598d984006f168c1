"""What is removed, and that nothing else is."""

import os
import time

import numpy as np
import pytest
from filelock import FileLock

from imlogit import load
from imlogit.data.cache import clear, entries, note_files
from imlogit.data.clearing import clear_cache
from imlogit.data.facts import kept_sources

from helpers.image_files import can_make, write, write_class_folders

DAY = 86_400
ORPHAN = "images-" + "0" * 16 + "-" + "f" * 16
KNOWN = ("mnist", "mnist-5k")


@pytest.fixture
def source(tmp_path):
    return write_class_folders(tmp_path / "x", np.zeros((4, 3, 3), np.uint8), "abab")


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def leave_behind(home):
    """Make one of each thing that a killed process, or a stranger, leaves; return ours."""
    home.mkdir(exist_ok=True)
    write(home / ORPHAN / "images.npy", b"12345")
    write(home / f".{ORPHAN}-part-abc" / "new" / "images.npy", b"123")
    write(home / ".mnist-part-a_c" / "new" / "images.npy", b"123")
    write(home / f".{ORPHAN[:-1]}0.lock", b"")
    write(home / "sources" / f"{'a' * 32}.json", b"no note")
    for part in home.glob(".*-part-*"):
        age(part, 2 * DAY)
    return [ORPHAN, f".{ORPHAN}-part-abc", ".mnist-part-a_c", f".{ORPHAN[:-1]}0.lock"]


WAYS = {
    "reading what is kept": lambda source: load(source),
    "reading what is not": lambda source: load(str(source) + "-2"),
    "a known set": lambda _: load("mnist-5k"),
    "listing": lambda _: kept_sources(),
    "removing one": clear_cache,
    "removing by age": lambda _: clear_cache(older_than="900d"),
    "removing all": lambda _: clear_cache(everything=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_whatever_looks_into_the_cache_removes_what_killed_processes_left(
    cache_home, tmp_path, source, way
):
    write_class_folders(tmp_path / "x-2", np.zeros((4, 3, 3), np.uint8), "abab")
    load(source)
    marks = {days: f"{'0' * 8}-1-{days:016x}" for days in (0, 2)}
    left = {
        days: [
            write(cache_home / f".{ORPHAN}-part-{mark}" / "new" / "images.npy", b"123").parents[1],
            write(cache_home / "sources" / f".imlogit-{mark}.tmp", b"half"),
        ]
        for days, mark in marks.items()
    }
    for path in left[2]:
        age(path, 2 * DAY)
    WAYS[way](source)
    assert not [path for path in left[2] if path.exists()]
    assert all(path.exists() for path in left[0])


def test_nothing_is_swept_behind_a_link(cache_home, tmp_path):
    cache_home.mkdir()
    name = f".imlogit-{'0' * 8}-1-{'0' * 16}.tmp"
    theirs = write(tmp_path / "theirs" / name, b"half")
    if not can_make(lambda path: path.symlink_to(theirs.parent), cache_home / "sources"):
        pytest.skip("this system has no symbolic links")
    age(theirs, 2 * DAY)
    entries.tidy()
    assert theirs.exists()


FOREIGN = (
    *("images-a-b/facts.json", "images/x.png", "images-2024-holiday/x.png", "notes.txt"),
    *(".pets.lock", ".pets-part-abc/x.png", "sources/mine.json", "sources/more/x.json"),
    *("mnist-6k/facts.json", f"{ORPHAN}.zip", f"{ORPHAN}x/y.png"),
)


def test_leftovers_go_and_nothing_else_does(cache_home, source):
    load(source)
    ours = leave_behind(cache_home)
    for name in FOREIGN:
        age(write(cache_home / name, b"x").parent, 2 * DAY)
    young = cache_home / f".{ORPHAN}-part-young"
    write(young / "new" / "images.npy", b"123")
    assert clear.remove_leftovers(KNOWN) == (4, 5 + 3 + 3)
    assert not [name for name in ours if (cache_home / name).exists()]
    assert all((cache_home / name).is_file() for name in FOREIGN)
    assert young.is_dir()
    assert len(note_files.noted()) == len(entries.of_sources()) == 1


def test_a_lock_that_is_held_or_whose_entry_is_there_stays(cache_home):
    leave_behind(cache_home)
    held = cache_home / f".{ORPHAN[:-1]}0.lock"
    needed = write(cache_home / ".mnist.lock", b"")
    write(cache_home / "mnist" / "facts.json", b"x")
    with FileLock(str(held)):
        clear.remove_leftovers(KNOWN)
        assert held.exists()
    assert needed.exists()
    clear.remove_leftovers(KNOWN)
    assert not held.exists()


def test_links_are_removed_and_not_followed(cache_home, tmp_path, source):
    load(source)
    outside = write(tmp_path / "outside" / "images.npy", b"precious").parent
    note = write(tmp_path / "note.json", b"precious")
    (entry,) = entries.of_sources()
    entries.remove(entry)
    links = [
        cache_home / ORPHAN,
        cache_home / f".{ORPHAN}-part-link",
        cache_home / "mnist",
        cache_home / entry,
    ]
    if not all(can_make(lambda path: path.symlink_to(outside), link) for link in links):
        pytest.skip("this system has no symbolic links")
    age(links[1], 2 * DAY)
    links.append(cache_home / "sources" / f"{'b' * 32}.json")
    links[-1].symlink_to(note)
    (removed,) = clear.remove_noted(lambda _: True)
    assert removed.bytes == 0
    assert [one.source for one in clear.remove_known(KNOWN)] == ["mnist"]
    clear.remove_leftovers(KNOWN)
    assert not [link for link in links if os.path.lexists(link)]
    assert (outside / "images.npy").read_bytes() == note.read_bytes() == b"precious"


def test_notes_behind_a_link_are_not_touched(cache_home, tmp_path):
    cache_home.mkdir()
    behind = write(tmp_path / "behind" / f"{'a' * 32}.json", b"x")
    if not can_make(lambda path: path.symlink_to(behind.parent), cache_home / "sources"):
        pytest.skip("this system has no symbolic links")
    clear.remove_leftovers(KNOWN)
    assert behind.exists()
    assert not os.path.lexists(cache_home / "sources")


def test_images_that_are_in_use_stay_usable(source):
    load(source)
    images = load(source)
    (removed,) = clear.remove_noted(lambda _: True)
    assert removed.bytes > images.images.nbytes
    assert entries.of_sources() == note_files.noted() == []
    assert not images.images.any()


def test_an_entry_that_another_source_shares_stays(source, tmp_path):
    other = write_class_folders(tmp_path / "y" / "x", np.zeros((4, 3, 3), np.uint8), "abab")
    load(source)
    load(other)
    (removed,) = clear.remove_noted(lambda one: one.note.source == str(source))
    assert (removed.source, removed.bytes) == (str(source), 0)
    assert len(entries.of_sources()) == 1
    (removed,) = clear.remove_noted(lambda _: True)
    assert removed.bytes > 0


def test_an_entry_whose_lock_is_held_is_waited_for_a_little(source, monkeypatch):
    monkeypatch.setattr(entries, "REMOVAL_SECONDS", 0.05)
    load(source)
    (entry,) = entries.of_sources()
    with FileLock(str(entries.folder() / f".{entry}.lock")):
        assert entries.remove(entry)


def test_no_cache_at_all(cache_home):
    assert clear.remove_leftovers(KNOWN) == (0, 0)
    assert clear.remove_noted(lambda _: True) == clear.remove_known(KNOWN) == []
    assert not cache_home.exists()
