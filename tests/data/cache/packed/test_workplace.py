"""Packing that is stopped: what is there is a part, and the same call ends in the same bytes."""

import errno
import os
import threading

import numpy as np
import pytest

from imlogit import DataError, ImageSet, OutputError, augment, load, pack

IMAGES = np.arange(12 * 4 * 3, dtype=np.uint8).reshape(12, 4, 3)
GIVEN = ImageSet(
    IMAGES, np.arange(12) % 2, ("a", "b"), 8, "x", "a test", names=[*"abcdefghijkl"], n_validation=2
)
JOBS = {
    "pack": lambda place: pack(GIVEN, place, shard_bytes=36),
    "augment": lambda place: augment(GIVEN, place, copies=2, shard_bytes=120),
}


def state(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Stop(BaseException):
    """A kill: nothing is tidied up after it."""


@pytest.fixture(scope="module", params=JOBS)
def job(request, tmp_path_factory):
    """A job, and what an undisturbed run of it leaves."""
    place = tmp_path_factory.mktemp("whole") / "packed"
    JOBS[request.param](place)
    return JOBS[request.param], state(place)


def stopped(monkeypatch, call, error):
    """Let the ``call``-th renaming, or what follows it, fail."""
    rename, made = os.replace, iter(range(1000))

    def replace(*places):
        number = next(made)
        if number == 2 * call:
            raise error
        rename(*places)
        if number == 2 * call + 1:
            raise error

    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("call", range(0, 12, 2))
def test_a_kill_loses_a_shard_at_most(job, tmp_path, monkeypatch, call):
    work, whole = job
    place = tmp_path / "packed"
    with monkeypatch.context() as patch:
        patch.setattr("imlogit.system.atomic.discard", lambda _: None)
        stopped(patch, call, Stop())
        with pytest.raises(Stop):
            work(place)
    begun = {name: (place / name).stat().st_mtime_ns for name in state_of_shards(place)}
    work(place)
    assert state(place) == whole
    kept = [name for name, at in begun.items() if (place / name).stat().st_mtime_ns == at]
    assert len(kept) >= len(begun) - 3  # the files of one shard


def state_of_shards(place):
    return [path.name for path in place.iterdir() if path.suffix == ".npy"]


def test_what_was_changed_meanwhile_is_made_again(job, tmp_path, monkeypatch):
    work, whole = job
    place = tmp_path / "packed"
    with monkeypatch.context() as patch:
        stopped(patch, 7, Stop())
        with pytest.raises(Stop):
            work(place)
    (place / "train-00000.images.npy").write_bytes(b"other")
    work(place)
    assert state(place) == whole


def test_a_full_disk_is_one_line_and_gone_on_from(job, tmp_path, monkeypatch):
    work, whole = job
    place = tmp_path / "packed"
    with monkeypatch.context() as patch:
        stopped(patch, 4, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        with pytest.raises(OutputError, match=r"packed: .*disk is full.*kept") as caught:
            work(place)
    assert "\n" not in str(caught.value)
    assert "train-00000.images.npy" in state_of_shards(place)
    work(place)
    assert state(place) == whole


@pytest.mark.parametrize(
    ("other", "error", "said"),
    [
        (lambda place: pack(GIVEN, place, shard_bytes=72), DataError, "another source or in"),
        (lambda place: augment(GIVEN, place, copies=3), DataError, "another source or in"),
    ],
    ids=["size", "job"],
)
def test_another_source_is_not_gone_on_with(job, tmp_path, monkeypatch, other, error, said):
    place = tmp_path / "packed"
    with monkeypatch.context() as patch:
        stopped(patch, 4, Stop())
        with pytest.raises(Stop):
            job[0](place)
    with pytest.raises(error, match=said):
        other(place)


def test_a_place_that_is_taken_is_refused(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    for place in ("taken", "taken/mine.txt"):
        with pytest.raises(OutputError, match="Choose another"):
            pack(GIVEN, tmp_path / place)
    (tmp_path / "empty").mkdir()
    pack(GIVEN, tmp_path / "empty")
    with pytest.raises(OutputError, match="exists already"):
        pack(GIVEN, tmp_path / "empty")


def test_two_at_once_are_refused(tmp_path, monkeypatch):
    inside, done, said = threading.Event(), threading.Event(), []
    rename = os.replace

    def replace(*places):
        inside.set()
        done.wait(10)
        rename(*places)

    monkeypatch.setattr(os, "replace", replace)
    first = threading.Thread(target=pack, args=(GIVEN, tmp_path / "packed"))
    first.start()
    inside.wait(10)
    try:
        pack(GIVEN, tmp_path / "packed")
    except OutputError as error:
        said.append(str(error))
    done.set()
    first.join()
    assert "another process" in said[0]


def test_a_kill_while_it_is_tidied_up_leaves_a_finished_folder(job, tmp_path, monkeypatch):
    work, whole = job
    place = tmp_path / "packed"
    with monkeypatch.context() as patch:
        patch.setattr("imlogit.data.cache.packed.workplace.discard", lambda _: None)
        work(place)
    assert (place / ".packing").is_dir()
    assert load(place).class_names == ("a", "b")
    with pytest.raises(OutputError, match="exists already"):
        work(place)
    assert state(place) == whole
