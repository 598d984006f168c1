"""The factors of a resize, beside Pillow itself: the same bytes."""

import numpy as np
import pytest
from PIL import Image

from imlogit.data.images.decode import fitted
from imlogit.errors import ExportError
from imlogit.export import pillow_resize
from imlogit.export.pillow_resize import resize_passes, resized


@pytest.mark.parametrize(
    ("sides", "size"),
    [
        ((28, 28), (64, 64)),
        ((61, 43), (20, 20)),
        ((37, 90), (24, 36)),
        ((33, 33), (33, 20)),
        ((53, 24), (46, 35)),
        ((1, 7), (5, 5)),
        ((160, 31), (1, 1)),
        ((97, 131), (96, 130)),
    ],
)
def test_the_same_bytes_as_pillow(sides, size):
    rng = np.random.default_rng(1)
    passes = resize_passes(sides, size)
    for image in (rng.integers(0, 256, sides), 255 * rng.integers(0, 2, sides)):
        expected = np.asarray(fitted(Image.fromarray(image.astype(np.uint8)), size, False))
        np.testing.assert_array_equal(resized(image, passes), expected)


def test_a_pillow_that_rounds_otherwise_is_refused(monkeypatch):
    monkeypatch.setattr(pillow_resize, "SHARPNESS", -0.6)
    with pytest.raises(ExportError, match=r"28 x 28 to the 64 x 64 .* size=\(64, 64\)"):
        resize_passes((28, 28), (64, 64))
