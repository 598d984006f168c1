import numpy as np
import pytest

from imlogit.errors import DataError
from imlogit.features.deskew import DeskewStep


@pytest.mark.parametrize("times", [1, 60])
def test_a_slanted_stroke_stands_upright(times):
    """Also in a picture whose moments are beyond whole numbers of 64 bits when multiplied."""
    image = np.zeros((1, 20, 20), np.uint8)
    for y in range(4, 16):
        image[0, y, 3 + y // 2 : 5 + y // 2] = 200
    image = image.repeat(times, axis=1).repeat(times, axis=2)
    made = DeskewStep().fit(image, seed=0).transform(image)[0].astype(float)
    lit = made.sum(axis=1) > 0
    centres = (made * np.arange(20 * times)).sum(axis=1)[lit] / made.sum(axis=1)[lit] / times
    assert np.ptp(centres) < 1.2
    assert np.allclose(centres.mean(), 10 - 0.5 / times, atol=0.05)


@pytest.mark.parametrize("value", [0, 90])
def test_what_has_no_slant_stays(value):
    image = np.full((1, 6, 6), value, np.uint8)
    assert np.array_equal(DeskewStep().fit(image, seed=0).transform(image), image)


def test_a_single_row_stays_in_its_row():
    image = np.zeros((1, 5, 9), np.uint8)
    image[0, 2, 1] = 255
    made = DeskewStep().fit(image, seed=0).transform(image)
    assert made[0, 2, 4] == 255
    assert made.sum() == 255


def test_colour_is_refused(colour):
    with pytest.raises(DataError, match="leave the step out"):
        DeskewStep().fit(colour, seed=0)
