import numpy as np

from imlogit.features.opaque import REGIONS
from imlogit.features.python_function import function_chain


def test_what_a_region_carries_is_what_is_lost_without_it():
    """Of a function that adds pixels up: a region's sum, less that of the image's mean."""
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 24), np.uint8)
    chain = function_chain(lambda some: some.reshape(len(some), -1).sum(axis=1)[:, None], images)
    shares = chain.evidence(images, np.array([2.0]))
    assert not chain.adds_up
    for image, share in zip(images.astype(float), shares, strict=True):
        mean = np.floor(image.mean() + 0.5)
        blocks = (image - mean).reshape(REGIONS, 2, REGIONS, 3).mean(axis=(1, 3))
        expected = 2 * np.repeat(np.repeat(blocks, 2, axis=0), 3, axis=1)
        np.testing.assert_allclose(share, expected, atol=1e-9)


def test_images_of_fewer_pixels_than_regions():
    images = np.arange(6, dtype=np.uint8).reshape(1, 2, 1, 3)
    chain = function_chain(lambda some: some[:, :1, 0, 0].astype(float), images)
    shares = chain.evidence(images, np.array([1.0]))
    # the mean of the reds is 1.5, and becomes 2
    np.testing.assert_allclose(shares.sum(axis=(2, 3)), [[-2, 0]])
