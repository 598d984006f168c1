"""The binary version of CIFAR: which files are read, and how an image lies in them."""

import numpy as np
import pytest

from imlogit import load
from imlogit.data.readers.published import cifar_binary
from imlogit.errors import DataError

from helpers.image_files import is_accepted

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
LABELS = np.array([2, 0, 1, 1, 2, 0], np.uint8)
NAMES = "truck\ncat\nbird\n\n"


def records(rows, coarse=None):
    """The bytes of images: their labels, then a plane for each colour."""
    labels = (
        LABELS[rows, None] if coarse is None else np.c_[LABELS[rows] * 0 + coarse, LABELS[rows]]
    )
    planes = np.moveaxis(IMAGES[rows], 3, 1).reshape(-1, 3072)
    return np.hstack([labels, planes]).tobytes()


@pytest.fixture
def ten(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / "data_batch_1.bin").write_bytes(records(slice(2)))
    (folder / "data_batch_2.bin").write_bytes(records(slice(2, 4)))
    (folder / "test_batch.bin").write_bytes(records(slice(4, 6)))
    (folder / "batches.meta.txt").write_text(NAMES)
    (folder / "readme.html").write_text("x")
    return folder


def test_cifar_10(ten):
    assert is_accepted(cifar_binary, ten)
    found = load(ten)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert found.class_names == ("truck", "cat", "bird")
    np.testing.assert_array_equal(found.labels, LABELS)
    assert (found.n_train, found.name) == (4, "cifar-10-batches-bin")
    assert found.origin == "the binary version of CIFAR-10"


def test_cifar_100_by_its_fine_labels(tmp_path):
    (tmp_path / "train.bin").write_bytes(records(slice(4), coarse=17))
    assert not is_accepted(cifar_binary, tmp_path), "any file may be called so"
    (tmp_path / "test.bin").write_bytes(records(slice(4, 6), coarse=17))
    (tmp_path / "fine_label_names.txt").write_text(NAMES)
    found = load(tmp_path)
    np.testing.assert_array_equal(found.images, IMAGES)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.n_train == 4


def test_without_names_and_test_part(ten):
    (ten / "batches.meta.txt").unlink()
    (ten / "test_batch.bin").unlink()
    found = load(ten)
    assert found.class_names == ("0", "1", "2")
    assert found.test is None


def test_a_changed_file_is_read_anew(ten):
    load(ten)
    (ten / "batches.meta.txt").write_text("lorry\ncat\nbird\n")
    assert load(ten).class_names[0] == "lorry"
    (ten / "data_batch_2.bin").write_bytes(records(slice(2, 3)))
    assert load(ten).n_train == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data_batch_2.bin", records(slice(2))[:-1], "data_batch_2.bin has 6,145 bytes, not a mul"),
        ("test_batch.bin", b"", "test_batch.bin has 0 bytes"),
        ("batches.meta.txt", b"truck\n", "label 2, but batches.meta.txt has 1 names"),
        ("batches.meta.txt", b"\xff\xfe\n" * 9, "damaged"),
        ("batches.meta.txt", b"x" * 100_000, "batches.meta.txt"),
        ("batches.meta.txt", b"cat\ncat\nbird\n", "all different"),
    ],
)
def test_damaged(ten, name, content, message):
    (ten / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(ten)
