"""What killed processes left goes, and nothing else."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from imlogit.system import leftovers
from imlogit.system.atomic import filling, write_bytes
from imlogit.system.leftovers import DAY_SECONDS, mark, scratch_folder, sweep

from helpers.renaming import interrupt_at

pytestmark = pytest.mark.once
PARTS = mark().split("-")
HERE, PID, TOKEN = PARTS
GONE = "4194303"  # more than Linux hands out by default
ELSEWHERE = "0" * 8
# Written so in the names of tests, which must be the same in every process.
WORDS = {"HERE": HERE, "PID": PID, "TOKEN": TOKEN, "GONE": GONE, "ELSEWHERE": ELSEWHERE}


def plant(folder, name, age, kind):
    place = folder / name
    if kind == "folder":
        (place / "run").mkdir(parents=True)
        (place / "run" / "metrics.json").write_text("{}")
    else:
        place.write_text("half")
    when = time.time() - age
    os.utime(place, (when, when))
    return place


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize(
    ("name", "age", "goes"),
    [
        (".imlogit-{HERE}-{GONE}-{TOKEN}.tmp", 2, True),
        (".imlogit-{HERE}-{GONE}-{TOKEN}", 2, True),
        ("imlogit-{HERE}-{GONE}-{TOKEN}", 2, True),
        (".mnist-part-{HERE}-{GONE}-{TOKEN}", 2, True),
        (".imlogit-{ELSEWHERE}-{PID}-{TOKEN}", 2, True),
        (".imlogit-{HERE}-{GONE}-{TOKEN}", 0.9, False),
        (".imlogit-{ELSEWHERE}-{GONE}-{TOKEN}", 0.9, False),
        (".imlogit-{HERE}-{PID}-{TOKEN}", 0, False),
        (".imlogit-settings", 2, False),
        (".imlogit-cache.tmp", 2, False),
        ("thesis-{HERE}-{GONE}-{TOKEN}", 2, False),
    ],
)
def test_what_is_old_and_of_no_living_process_goes(tmp_path, kind, name, age, goes):
    place = plant(tmp_path, name.format(**WORDS), age * DAY_SECONDS, kind)
    write_bytes(tmp_path / "a", b"")
    assert place.exists() != goes


def test_what_a_living_process_writes_stays(tmp_path, monkeypatch):
    place = plant(tmp_path, f".imlogit-{HERE}-{PID}-{TOKEN}", 2 * DAY_SECONDS, "folder")
    monkeypatch.setattr(leftovers, "_start_of", lambda _: time.time() - 3 * DAY_SECONDS)
    sweep(tmp_path)
    assert place.exists()
    # a later process has the number now
    monkeypatch.setattr(leftovers, "_start_of", lambda _: time.time() - DAY_SECONDS)
    sweep(tmp_path)
    assert not place.exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not say")
def test_when_a_process_started():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert abs(leftovers._start_of(process.pid) - time.time()) < 60
        process.communicate(b"\n")


def test_what_another_user_left_stays(tmp_path, monkeypatch):
    place = plant(tmp_path, f".imlogit-{HERE}-{GONE}-{TOKEN}", 2 * DAY_SECONDS, "file")
    monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    sweep(tmp_path)
    assert place.exists()


def test_a_link_goes_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("mine")
    link = tmp_path / f".imlogit-{HERE}-{GONE}-{TOKEN}"
    link.symlink_to("mine")
    when = time.time() - 2 * DAY_SECONDS
    os.utime(link, (when, when), follow_symlinks=False)
    sweep(tmp_path)
    assert not link.is_symlink()
    assert (tmp_path / "mine" / "thesis").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from imlogit.system.atomic import filling, place_into
nth, seen = int(sys.argv[1]), []
def standing_in_for(whole):
    def rename(*places):
        seen.append(places)
        if len(seen) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        whole(*places)
    return rename
os.rename, os.replace = map(standing_in_for, (os.rename, os.replace))
with filling(Path()) as hidden:
    (hidden / "x").mkdir()
    (hidden / "x" / "new").write_text("new")
    place_into([(hidden / "x", Path("x"))], replace=True)
"""


@pytest.mark.parametrize("nth", [1, 2])
def test_a_folder_whose_replacement_was_killed_is_given_back(tmp_path, nth):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "old").write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(nth)], cwd=tmp_path, check=False)
    assert done.returncode == -9
    assert (tmp_path / "x").exists() == (nth == 1)
    with filling(tmp_path):
        pass
    assert (tmp_path / "x" / "old").read_text() == "old"
    for left in tmp_path.glob(".imlogit-*"):
        os.utime(left, (0, 0))
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_what_is_interrupted_while_it_is_given_back_is_not_lost(tmp_path, monkeypatch, after):
    hidden = plant(tmp_path, f".imlogit-{HERE}-{GONE}-{TOKEN}", 0, "folder")
    (hidden / "x.old").mkdir()
    (hidden / "x.old" / "old").write_text("old")
    with monkeypatch.context() as patch:
        interrupt_at(1, after, patch)
        with pytest.raises(KeyboardInterrupt):
            sweep(tmp_path)
    sweep(tmp_path)
    assert (tmp_path / "x" / "old").read_text() == "old"


def test_what_cannot_be_given_back_is_not_deleted(tmp_path, monkeypatch):
    (tmp_path / "hidden" / "x.old").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", lambda *_: (tmp_path / "nowhere").stat())
        leftovers.discard(tmp_path / "hidden")
    assert (tmp_path / "hidden" / "x.old").is_dir()


def test_a_scratch_folder_goes_and_takes_what_others_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = plant(tmp_path, f"imlogit-{HERE}-{GONE}-{TOKEN}", 2 * DAY_SECONDS, "folder")

    def stopped():
        with scratch_folder() as folder:
            assert folder.parent == tmp_path
            assert not left.exists()
            (folder / "half").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(tmp_path.iterdir()) == []
