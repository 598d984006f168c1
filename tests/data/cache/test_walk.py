"""What counts as a change below a folder, and what is imlogit's own in it."""

import numpy as np
import pytest

from imlogit.data.cache.stamps import stamp
from imlogit.data.cache.walk import IMAGE_ENDINGS, is_of_runs
from imlogit.data.images.decode import SUFFIXES
from imlogit.report.run_folder import RUNS

from helpers.image_files import can_make, write, write_class_folders


@pytest.fixture
def root(tmp_path):
    return write_class_folders(tmp_path / "x", np.zeros((4, 3, 3), np.uint8), "abab")


def add_run(folder, name="x-1"):
    write(folder / RUNS / name / "metrics.json", b"{}")
    write(folder / RUNS / name / "weights.png", b"x")


def test_the_endings_of_images_are_those_that_are_decoded():
    assert set(IMAGE_ENDINGS) == SUFFIXES


@pytest.mark.parametrize(
    ("holds", "ours"),
    [
        ([], True),
        ([".imlogit-abc/run/samples.png"], True),
        (["x-1/metrics.json"], True),
        (["x-1/metrics.json", "notes.txt", "other/a.png"], True),
        (["x-1/samples.png"], False),
        (["00001.PNG"], False),
        (["00001.jpeg", "x-1/metrics.json"], False),
        (["metrics.json"], False),
    ],
)
def test_a_folder_of_runs(tmp_path, holds, ours):
    (tmp_path / RUNS).mkdir()
    for name in holds:
        write(tmp_path / RUNS / name, b"x")
    assert is_of_runs(str(tmp_path), RUNS) == ours
    (tmp_path / RUNS).rename(tmp_path / "other")
    assert not is_of_runs(str(tmp_path), "other")


@pytest.mark.parametrize("name", ["file", "nothing", "link"])
def test_what_is_no_folder(tmp_path, name):
    if name == "file":
        write(tmp_path / RUNS, b"x")
    elif name == "link" and not can_make(lambda path: path.symlink_to(path), tmp_path / RUNS):
        pytest.skip("this system has no symbolic links")
    assert not is_of_runs(str(tmp_path), RUNS)


@pytest.mark.parametrize("inside", ["", "a"])
def test_runs_are_no_change(root, inside):
    before = stamp([root])
    (root / inside / RUNS).mkdir()
    assert stamp([root]) == before
    add_run(root / inside)
    assert stamp([root]) == before
    add_run(root / inside, "x-2")
    assert stamp([root]) == before


def test_a_class_of_that_name_counts(root):
    before = stamp([root])
    write(root / RUNS / "0.png", b"x")
    between = stamp([root])
    write(root / RUNS / "1.png", b"x")
    assert len({before.digest, between.digest, stamp([root]).digest}) == 3


CHANGES = {
    "a new folder": lambda root: (root / "c").mkdir(),
    "a folder in place of a file": lambda root: [
        (root / "a" / "00000.png").unlink(),
        (root / "a" / "00000.png").mkdir(),
    ],
    "a folder is renamed": lambda root: (root / "b").rename(root / "c"),
    "two folders change names": lambda root: [
        (root / "a").rename(root / "c"),
        (root / "b").rename(root / "a"),
        (root / "c").rename(root / "b"),
    ],
    "a file is moved": lambda root: (root / "a" / "00000.png").rename(root / "00000.png"),
    "a file is removed": lambda root: (root / "b" / "00001.png").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_folders_are_known_by_what_is_in_them(root, change):
    before = stamp([root])
    CHANGES[change](root)
    assert stamp([root]).digest != before.digest
