"""Images that are moved by a pixel, by padding that NumPy does."""

import numpy as np
import pytest

from imlogit.data.images.shift import BY_ONE, is_bright_on_dark, shift


@pytest.mark.parametrize("shape", [(3, 4), (5, 3, 3)], ids=["grey", "colour"])
@pytest.mark.parametrize("way", BY_ONE, ids=["up", "down", "left", "right"])
def test_what_leaves_is_gone_and_what_comes_in_is_the_background_or_the_edge(shape, way):
    images = np.random.default_rng(0).integers(1, 256, (2, *shape), dtype=np.uint8)
    before = images.copy()
    around = [(0, 0), (1, 1), (1, 1)] + [(0, 0)] * (len(shape) - 2)
    down, across = way
    window = slice(1 - down, shape[0] + 1 - down), slice(1 - across, shape[1] + 1 - across)
    for repeat_edge, mode in ((True, "edge"), (False, "constant")):
        wanted = np.pad(images, around, mode=mode)[:, *window]
        np.testing.assert_array_equal(shift(images, *way, repeat_edge=repeat_edge), wanted)
    np.testing.assert_array_equal(images, before)


def test_digits_are_bright_on_dark_and_neither_ink_nor_photographs_are(embedded):
    digits = embedded.images[::100]
    assert is_bright_on_dark(digits)
    assert is_bright_on_dark(digits[..., None])
    assert not is_bright_on_dark(255 - digits)
    assert not is_bright_on_dark(np.repeat(digits[..., None], 3, axis=3))
