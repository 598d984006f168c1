"""Drift: a test part of another brightness, or of another mix."""

import numpy as np

from imlogit import check_arrays

from helpers.findings import failed_codes


def test_a_test_part_of_another_brightness(parts):
    images, digits, test, truth = parts
    darker = (test * 0.6).astype(np.uint8)
    assert failed_codes(check_arrays(images, digits, darker, truth)) == {"brightness-shift"}


def test_a_drawn_test_part_of_another_mix(parts):
    images, digits, test, truth = parts
    keep = (truth > 4) | (np.arange(len(truth)) % 2 == 0)
    assert failed_codes(check_arrays(images, digits, test[keep], truth[keep])) == {"class-mix"}
