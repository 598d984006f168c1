"""What is said of files of labelled images that are not read."""

import pickle

import numpy as np
import pytest
from scipy.io import savemat

from imlogit.data.formats.conversions import conversion_in, conversion_of
from imlogit.data.sources import load
from imlogit.errors import DataError

HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(600)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.h5", HDF5, r"is an HDF5 file\. Make a .*h5py.File\('x.h5'\).*'x.npz'.*train_set_x"),
        ("x.hdf5", HDF5, "is an HDF5 file"),
        ("x", HDF5, "is an HDF5 file"),
        (
            "x.pkl",
            b"(dp0\n.",
            r"a pickle\. It is never unpickled.*Where you trust it.*pickle\.load",
        ),
        (
            "data_batch_1",
            pickle.dumps({}, 2),
            r"a pickle\. It is never unpickled here.*'data_batch",
        ),
        ("x.pt", b"PK\3\4", r"is a PyTorch file\. It is never unpickled.*weights_only=True"),
        ("x.pth", pickle.dumps([], 2), "is a PyTorch file"),
        ("x.tfrecord", b"\1\0\0", r"is a TFRecord file\. Read it .*from_tf_dataset"),
        ("data_batch_1.bin", bytes(3073), "Give the folder .*cifar-10-batches-bin"),
        ("x.rar", b"Rar!\x1a\7\0", r"is a RAR archive\. Unpack it"),
        ("x.gz", b"\x1f\x8b\x08", r"is a gzip archive\. Unpack it"),
        ("x.7z", b"7z\xbc\xaf\x27\x1c", r"is a 7z archive\. Unpack it"),
        (
            "x.txt",
            b"version https://git-lfs.github.com/spec/v1",
            r"LFS pointer\. Run `git lfs pull`",
        ),
    ],
)
def test_one_line_says_what_it_is_and_how_it_is_converted(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as refused:
        load(path)
    assert str(refused.value).isprintable()


def test_what_is_not_known_is_answered_with_what_is_read(tmp_path):
    path = tmp_path / "x.xyz"
    path.write_bytes(b"hello")
    assert conversion_of(path) is None
    assert conversion_of(tmp_path / "gone") is None
    with pytest.raises(DataError, match="no source of labelled images: give one of"):
        load(path)


@pytest.mark.parametrize("kind", ["pickle", "matlab"])
def test_what_is_said_can_be_typed(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    rows, labels = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072), [1, 0]
    if kind == "pickle":
        (tmp_path / "batch").write_bytes(pickle.dumps({"data": rows, "labels": labels}, 2))
    else:
        savemat("batch", {"X": rows.reshape(2, 32, 32, 3), "y": labels}, appendmat=False)
    said = conversion_of("batch")
    exec(said[said.index("import numpy") :])
    found = load("batch.npz")
    assert found.image_shape == (32, 32, 3)
    assert found.labels.tolist() == labels


def test_a_folder_is_what_its_largest_file_is(tmp_path):
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps([0] * 100, 2))
    (tmp_path / "readme.html").write_bytes(b"<html>")
    assert "is a pickle" in conversion_in(tmp_path)
    with pytest.raises(DataError, match="no class folder with an image.*data_batch_1 is a pickle"):
        load(tmp_path)
    (tmp_path / "empty").mkdir()
    assert conversion_in(tmp_path / "empty") is None
    assert conversion_in(tmp_path / "gone") is None
