"""Folders of IDX files: which files belong together, and what is said where that is not clear."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from imlogit.data.readers.published import idx_folder
from imlogit.data.reading import Reading
from imlogit.errors import DataError

from helpers.image_files import is_accepted
from helpers.mirror_server import idx_bytes

IMAGES = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
LABELS = np.array([3, 10, 2, 2, 10, 3], np.uint8)


def write(folder, prefix="train-", rows=slice(None), *, images=IMAGES, zipped=False, dot=False):
    """Write a pair of files."""
    folder.mkdir(exist_ok=True)
    for what, array in (("images-idx3", images), ("labels-idx1", LABELS)):
        name = f"{prefix}{what}-ubyte".replace("-idx", ".idx" if dot else "-idx")
        blob = idx_bytes(array[rows])
        path = folder / (name + ".gz" if zipped else name)
        path.write_bytes(gzip.compress(blob, mtime=0) if zipped else blob)


def read(folder):
    return idx_folder.SOURCE.read(folder, Reading())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "clothes"


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("dot", [True, False])
@pytest.mark.parametrize("prefixes", [("train-", "t10k-"), ("a-letters-train-", "a-letters-test-")])
def test_a_training_and_a_test_part(folder, prefixes, zipped, dot):
    for prefix, rows in zip(prefixes, (slice(4), slice(4, None)), strict=True):
        write(folder, prefix, rows, zipped=zipped, dot=dot)
    assert is_accepted(idx_folder, folder)
    found = read(folder)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert found.class_names == ("2", "3", "10")
    assert [found.class_names[code] for code in found.labels] == list(map(str, LABELS))
    assert (found.n_train, found.name, found.origin) == (4, "clothes", "IDX files")
    names = [path.name for path in idx_folder.SOURCE.files(folder)]
    assert len(names) == 4
    assert names[0].startswith(prefixes[0] + "images")
    assert names[3].startswith(prefixes[1] + "labels")


def test_images_and_labels_may_be_named_in_different_ways(folder):
    write(folder)
    (folder / "train-labels-idx1-ubyte").unlink()
    (folder / "train-labels.idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(LABELS)))
    np.testing.assert_array_equal(read(folder).images, IMAGES)


def test_a_pair_of_neither_part_is_for_training(folder):
    write(folder, "")
    assert read(folder).test is None


def test_testament_is_no_test(folder):
    write(folder, "testament-")
    assert read(folder).n_train == 6


def test_a_packed_file_beside_the_unpacked_one_is_the_same_set(folder):
    write(folder)
    write(folder, zipped=True)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"not read")
    assert len(read(folder)) == 6
    assert {path.suffix for path in idx_folder.SOURCE.files(folder)} == {""}


def test_the_folder_in_which_one_stands_has_its_name(folder, monkeypatch):
    write(folder)
    monkeypatch.chdir(folder)
    assert read(Path()).name == "clothes"


def test_files_that_systems_leave_behind_are_not_looked_at(folder):
    write(folder)
    (folder / "._train-images-idx3-ubyte").write_bytes(b"Mac OS X")
    assert len(read(folder)) == 6


def test_several_sets_are_listed(folder):
    for name in ("letters", "digits"):
        write(folder, f"emnist-{name}-train-", zipped=True)
        write(folder, f"emnist-{name}-test-", zipped=True)
    with pytest.raises(DataError, match="folder of its own") as caught:
        read(folder)
    for name in ("letters-train", "digits-train", "letters-test", "digits-test"):
        assert f"emnist-{name}-images-idx3-ubyte" in str(caught.value)
    with pytest.raises(DataError, match="2 training parts"):
        idx_folder.SOURCE.files(folder)


def test_a_long_list_is_cut(folder):
    for number in range(30):
        write(folder, f"set{number:02}-")
    with pytest.raises(DataError, match="30 training parts.*set09-.* and 20 more.*0 test parts"):
        read(folder)


@pytest.mark.parametrize(
    ("prefixes", "message"),
    [
        (["t10k-"], "all IDX files are of a test part.*train-images"),
        (["train-", "t10k-", "my-test-"], "1 training parts.*2 test parts"),
        ([], "no IDX images"),
    ],
)
def test_parts_that_do_not_make_a_set(folder, prefixes, message):
    folder.mkdir()
    for prefix in prefixes:
        write(folder, prefix)
    with pytest.raises(DataError, match=message):
        read(folder)


def test_labels_are_missing(folder):
    write(folder)
    (folder / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="no file of its labels.*train-labels-idx1-ubyte"):
        read(folder)


def test_lengths_differ(folder):
    write(folder)
    (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS[:-1]))
    with pytest.raises(DataError, match="6 images, but train-labels-idx1-ubyte 5 labels"):
        read(folder)


def test_a_part_in_colour_is_refused(folder):
    write(folder, images=np.zeros((6, 4, 5, 3), np.uint8))
    with pytest.raises(DataError, match="4 dimension"):
        read(folder)


def test_a_damaged_file_is_named(folder):
    write(folder)
    (folder / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DataError, match="train-images-idx3-ubyte is not an IDX file"):
        read(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.timeout(5)
def test_a_fifo_does_not_hang(folder):
    write(folder)
    (folder / "train-labels-idx1-ubyte").unlink()
    os.mkfifo(folder / "train-labels-idx1-ubyte")
    with pytest.raises(DataError, match="not a regular file"):
        read(folder)


def test_what_is_not_such_a_folder(tmp_path):
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(idx_bytes(IMAGES))
    empty = tmp_path / "empty"
    empty.mkdir()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (file, empty, loop, tmp_path / "absent"):
        assert not is_accepted(idx_folder, path)
    with pytest.raises(DataError, match="absent cannot be read"):
        read(tmp_path / "absent")


def test_a_name_that_is_no_text_is_shown(tmp_path):
    folder = tmp_path / "be\x07ll"
    write(folder)
    assert read(folder).name == "be\\x07ll"
