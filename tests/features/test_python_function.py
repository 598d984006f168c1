import numpy as np
import pytest

from imlogit.errors import DataError
from imlogit.features.python_function import function_chain
from imlogit.features.step import NoFeaturesError

IMAGES = np.arange(600 * 6, dtype=np.int64).astype(np.uint8).reshape(600, 2, 3)


def flattened(images):
    return images.reshape(len(images), -1)


def test_a_function_takes_the_place_of_steps():
    chain = function_chain(flattened, IMAGES)
    assert (str(chain), chain.n_features, chain.scale) == ("python:function=flattened", 6, 1.0)
    np.testing.assert_array_equal(chain.transform(IMAGES), flattened(IMAGES))


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda images: images, "returned uint8 of shape"),
        (lambda images: [["a"]] * len(images), "returned <U1"),
        (lambda images: np.zeros((len(images) + 1, 3)), "returned float64 of shape"),
        (lambda images: np.zeros((len(images), 0)), "returned no numbers"),
        (lambda images: np.zeros((len(images), len(images))), "256 numbers an image, and 1 before"),
    ],
)
def test_what_is_no_row_an_image_is_refused(function, match):
    with pytest.raises(DataError, match=match):
        function_chain(function, IMAGES).transform(IMAGES)


def test_nan_names_the_image():
    def function(images):
        return np.where(images[:, 0, :1] == IMAGES[300, 0, 0], np.nan, 1.0) * (len(images) > 1)

    first = int(np.flatnonzero(IMAGES[:, 0, 0] == IMAGES[300, 0, 0])[0])
    with pytest.raises(NoFeaturesError, match=f"image {first}: the function answers NaN"):
        function_chain(function, IMAGES).transform(IMAGES)
