import hashlib

import numpy as np
import pytest

from imlogit.data.feature_set import FeatureSet
from imlogit.errors import DataError

FEATURES = np.arange(10, dtype=np.float32).reshape(5, 2)


def make(**changes):
    given = {
        "features": FEATURES,
        "labels": np.array([0, 1, 0, 1, 1]),
        "class_names": ("no", "yes"),
        "n_train": 3,
        "name": "tiny",
        "origin": "a test",
    }
    return FeatureSet(**{**given, **changes})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_stay_what_they_are(dtype):
    given = FEATURES.astype(dtype)
    found = make(features=given, names=[f"{i}.png" for i in range(5)])
    assert found.features.dtype == dtype
    assert np.shares_memory(found.features, given)
    assert (len(found), found.n_features, found.n_classes) == (5, 2, 2)
    assert found.sha256 == hashlib.sha256(given.tobytes()).hexdigest()
    assert found.names[4] == "4.png"
    given[0] = 1
    for array in (found.features, found.labels, found.train.features):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_the_parts_are_views_of_the_rows():
    found = make()
    np.testing.assert_array_equal(found.train.features, FEATURES[:3])
    np.testing.assert_array_equal(found.test.labels, [1, 1])
    assert np.shares_memory(found.test.features, found.features)
    assert make(n_train=5).test is None
    assert not make(n_train=5).has_test


def test_repr_says_what_it_is():
    assert repr(make()) == (
        "<FeatureSet tiny: 5 rows of 2 features (3 training + 2 test), 2 classes; origin: a test>"
    )


def test_numbers_whose_sum_is_not_finite():
    large = np.full((5, 2), np.finfo(float).max)
    assert make(features=large).features[0, 0] == large[0, 0]


def with_one(value):
    features = FEATURES.copy()
    features[3, 1] = value
    return {"features": features}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": FEATURES.astype(int)}, "int64, not an array of float16"),
        ({"features": [[0.0]]}, "list, not an array"),
        ({"features": FEATURES[:, 0]}, r"shape \(5,\)"),
        ({"features": FEATURES[:0]}, "at least one row"),
        (with_one(np.nan), "1 row of the features .*finite numbers, row 3"),
        (with_one(-np.inf), "1 row of the features .*finite numbers, row 3"),
        ({"labels": np.array([0, 1])}, r"5 rows, but the labels have the shape \(2,\)"),
        ({"labels": np.array([0, 1, 2, 1, 1])}, "Row 2 has the label 2"),
        ({"n_train": 6}, "n_train is 6, but there are 5 rows"),
        ({"names": ["a"]}, "5 rows, but 1 names"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        make(**changes)


TABLE = np.array([[0, 1], [1, 1], [0, 0], [1, 0], [0, 0]])


def test_rows_with_any_number_of_labels():
    found = make(labels=TABLE)
    assert found.multi_label
    assert (found.labels.dtype, found.counts.tolist()) == (np.uint8, [2, 2])
    np.testing.assert_array_equal(found.test.labels, TABLE[3:])
    assert "2 labels, any number a row" in repr(found)
    assert not make().multi_label


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": TABLE + 1}, "Row 0 has .*2.* of the label yes: give 0 or 1"),
        ({"labels": TABLE[:4]}, r"shape \(4, 2\), for 5 rows and 2 names"),
        ({"labels": TABLE[:, :1], "class_names": ("yes",)}, "at least two labels, or one class"),
        ({"labels": TABLE, "class_names": ("a", "a")}, "all different"),
    ],
)
def test_what_is_no_table_of_labels(changes, message):
    with pytest.raises(DataError, match=message):
        make(**changes)
