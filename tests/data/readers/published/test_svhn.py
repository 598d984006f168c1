"""SVHN's MATLAB files: what is read, and what is refused before it is."""

import numpy as np
import pytest
from scipy.io import savemat

from imlogit import load
from imlogit.data.readers.published import svhn
from imlogit.errors import DataError

from helpers.image_files import is_accepted

IMAGES = np.arange(5 * 4 * 3 * 3, dtype=np.uint8).reshape(5, 4, 3, 3)
LABELS = np.array([[10], [1], [9], [10], [2]], np.uint8)


def write(path, images=IMAGES, labels=LABELS, **more):
    path.parent.mkdir(exist_ok=True)
    variables = {"X": np.moveaxis(images, 0, 3), "y": labels, **more}
    savemat(path, {name: held for name, held in variables.items() if held is not None})
    return path


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("kind", [np.uint8, float])
def test_ten_is_the_digit_nought(tmp_path, kind, packed):
    path = tmp_path / "train_32x32.mat"
    variables = {"X": np.moveaxis(IMAGES, 0, 3), "y": LABELS.astype(kind)}
    savemat(path, variables, do_compression=packed)
    assert is_accepted(svhn, path)
    found = load(path)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert found.class_names == ("0", "1", "2", "9")
    assert [found.class_names[code] for code in found.labels] == ["0", "1", "9", "0", "2"]
    assert found.name == "train_32x32"


def test_a_folder_is_the_training_and_the_test_part(tmp_path):
    write(tmp_path / "svhn" / "train_32x32.mat")
    write(tmp_path / "svhn" / "test_32x32.mat", IMAGES[:2] + 1, LABELS[:2])
    write(tmp_path / "svhn" / "extra_32x32.mat")
    assert is_accepted(svhn, tmp_path / "svhn")
    with pytest.warns(UserWarning, match="left out: extra_32x32.mat"):
        found = load(tmp_path / "svhn")
    assert (found.name, found.n_train) == ("svhn", 5)
    np.testing.assert_array_equal(found.test.images, IMAGES[:2] + 1)
    write(tmp_path / "svhn" / "test_32x32.mat", IMAGES[:1], LABELS[:1])
    with pytest.warns(UserWarning, match="left out"):
        assert len(load(tmp_path / "svhn").test.labels) == 1


@pytest.mark.parametrize(
    ("name", "of_digits"), [("train_32x32.mat", True), ("extra_32x32.mat", True), ("x.mat", False)]
)
def test_only_files_of_its_names_are_known_to_be_of_digits(tmp_path, name, of_digits):
    for _ in range(2):  # what is kept says it, too
        assert load(write(tmp_path / name)).of_digits is of_digits


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"labels": None}, r"holds X \(4 x 3 x 3 x 5, uint8\), and not .*loadmat\('x.mat'\)"),
        ({"images": IMAGES.astype(float)}, r"holds X \(4 x 3 x 3 x 5, float64\)"),
        ({"images": IMAGES[..., :2]}, "and not X"),
        ({"labels": np.zeros((5, 2))}, "5 images, but 10 labels"),
        ({"labels": LABELS[:4]}, "5 images, but 4 labels"),
        ({"labels": LABELS + 1}, "the labels are not from 1 to 10"),
        ({"labels": LABELS / 2}, "the labels are not from 1 to 10"),
        ({"labels": np.array([[10], [0], [1], [1], [1]])}, "the labels are not from 1 to 10"),
        ({"labels": np.array([["ab"]] * 5, object)}, r"y \(5 x 1, other\), and not X"),
        ({"labels": LABELS + 1j}, r"y \(5 x 1, other\), and not X"),
    ],
)
def test_other_variables_are_listed(tmp_path, how, message):
    with pytest.raises(DataError, match=message):
        load(write(tmp_path / "x.mat", **how))


def test_matlab_7_3_is_hdf5(tmp_path):
    path = tmp_path / "x.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(
        DataError, match=r"MATLAB 7\.3.*h5py\.File\('x\.mat'\).*np\.savez\('x\.npz'"
    ):
        load(path)


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0", b"<html>" * 40])
def test_what_is_no_such_file(tmp_path, content):
    path = tmp_path / "x.mat"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no file of MATLAB 5 to 7"):
        load(path)
