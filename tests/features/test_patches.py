import numpy as np
import pytest

from imlogit.errors import DataError
from imlogit.features.patches import CONTRAST, PatchesStep


def test_features_are_the_formula(colour):
    """A place's patch, normalised, times each filter; both sides of zero; summed by cell."""
    fitted = PatchesStep(filters=3, size=5, grid=2, threshold=0.4).fit(colour, seed=0)
    image = colour[7].astype(np.float64)
    sums = np.zeros((2, 2, 6))
    for y in range(16):
        for x in range(18):
            patch = image[y : y + 5, x : x + 5].ravel()
            normal = (patch - patch.mean()) / np.sqrt(patch.var() + CONTRAST)
            r = fitted.arrays["filters"] @ normal - fitted.arrays["offsets"]
            sums[y // 8, x // 9] += np.maximum(np.append(r, -r) - 0.4, 0)
    wanted = np.minimum(np.sqrt(sums) * 255 / fitted.arrays["ceilings"], 255)
    assert np.abs(fitted.transform(colour[7:8])[0] - wanted).max() <= 0.55


@pytest.mark.parametrize("size", [2, 8])
def test_products_are_whole_numbers_that_float32_holds(colour, size):
    """So no order of sums changes a byte; and filters tell of contrast alone."""
    fitted = PatchesStep(filters=9, size=size, grid=2).fit(colour, seed=0)
    filters = fitted.whole.filters.astype(np.float64)
    assert np.array_equal(filters, np.rint(filters))
    assert not filters.sum(axis=1).any()
    assert 2**22 < 255 * np.maximum(filters, 0).sum(axis=1).max() < 2**24
    kept = fitted.arrays["filters"]
    unit = fitted.whole.unit / fitted.whole.per_one / kept.shape[1]
    assert np.abs(filters * unit - kept).max() < 1e-2 * np.abs(kept).max()


def test_sums_of_the_largest_responses_are_int32(colour):
    """Images and filters that agree at every place, as a hostile model file may have them."""
    wide = np.zeros((2, 300, 300), np.uint8)
    wide[:, :, ::2] = 255
    arrays = {
        "filters": np.array([[9e9, -9e9, 9e9, -9e9], [0, 0, 0, 0]], np.float32),
        "offsets": np.zeros(2, np.float32),
        "ceilings": np.ones((1, 1, 4), np.float32),
    }
    fitted = PatchesStep(filters=2, size=2, grid=1).restore((300, 300), arrays)
    sums = fitted.sums(wide).astype(np.int64)
    assert sums[0, 0, 0, 0] > 2**20
    assert sums.min() >= 0


def test_filters_are_white(colour):
    """Responses to the training patches have about the same spread whatever the direction."""
    fitted = PatchesStep(filters=60, size=3, grid=2).fit(colour, seed=0)
    assert np.linalg.matrix_rank(fitted.arrays["filters"], tol=1e-3) > 20
    assert fitted.transform(colour).max(axis=0).min() == 255


@pytest.mark.parametrize("value", [0, 255])
def test_constant_images_are_refused(value):
    with pytest.raises(DataError, match="the training images are constant"):
        PatchesStep(filters=4).fit(np.full((5, 20, 20), value, np.uint8), seed=0)


def test_brightness_and_contrast_hardly_matter(grey):
    fitted = PatchesStep(filters=8, size=5, grid=2).fit(grey, seed=0)
    one = fitted.transform(grey // 2).astype(int)
    assert np.abs(one - fitted.transform(grey // 2 + 100)).max() <= 1


def test_the_picture_shows_every_filter(colour):
    picture = PatchesStep(filters=10, size=6, grid=1).fit(colour, seed=0).picture()
    assert picture.dtype == np.uint8
    assert picture.shape == (3 * 7 + 1, 4 * 7 + 1, 3)
