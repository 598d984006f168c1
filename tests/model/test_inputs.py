"""What names stand for, with no more questions to the disk than are needed."""

import sys

import numpy as np
import pytest

from imlogit.data.reading import Reading
from imlogit.model.inputs import inputs

from helpers.disk_looks import count_looks
from helpers.image_files import GREY, encoded, write, write_class_folders

linux = pytest.mark.skipif(sys.platform != "linux", reason="descriptors have no names here")


@linux
@pytest.mark.parametrize("names", [["0.png", "1.JPG", "2.gif"], ["0", "1.tiff", "two"]])
def test_a_file_is_looked_at_once_and_opened(monkeypatch, tmp_path, names):
    paths = [str(write(tmp_path / name, GREY)) for name in names]
    looks = count_looks(monkeypatch, tmp_path)
    found = list(inputs(paths, Reading()))
    monkeypatch.undo()
    assert [one.content for one in found] == [encoded(GREY)] * 3
    assert [one.where for one in found] == paths
    assert looks == {(what, path): 1 for what in ("stat", "open") for path in paths}


@linux
def test_a_folder_is_not_asked_for_each_file(monkeypatch, tmp_path):
    root = write_class_folders(tmp_path / "pets", np.zeros((6, 3, 3), np.uint8), "ab" * 3)
    looks = count_looks(monkeypatch, root)
    assert len(list(inputs([str(root)], Reading()))) == 6
    monkeypatch.undo()
    files = {place: n for (_, place), n in looks.items() if place.endswith(".png")}
    assert len(files) == 6
    assert set(files.values()) == {1}


def test_a_folder_gives_what_looks_like_an_image(tmp_path):
    for name, content in {"0": GREY, "1.tif": GREY, "README": b"x", "2.txt": GREY}.items():
        write(tmp_path / "pets" / name, content)
    found = list(inputs([str(tmp_path / "pets")], Reading()))
    assert [one.where for one in found] == [f"{tmp_path}/pets/{name}" for name in ("0", "1.tif")]


def test_a_folder_that_is_named_as_an_image(tmp_path):
    write(tmp_path / "x.png" / "y.png", GREY)
    (found,) = inputs([str(tmp_path / "x.png")], Reading())
    assert found.where == f"{tmp_path}/x.png/y.png"
    assert found.content == encoded(GREY)


def test_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "x.png").symlink_to(tmp_path / "gone")
    (found,) = inputs([str(tmp_path / "x.png")], Reading())
    assert found.problem.startswith("cannot be read (No such file")


def test_whoever_waits_is_told_of_a_source(tmp_path):
    told = []
    write(tmp_path / "x.csv", b"label,pixel0\n1,3\n")
    assert (
        len(list(inputs([str(tmp_path / "x.csv")], Reading(), lambda *done: told.append(done))))
        == 1
    )
    assert told[-1] == ("reading x.csv", 17, 17)
