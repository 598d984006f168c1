"""Labels: what the public notebooks get wrong, and what is missing, mixed or sorted."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as SklearnRegression
from sklearn.model_selection import KFold, StratifiedKFold

import imlogit
from imlogit import LogisticRegression, check_arrays
from imlogit.checks.finding import Status

from helpers.findings import failed_codes


def test_integers_compared_with_text(parts):
    images, digits, test, truth = parts
    found = check_arrays(images, digits == "2", test, truth == "2")
    assert "constant-labels" in failed_codes(found)


@pytest.mark.parametrize("positive", ["2", 2.5, "7 "])
def test_a_label_of_another_type(parts, positive):
    found = check_arrays(*parts, positive=positive)
    assert {"label-type", "constant-labels"} <= failed_codes(found)


def test_the_other_slip_text_compared_with_a_number(parts):
    images, digits, test, truth = parts
    found = check_arrays(images, digits.astype(str), test, truth.astype(str), positive=5)
    assert "Look for '5'" in found["label-type"].advice


def test_labels_of_another_length(parts):
    images, digits, test, truth = parts
    found = check_arrays(images, digits[:-1], test, truth)
    assert failed_codes(found) == {"lengths"}
    assert "600 rows and 599 labels" in found["lengths"].sentence
    assert all(f.status is Status.NOT_APPLICABLE for f in list(found)[1:])


def test_ten_classes_where_two_were_meant(parts):
    ten = LogisticRegression().fit(*parts[:2])
    assert failed_codes(check_arrays(*parts, ten, 2)) == {"many-classes"}
    assert "many-classes" in check_arrays(*parts, SklearnRegression(), 2).codes


@pytest.mark.parametrize(
    ("names", "codes", "answer"),
    [
        (("cats", "dogs"), [0] * 19 + [1], "cats"),
        (("cats", "dogs"), [1] * 19 + [0], "dogs"),
        (("cats", "dogs", "eels"), [0, 2] * 9 + [0, 1], "not dogs"),
    ],
)
def test_the_base_rate_names_the_class_that_is_always_answered(rng, names, codes, answer):
    codes = np.array(codes * 10)
    images = rng.integers(0, 256, (len(codes), 4, 5), dtype=np.uint8)
    pets = imlogit.ImageSet(images, codes, names, len(codes), "pets", "made for a test")
    found = imlogit.check(pets, positive="dogs")
    assert f"Always answering '{answer}' is right for 95.00%" in found["base-rate"].sentence


def test_a_class_that_is_absent_or_tiny(parts):
    images, digits, test, truth = parts
    few = check_arrays(images, digits, test[truth != 3], truth[truth != 3])
    assert failed_codes(few) == {"class-absent", "class-mix"}
    assert "test part has no image of 3" in few["class-absent"].sentence
    keep = (digits != 4) | (np.cumsum(digits == 4) <= 5)
    assert (
        "4 (5 in the training part)"
        in check_arrays(images[keep], digits[keep], test, truth)["class-tiny"].sentence
    )


def test_one_image_under_two_labels(parts):
    images, digits, test, truth = parts
    images = np.concatenate([images, images[:3]])
    digits = np.concatenate([digits, (digits[:3] + 1) % 10])
    found = check_arrays(images, digits, test, truth)
    assert failed_codes(found) == {"conflicting-labels", "duplicates"}
    assert found["conflicting-labels"].n_affected == 3
    assert found["conflicting-labels"].exhibits[0].rows == (("training", 0), ("training", 600))


def test_mixed_types(parts):
    images, digits, *_ = parts
    mixed = digits.astype(object)
    mixed[::2] = [str(digit) for digit in mixed[::2]]
    assert "label-type" in check_arrays(images, mixed).codes
    found = check_arrays(images, digits, images, digits.astype(str))
    assert "integers and the test labels text" in found["label-type"].sentence


def test_sorted_rows(embedded):
    images, digits = embedded.images[::10], embedded.labels[::10]
    assert failed_codes(check_arrays(images, digits)) == {"sorted-rows"}
    assert failed_codes(check_arrays(images, digits, cv=KFold(5))) == {"sorted-rows"}
    for cv in (5, KFold(5, shuffle=True), StratifiedKFold(5)):
        assert failed_codes(check_arrays(images, digits, cv=cv)) == set()
