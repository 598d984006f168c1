import numpy as np
import pytest

from imlogit.errors import DataError
from imlogit.features.deskew import DeskewStep


def test_a_slanted_stroke_stands_upright():
    image = np.zeros((1, 20, 20), np.uint8)
    for y in range(4, 16):
        image[0, y, 3 + y // 2 : 5 + y // 2] = 200
    made = DeskewStep().fit(image, seed=0).transform(image)[0].astype(float)
    centres = (made * np.arange(20)).sum(axis=1)[4:16] / made.sum(axis=1)[4:16]
    assert np.ptp(centres) < 0.8
    assert np.allclose(centres.mean(), 9.5, atol=0.05)


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
