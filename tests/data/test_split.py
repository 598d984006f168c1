import numpy as np
import pytest

from imlogit.data.feature_set import FeatureSet
from imlogit.data.image_set import ImageSet
from imlogit.data.split import split
from imlogit.errors import DataError, ParameterError


def images_with(labels, n_train=None):
    labels = np.asarray(labels)
    return ImageSet(
        images=np.zeros((len(labels), 2, 2), np.uint8),
        labels=labels,
        class_names=tuple("abcdefghij"[: labels.max() + 1]),
        n_train=len(labels) if n_train is None else n_train,
        name="tiny",
        origin="a test",
    )


def test_the_sources_own_test_part_is_kept_and_the_training_order_is_the_seeds():
    images = images_with(np.arange(100) % 10, n_train=70)
    result = split(images, seed=3)
    assert not result.drawn
    np.testing.assert_array_equal(result.train, np.random.default_rng(3).permutation(70))
    np.testing.assert_array_equal(result.test, np.arange(70, 100))


def test_a_drawn_test_part_holds_each_class_in_proportion():
    images = images_with(np.repeat(np.arange(10), 50))
    result = split(images, test_size=0.2, seed=0)
    assert result.drawn
    np.testing.assert_array_equal(np.bincount(images.labels[result.test]), 10)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([result.train, result.test])), np.arange(500)
    )
    assert np.all(np.diff(result.test) > 0)
    assert not np.all(np.diff(result.train) > 0), "the training rows must be in random order"


def test_the_seed_decides():
    images = images_with(np.repeat(np.arange(3), 30))
    first, again, other = split(images, seed=1), split(images, seed=1), split(images, seed=2)
    np.testing.assert_array_equal(first.train, again.train)
    np.testing.assert_array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


@pytest.mark.parametrize("test_size", [0.001, 0.999])
def test_every_class_is_on_both_sides(test_size):
    images = images_with([0] * 2 + [1] * 40 + [2] * 3)
    result = split(images, test_size=test_size)
    for rows in (result.train, result.test):
        assert set(images.labels[rows].tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 0, 1], "Class 'b' has 1 image"), ([0, 0, 2, 2], "Class 'b' has 0 image")],
)
def test_a_class_too_small_for_both_sides_is_refused(labels, message):
    with pytest.raises(DataError, match=message):
        split(images_with(labels))


@pytest.mark.parametrize("changes", [{"test_size": 0}, {"test_size": 1}, {"seed": -1}])
def test_arguments_out_of_range_are_refused(changes):
    with pytest.raises(ParameterError, match=r"test_size|seed"):
        split(images_with([0, 0, 1, 1]), **changes)


def test_a_size_that_is_not_a_number_is_refused():
    with pytest.raises(ParameterError, match="nan"):
        split(images_with([0, 0, 1, 1]), test_size=float("nan"))


@pytest.mark.parametrize("n_train", [30, 40])
def test_features_are_split_as_images_are(n_train):
    images = images_with(np.arange(40) % 4, n_train)
    features = FeatureSet(
        np.zeros((40, 3)), images.labels, images.class_names, n_train, "tiny", "a test"
    )
    for of_images, of_features in zip(split(images), split(features), strict=True):
        np.testing.assert_array_equal(of_images, of_features)


def test_rows_with_several_labels_are_drawn_plainly():
    table = np.eye(2, dtype=np.uint8)[np.arange(20) // 19]
    features = FeatureSet(np.ones((20, 2)), table, ("a", "b"), 20, "tiny", "a test")
    found = split(features, 0.3, seed=1)
    np.testing.assert_array_equal(np.sort(np.concatenate([found.train, found.test])), range(20))
    np.testing.assert_array_equal(found.test, np.sort(np.random.default_rng(1).permutation(20)[:6]))
    assert found.drawn
