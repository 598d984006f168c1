"""What lies in a folder, but for where runs are written."""

import pytest

from imlogit.data.readers.listing import files_below, place_at, subfolders
from imlogit.report.run_folder import RUNS

from helpers.image_files import write


@pytest.fixture
def root(tmp_path):
    for name in ("a/0.png", "a/deep/1.png", f"a/{RUNS}/x-1/metrics.json", ".hidden/2.png"):
        write(tmp_path / name, b"x")
    write(tmp_path / RUNS / "x-1" / "metrics.json", b"x")
    write(tmp_path / RUNS / "x-1" / "samples.png", b"x")
    return tmp_path


def test_runs_are_left_out(root):
    assert [item.name for item in subfolders(root, follow_links=False)] == ["a"]
    assert [item.name for item in files_below(root, root, False)] == ["a/0.png", "a/deep/1.png"]
    assert place_at(root).names == place_at(root).folders == ["a"]


def test_a_class_of_that_name_is_not(root):
    write(root / RUNS / "0.png", b"x")
    assert [item.name for item in subfolders(root, follow_links=False)] == ["a", RUNS]
    assert place_at(root).folders == ["a", RUNS]


def test_runs_can_be_listed_themselves(root):
    assert len(files_below(root / RUNS, root, False)) == 2
