"""Leaks: test images that were trained on, or made from training images."""

import numpy as np
import pytest
from scipy import ndimage

from imlogit import check_arrays
from imlogit.checks.finding import Severity

from helpers.findings import failed_codes, scaled_rows


@pytest.mark.parametrize("what", ["shifted", "noisy", "brighter", "turned", "larger"])
def test_test_images_made_from_training_images(parts, what):
    images, digits, others, other_digits = parts
    rng = np.random.default_rng(1)
    changed = {
        "shifted": lambda image: np.roll(image, (-1, 2), (0, 1)),
        "noisy": lambda image: image + rng.integers(-8, 9, image.shape),
        "brighter": lambda image: 0.7 * image + 20,
        "turned": lambda image: ndimage.rotate(image, 3.0, reshape=False, order=1),
        "larger": lambda image: ndimage.affine_transform(
            image, np.eye(2) / 1.05, offset=13.5 * (1 - 1 / 1.05), order=1
        ),
    }[what]
    test = others.copy()
    for k in range(20):
        test[k] = np.clip(np.rint(changed(images[k].astype(float))), 0, 255)
    found = check_arrays(images, digits, test, other_digits)["overlap-near"]
    assert found.failed
    assert found.severity is Severity.WARNING
    pairs = {(one.rows[0][1], one.rows[1][1]) for one in found.exhibits}
    assert sum((k, k) in pairs for k in range(20)) >= 14
    assert all(a == b for a, b in pairs)


def test_rows_that_are_in_both_parts(embedded):
    some = np.random.default_rng(1).permutation(len(embedded))[:900]
    rows, digits = scaled_rows(embedded.images[some]), embedded.labels[some]
    found = check_arrays(rows[:600], digits[:600], rows[60:], digits[60:])
    assert failed_codes(found) == {"overlap-exact"}
    assert found["overlap-exact"].n_affected == 540
    first = found["overlap-exact"].exhibits[0].rows
    assert first == (("training", 60), ("test", 0))


def test_a_single_copy_does_not_take_the_ground_from_a_figure(parts):
    images, digits, test, truth = parts
    for n, void in ((1, False), (20, True)):
        found = check_arrays(
            np.concatenate([images, test[:n]]), np.append(digits, truth[:n]), test, truth
        )
        assert found["overlap-exact"].failed
        assert bool(found.void) is void
