"""Images to and from tf.data: the same values, and named errors."""

import sys

import numpy as np
import pytest

from imlogit.data.image_set import ImageSet
from imlogit.errors import DataError, MissingExtraError

from helpers.engines import INSTALLED

pytestmark = pytest.mark.skipif("tensorflow" not in INSTALLED, reason="needs tensorflow")


@pytest.fixture(scope="module")
def data():
    import tensorflow as tf

    return tf.data.Dataset


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (7, 4, 5), dtype=np.uint8)


CODES = np.array([0, 2, 1, 1, 0, 2, 2])


@pytest.mark.parametrize("batch", [1, 64, 3000])
def test_a_round_trip_is_exact(embedded, batch):
    dataset = embedded.to_tf_dataset(batch)
    images, labels = next(iter(dataset))
    assert (images.dtype.name, labels.dtype.name) == ("uint8", "int64")
    assert len(images) == batch
    again = ImageSet.from_tf_dataset(dataset, embedded.class_names)
    np.testing.assert_array_equal(again.images, embedded.images)
    np.testing.assert_array_equal(again.labels, embedded.labels)
    assert again.class_names == embedded.class_names
    assert again.sha256 == embedded.sha256


def test_one_part(pixels):
    whole = ImageSet(pixels, CODES, ("a", "b", "c"), 5, "toy", "made for a test")
    for part, rows in (("train", slice(5)), ("test", slice(5, None)), ("all", slice(None))):
        found = ImageSet.from_tf_dataset(whole.to_tf_dataset(2, part))
        np.testing.assert_array_equal(found.images, pixels[rows])
    without = ImageSet(pixels, CODES, ("a", "b", "c"), 7, "toy", "made for a test")
    with pytest.raises(DataError, match="no test part"):
        without.to_tf_dataset(2, "test")
    with pytest.raises(DataError, match="one of all, train, validation, test"):
        whole.to_tf_dataset(2, "rest")
    with pytest.raises(DataError, match="batch is 0"):
        whole.to_tf_dataset(0)


def test_dictionaries_pairs_and_batches(data, pixels):
    colour = np.stack([pixels] * 3, axis=3)
    for images in (pixels, colour):
        pairs = data.from_tensor_slices((images, CODES.astype(np.int32)))
        named = data.from_tensor_slices({"image": images, "label": CODES.astype(np.uint8)})
        for dataset in (pairs, named, pairs.batch(3), named.batch(3)):
            found = ImageSet.from_tf_dataset(dataset)
            np.testing.assert_array_equal(found.images, images)
            np.testing.assert_array_equal(found.labels, CODES)
            assert found.class_names == ("0", "1", "2")


def test_labels_that_are_texts(data, pixels):
    words = np.array(["dog", "cat", "dog", "élan", "cat", "dog", "cat"])
    found = ImageSet.from_tf_dataset(data.from_tensor_slices((pixels, words)))
    assert found.class_names == ("cat", "dog", "élan")
    assert [found.class_names[code] for code in found.labels] == words.tolist()
    with pytest.raises(DataError, match="texts already"):
        ImageSet.from_tf_dataset(data.from_tensor_slices((pixels, words)), ("a", "b"))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda data, x: data.from_tensor_slices(x), "no image and label"),
        (lambda data, x: data.from_tensor_slices({"image": x}), "no image and label"),
        (lambda data, x: data.from_tensor_slices((x / 255, CODES)), "type float64: give uint8"),
        (lambda data, x: data.from_tensor_slices((x, CODES / 2)), "Labels are of type float64"),
        (lambda data, x: data.from_tensor_slices((x, np.eye(3)[CODES].astype(int))), "h, w"),
        (lambda data, x: data.from_tensor_slices((x[:, 0], CODES)), r"shape \(5,\)"),
        (lambda data, x: data.from_tensor_slices((x, CODES)).repeat(), "no end"),
        (lambda data, x: data.from_tensor_slices((x, CODES)).take(0), "empty"),
        (lambda data, x: data.from_tensor_slices((x, CODES - 1)), "Image 0 has the label -1"),
    ],
)
def test_other_data_are_named_errors(data, pixels, make, match):
    with pytest.raises(DataError, match=match):
        ImageSet.from_tf_dataset(make(data, pixels))


def test_sizes_that_differ_and_ragged_images(data, pixels):
    import tensorflow as tf

    spec = tf.TensorSpec((None, None), tf.uint8), tf.TensorSpec((), tf.int64)
    sizes = iter([(4, 5), (4, 5), (5, 4)])
    dataset = data.from_generator(
        lambda: ((np.zeros(size, dtype=np.uint8), 0) for size in sizes), output_signature=spec
    )
    with pytest.raises(DataError, match="Image 2 is 5 x 4, the first one 4 x 5"):
        ImageSet.from_tf_dataset(dataset)
    ragged = tf.ragged.constant([[[1, 2], [3]], [[4], [5]]], dtype=tf.uint8)
    with pytest.raises(DataError, match="ragged"):
        ImageSet.from_tf_dataset(data.from_tensor_slices((ragged, [0, 1])))


def test_a_label_without_a_name(data, pixels):
    with pytest.raises(DataError, match="Image 1 has the label 2, of 2 class names"):
        ImageSet.from_tf_dataset(data.from_tensor_slices((pixels, CODES)), ("a", "b"))


def test_a_generator_without_end_is_given_up(data, pixels, monkeypatch):
    monkeypatch.setattr("imlogit.data.formats.tf_dataset.MOST_BYTES", 10_000)
    endless = data.from_tensor_slices((pixels, CODES)).repeat().filter(lambda *_: True)
    with pytest.raises(DataError, match="still more"):
        ImageSet.from_tf_dataset(endless)


def test_without_tensorflow(embedded, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingExtraError, match=r"imlogit\[tensorflow\]"):
        embedded.to_tf_dataset(8)
