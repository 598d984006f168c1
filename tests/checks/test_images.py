"""Images that are unlike the rest."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Peer

from imlogit import LogisticRegression, check_arrays
from imlogit.checks.finding import Status

from helpers.findings import failed_codes, scaled_rows


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda image: np.zeros_like(image), "image-constant"),
        (lambda image: image // 20, "image-scale"),
    ],
)
def test_images_unlike_the_rest(parts, spoil, code):
    images, digits, test, truth = parts
    images = images.copy()
    for row in (7, 70):
        images[row] = spoil(images[row])
    found = check_arrays(images, digits, test, truth)
    assert code in failed_codes(found)
    assert [one.rows for one in found[code].exhibits] == [
        (("training", 7),),
        (("training", 70),),
    ]


def test_a_test_part_on_another_scale(parts):
    images, digits, test, truth = parts
    found = check_arrays(images.reshape(600, -1) * 1.0, digits, scaled_rows(test), truth)
    assert failed_codes(found) == {"image-scale"}


def of_small_range(parts, largest):
    images, digits, test, truth = parts
    return (images > 127) * np.uint8(largest), digits, (test > 127) * np.uint8(largest), truth


@pytest.mark.parametrize("largest", [1, 16, 31])
def test_pixels_of_a_small_range(parts, largest):
    found = check_arrays(*of_small_range(parts, largest))["image-range"]
    assert found.failed
    assert f"All pixels run from 0 to {largest} of 255" in found.sentence
    assert f"pixel_scale=1/{largest}" in found.advice


def test_the_range_is_named_where_a_model_sees_nothing(parts):
    images, digits, test, truth = of_small_range(parts, 1)
    rows = images, digits == 2, test, truth == 2
    found = check_arrays(*rows, LogisticRegression().fit(*rows[:2]))["no-better-than-base-rate"]
    assert found.failed
    assert "likely cause: the pixels run to 1, and 255 is taken for white" in found.advice


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float64])
def test_a_small_range_that_is_not_divided_by_255(parts, dtype):
    images, digits, test, truth = of_small_range(parts, 1)
    found = check_arrays(images.astype(dtype), digits, test.astype(dtype), truth)
    assert not found["image-range"].failed


@pytest.mark.parametrize("model", [LogisticRegression(pixel_scale=1 / 16), Peer(max_iter=500)])
def test_a_small_range_that_the_model_knows(parts, model):
    images, digits, test, truth = of_small_range(parts, 16)
    rows = [images.reshape(len(images), -1), digits == 2, test.reshape(len(test), -1), truth == 2]
    found = check_arrays(*rows, model.fit(*rows[:2]))
    assert found["image-range"].status is Status.NOT_APPLICABLE
    assert not found["no-better-than-base-rate"].failed
