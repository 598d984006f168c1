"""Near copies: what is no copy, and images that are compared smaller."""

import numpy as np
from scipy import ndimage

from imlogit.checks.near_copies import near_copies


def test_images_without_contrast_are_copies_of_nothing():
    blank = np.zeros((5, 28, 28), dtype=np.uint8)
    assert not near_copies(blank, blank + 3).first.size
    assert not near_copies(blank[:0], blank).first.size
    assert not near_copies(blank, blank[:, :20]).first.size


def test_large_colour_images_are_compared_smaller(rng):
    blurred = ndimage.gaussian_filter(rng.random((12, 90, 70, 3)), (0, 6, 6, 0), mode="wrap")
    images = np.uint8(255 * (blurred - blurred.min()) / np.ptp(blurred))
    found = near_copies(images[:8], np.roll(images[[3, 9]], 4, axis=1))
    assert (found.first.tolist(), found.second.tolist()) == ([3], [0])
