"""A folder of one .npy file for each class."""

import numpy as np
import pytest

from imlogit import load
from imlogit.data.images import room
from imlogit.data.readers.published import quick_draw
from imlogit.errors import DataError

from helpers.image_files import is_accepted

CATS, DOGS = (np.arange(n * 784, dtype=np.uint8).reshape(n, 784) for n in (3, 2))


@pytest.fixture
def drawings(tmp_path):
    folder = tmp_path / "drawings"
    folder.mkdir()
    np.save(folder / "dog.npy", DOGS)
    np.save(folder / "cat.npy", CATS)
    return folder


def test_the_name_of_a_file_is_the_class(drawings):
    assert is_accepted(quick_draw, drawings)
    found = load(drawings)
    assert found.class_names == ("cat", "dog")
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_array_equal(found.images, np.r_[CATS, DOGS].reshape(-1, 28, 28))
    assert load(drawings, shape=(14, 56)).image_shape == (14, 56)


def test_images_that_have_their_shape(drawings):
    for name, rows in (("cat", CATS), ("dog", DOGS)):
        np.save(drawings / f"{name}.npy", rows.reshape(-1, 28, 28))
    assert load(drawings).image_shape == (28, 28)


@pytest.mark.parametrize("prefix", ["full_numpy_bitmap_", "full%2Fnumpy_bitmap%2F"])
def test_names_that_browsers_give(drawings, prefix):
    (drawings / "cat.npy").rename(drawings / f"{prefix}The Eiffel Tower.npy")
    assert load(drawings).class_names == ("The Eiffel Tower", "dog")
    np.save(drawings / "The Eiffel Tower.npy", CATS)
    with pytest.raises(DataError, match="several files of The Eiffel Tower"):
        load(drawings)


@pytest.mark.parametrize("name", ["images", "Y_train", "digits_images", "x"])
def test_arrays_of_other_sets_are_no_classes(drawings, name):
    np.save(drawings / f"{name}.npy", CATS)
    assert not is_accepted(quick_draw, drawings)


def test_arrays_beside_class_folders_are_no_classes(drawings):
    (drawings / "cat").mkdir()
    assert not is_accepted(quick_draw, drawings)


def test_one_file_is_no_set_of_classes(drawings):
    (drawings / "cat.npy").unlink()
    assert not is_accepted(quick_draw, drawings)


def test_a_changed_file_is_read_anew(drawings):
    load(drawings)
    np.save(drawings / "eel.npy", DOGS)
    assert load(drawings).class_names == ("cat", "dog", "eel")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 783), np.uint8), "783"),
        (np.zeros((2, 100), np.uint8), "dog.npy holds images of 10 x 10, but cat.npy of 28 x 28"),
        (np.array([None]), "never unpickled"),
        (np.full((2, 784), 0.3), "not all whole numbers"),
    ],
)
def test_what_cannot_be_used(drawings, array, message):
    np.save(drawings / "dog.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        load(drawings)


def test_more_than_memory_holds(drawings, monkeypatch):
    monkeypatch.setattr(room, "_physical_memory", lambda: 50)
    with pytest.raises(DataError, match="memory"):
        load(drawings)
