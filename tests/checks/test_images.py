"""Images that are unlike the rest."""

import numpy as np
import pytest

from imlogit import check_arrays

from helpers.findings import failed_codes, scaled_rows


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda image: np.zeros_like(image), "image-constant"),
        (lambda image: 255 - image, "image-inverted"),
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
