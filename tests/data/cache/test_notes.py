"""What was read once is kept by its content, and read anew when its files have changed."""

import json
import os
import time

import numpy as np
import pytest

from imlogit import load
from imlogit.data.cache import entries, note_files, notes, stamps
from imlogit.data.readers.trees import image_files

from helpers.image_files import write, write_class_folders
from helpers.mirror_server import is_mapped

IMAGES = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)
CLASSES = ["a", "b"] * 2


@pytest.fixture
def source(tmp_path):
    return write_class_folders(tmp_path / "source", IMAGES, CLASSES)


@pytest.fixture
def reads(monkeypatch):
    """Count how often a folder is really read."""
    seen = []

    def counting(*arguments):
        seen.append(arguments)
        return decode_all(*arguments)

    decode_all = image_files.decode_all
    monkeypatch.setattr(image_files, "decode_all", counting)
    return seen


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{" * 5, '{"source": ' + "[" * 900 + "]" * 900 + "}", "[" + "{}," * 99]
)
def test_a_hostile_note_is_passed_over(source, text):
    load(source)
    (note,) = note_files.notes_folder().iterdir()
    (note_files.notes_folder() / f"{'0' * 32}.json").write_text(text)
    assert [one.key for one in note_files.noted()] == [note.stem]


def kept_names():
    return sorted(path.name for path in entries.folder().glob("images-*"))


def test_unchanged_sources_are_read_once(source, reads):
    first = load(source)
    second = load(source)
    assert len(reads) == 1
    assert is_mapped(second.images)
    np.testing.assert_array_equal(first.images, second.images)
    assert (first.name, first.origin, first.class_names, first.n_train) == (
        second.name,
        second.origin,
        second.class_names,
        second.n_train,
    )


CHANGES = {
    "rewritten in place": lambda root: write(root / "a" / "00000.png", IMAGES[3]),
    "same size, old time": lambda root: _forge(root / "a" / "00000.png"),
    "added": lambda root: write(root / "b" / "9.png", IMAGES[0]),
    "removed": lambda root: (root / "a" / "00002.png").unlink(),
    "renamed": lambda root: (root / "a").rename(root / "c"),
    "moved to another class": lambda root: (root / "a" / "00000.png").rename(root / "b" / "0.png"),
}


def _forge(path):
    """Change one byte of an image, and give the file its old time back."""
    before = path.stat()
    write(path, IMAGES[0] + 1)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(source, reads, change):
    before = load(source)
    CHANGES[change](source)
    after = load(source)
    assert len(reads) == 2
    assert (before.sha256, before.class_names, before.labels.tolist()) != (
        after.sha256,
        after.class_names,
        after.labels.tolist(),
    )
    # what nothing refers to any more is removed
    assert len(kept_names()) == 1


def test_a_change_behind_a_link_is_noticed(source, tmp_path, reads):
    behind = write(tmp_path / "behind.png", IMAGES[0])
    try:
        (source / "a" / "link.png").symlink_to(behind)
    except OSError:
        pytest.skip("this system has no symbolic links")
    load(source, follow_links=True)
    write(behind, IMAGES[2])
    load(source, follow_links=True)
    assert len(reads) == 2


def test_another_way_of_reading_is_another_entry(source, reads):
    load(source)
    load(source, size=(2, 2))
    assert load(source, size=(2, 2)).image_shape == (2, 2)
    assert load(source).image_shape == (3, 3)
    assert len(reads) == 2
    assert len(kept_names()) == 2


def test_equal_sources_share_an_entry(source, tmp_path):
    load(source)
    load(write_class_folders(tmp_path / "other" / "source", IMAGES, CLASSES))
    assert len(kept_names()) == 1
    assert len(note_files.noted()) == 2


def test_a_file_changed_within_a_tick_of_the_clock_is_not_taken_for_the_old_one(source, reads):
    for value in range(5):
        _forge(source / "a" / "00000.png") if value % 2 else write(
            source / "a" / "00000.png", IMAGES[0]
        )
        assert load(source).images[0, 0, 0] == value % 2


def test_a_source_that_changes_while_it_is_read_is_not_kept(source, monkeypatch):
    decode_all = image_files.decode_all

    def changing(*arguments):
        found = decode_all(*arguments)
        write(source / "a" / "late.png", IMAGES[0])
        return found

    monkeypatch.setattr(image_files, "decode_all", changing)
    load(source)
    assert not note_files.noted()


def test_a_damaged_entry_is_read_anew(source, reads):
    load(source)
    (name,) = kept_names()
    with (entries.folder() / name / "images.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    np.testing.assert_array_equal(load(source).images[0], IMAGES[0])
    load(source)
    assert len(reads) == 2


@pytest.mark.parametrize(
    "note", ["", "[]", "{}", '{"entry": "../../etc"}', json.dumps({"source": 1}), "\0" * 50]
)
def test_a_damaged_note_is_as_none(source, reads, note):
    load(source)
    (path,) = (entries.folder() / entries.NOTES).glob("*.json")
    path.write_text(note)
    load(source)
    load(source)
    assert len(reads) == 2


def test_a_cache_that_cannot_be_written(source, monkeypatch, tmp_path):
    write(tmp_path / "file", b"x")
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="could not be kept"):
        assert len(load(source)) == 4


@pytest.mark.parametrize("program", ["", "/nowhere/python", "/bin/false", None])
def test_a_second_process_changes_nothing(tmp_path, monkeypatch, program):
    """Large folders are shared with a second process, if that can be started."""
    root = write_class_folders(tmp_path / "x", np.tile(IMAGES, (8, 1, 1)), "abcdefgh" * 4)
    alone = stamps.stamp([root])
    assert stamps.stamp([root]) == alone
    started = []
    start = stamps._start_helper
    monkeypatch.setattr(
        stamps, "_start_helper", lambda *a: started.append(start(*a)) or started[-1]
    )
    monkeypatch.setattr(stamps, "WORTH_A_PROCESS", 0)
    if program is not None:
        monkeypatch.setattr("sys.executable", program)
    shared = stamps.stamp([root])
    assert len(started) == 1
    assert shared.newest == alone.newest
    write(root / "h" / "new.png", IMAGES[0])
    changed = stamps.stamp([root])
    assert changed.digest != shared.digest


def test_links_to_elsewhere_are_not_looked_behind(tmp_path):
    root = write_class_folders(tmp_path / "x", IMAGES, CLASSES)
    outside = write_class_folders(tmp_path / "y", IMAGES, CLASSES)
    try:
        (root / "out").symlink_to(outside)
        (outside / "back").symlink_to(root)
    except OSError:
        pytest.skip("this system has no symbolic links")
    here, there = stamps.stamp([root]), stamps.stamp([root], follow_links=True)
    write(outside / "a" / "new.png", IMAGES[0])
    assert stamps.stamp([root]) == here
    assert stamps.stamp([root], follow_links=True) != there


def test_images_are_found_by_their_hash(source):
    found = load(source)
    assert notes.by_images(found.sha256).name == "source"
    assert notes.by_images("0" * 64) is None


def test_disks_that_count_whole_seconds_are_not_trusted_at_once(source, monkeypatch, reads):
    def coarse(*arguments):
        found = stamps.stamp(*arguments)
        return found._replace(newest=time.time_ns() // notes.SECOND * notes.SECOND)

    monkeypatch.setattr(notes, "stamp", coarse)
    load(source)
    load(source)
    assert len(reads) == 2
