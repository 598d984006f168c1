import numpy as np
import pytest

from imlogit.features.hog import HogStep


@pytest.mark.parametrize(("signed", "bins"), [(True, [0, 2]), (False, [0, 0])])
def test_an_edge_counts_for_its_direction(signed, bins):
    """From dark to bright towards the right, and the other way round."""
    ramp = np.tile(np.arange(16, dtype=np.uint8) * 10, (16, 1))
    images = np.stack([ramp, ramp[:, ::-1]])
    step = HogStep(cells=2, levels=1, orientations=4, signed=signed)
    made = step.fit(images, seed=0).transform(images).reshape(2, 4, 4)
    for cells, direction in zip(made, bins, strict=True):
        assert (cells.argmax(axis=1) == direction).all()
        assert (np.sort(cells, axis=1)[:, :-1] == 0).all()


def test_contrast_hardly_matters(grey):
    fitted = HogStep(cells=4).fit(grey, seed=0)
    bright = fitted.transform(grey).astype(int)
    assert np.abs(bright - fitted.transform(grey // 2)).mean() < 8


def test_constant_images_are_zeros():
    images = np.full((2, 20, 20, 3), 77, np.uint8)
    assert not HogStep().fit(images, seed=0).transform(images).any()


def test_the_pyramid_has_its_levels(grey):
    sizes = [HogStep(cells=8, levels=n).fit(grey, seed=0).output_shape for n in (1, 2, 3)]
    assert sizes == [(49 * 36,), ((49 + 9) * 36,), ((49 + 9 + 1) * 36,)]
