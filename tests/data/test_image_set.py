import hashlib

import numpy as np
import pytest

from imlogit.data.image_set import ImageSet
from imlogit.data.labelled_set import digest, label_digest
from imlogit.errors import DataError


def make(**changes):
    given = {
        "images": np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2),
        "labels": np.array([0, 1, 0, 1, 1]),
        "class_names": ("no", "yes"),
        "n_train": 3,
        "name": "tiny",
        "origin": "a test",
    }
    return ImageSet(**{**given, **changes})


def test_the_parts_are_views_of_the_rows():
    images = make()
    assert len(images) == 5
    assert images.image_shape == (2, 2)
    assert images.n_classes == 2
    assert images.labels.dtype == np.intp
    np.testing.assert_array_equal(images.train.images, images.images[:3])
    np.testing.assert_array_equal(images.test.labels, [1, 1])
    assert np.shares_memory(images.train.images, images.images)
    assert np.shares_memory(images.test.images, images.images)


def test_no_test_part():
    assert make(n_train=5).test is None
    assert len(make(n_train=5).train.images) == 5


def test_the_sha256_is_that_of_the_pixels_in_c_order():
    pixels = np.arange(20, dtype=np.uint8).reshape(5, 2, 2)
    assert make().sha256 == hashlib.sha256(bytes(range(20))).hexdigest()
    assert make(images=np.asfortranarray(pixels)).sha256 == make().sha256
    assert make(sha256="given").sha256 == "given"


def test_label_digest_does_not_depend_on_the_integer_type():
    labels = np.array([3, 0, 9], dtype=np.uint8)
    assert label_digest(labels) == label_digest(labels.astype(np.int32))
    assert label_digest(labels) == digest(np.array([3, 0, 9], dtype="<i8"))


def test_arrays_are_read_only_and_the_callers_own_are_not():
    pixels = np.zeros((5, 2, 2), np.uint8)
    images = make(images=pixels)
    assert np.shares_memory(images.images, pixels)
    for array in (images.images, images.labels, images.train.images, images.test.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    pixels[0] = 1
    with pytest.raises(AttributeError):
        images.name = "other"


def test_repr_says_what_it_is_and_dumps_no_pixels():
    text = repr(make())
    assert "tiny: 5 images of 2 x 2 (3 training + 2 test), 2 classes" in text
    assert "array" not in text
    assert len(text) < 200


def test_colour_images():
    assert make(images=np.zeros((5, 2, 2, 3), np.uint8)).image_shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((5, 2, 2))}, "float64, not an array of uint8"),
        ({"images": [[0]]}, "list, not an array"),
        ({"images": np.zeros((5, 4), np.uint8)}, r"shape \(5, 4\)"),
        ({"images": np.zeros((0, 2, 2), np.uint8)}, "at least one image"),
        ({"labels": np.array([0.0, 1, 0, 1, 1])}, "float64, not an array of integers"),
        ({"labels": np.array([True, False, True, True, True])}, "bool, not"),
        ({"labels": ["no"] * 5}, "list, not"),
        ({"labels": np.array([0, 1, 0, 1])}, r"5 images, but the labels have the shape \(4,\)"),
        ({"labels": np.array([0, 1, 2, 1, 1])}, "Row 2 has the label 2"),
        ({"labels": np.array([0, 1, 0, -1, 1])}, "Row 3 has the label -1"),
        ({"class_names": ("yes", "yes")}, "all different"),
        ({"class_names": ()}, "at least one"),
        ({"n_train": 0}, "n_train is 0"),
        ({"n_train": 6}, "n_train is 6, but there are 5"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        make(**changes)
