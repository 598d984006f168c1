"""Near copies: which changes are seen through, what is no copy, and any order of the images."""

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.changes import CHANGES, textures
from imlogit.checks.near_copies import near_copies

N_CHANGED = 40


@pytest.fixture(scope="module", params=[32, 64], ids=["32x32", "64x64"])
def pairs(request):
    """What is found among photos of each change, in turn, and others that are no copies."""
    rng = np.random.default_rng(5)
    images, others = textures(rng, 400, request.param), textures(rng, 100, request.param)
    changed = [change(image) for change in CHANGES.values() for image in images[:N_CHANGED]]
    return near_copies(images, np.concatenate([np.stack(changed), others])).copies


@pytest.mark.parametrize("name", CHANGES)
def test_changed_photos_are_found(pairs, name):
    of_it = pairs.second // N_CHANGED == list(CHANGES).index(name)
    assert of_it.sum() >= 0.9 * N_CHANGED
    assert np.mean(pairs.first[of_it] == pairs.second[of_it] % N_CHANGED) >= 0.95


def test_photos_of_something_else_are_no_copies(pairs):
    assert (pairs.second < N_CHANGED * len(CHANGES)).all()


def test_any_order_gives_the_same_pairs(parts, rng):
    images, _, others, _ = parts
    others = others[:300].copy()
    others[:20, :, 1:] = images[:20, :, :-1]
    found = near_copies(images, others)
    assert len(found.copies.first) >= 18
    for _ in range(3):
        first, second = rng.permutation(len(images)), rng.permutation(len(others))
        again = near_copies(images[first], others[second])
        pairs = set(zip(first[again.copies.first], second[again.copies.second], strict=True))
        assert pairs == set(zip(*found.copies, strict=True))
        assert again.found == found.found


def test_what_it_can_see_is_tried_on_the_images_themselves(parts):
    found = near_copies(parts[0], parts[2][:50]).found
    assert set(found) >= {"shifted by a pixel", "mirrored", "saved as JPEG"}
    assert min(found.values()) > 0.8
    blurred = ndimage.gaussian_filter(parts[0].astype(float), (0, 6, 6)).astype(np.uint8)
    assert near_copies(blurred, blurred[:1]).found["shifted by a pixel"] < 0.5


def test_small_shapes_on_a_plain_ground_are_no_copies(rng):
    y, x = np.mgrid[:32, :32] - 15.5
    rows = rng.uniform([-6, -6, 2, 1, 0], [6, 6, 5, 2, 3], (700, 5))
    down, across, length, width, turn = rows.T[..., None, None]
    along = (y - down) * np.cos(turn) + (x - across) * np.sin(turn)
    over = (x - across) * np.cos(turn) - (y - down) * np.sin(turn)
    shapes = 180 - 120 * ((along / length) ** 2 + (over / width) ** 2 < 1)
    shapes = shapes + rng.normal(0, 2, shapes.shape)
    images = textures(rng, 300, 32, 1)[..., 0]
    shapes = np.rint(shapes).astype(np.uint8)
    found = near_copies(np.concatenate([images, shapes[:300]]), shapes[300:])
    assert len(found.copies.first) <= 4


def test_images_without_contrast_are_copies_of_nothing():
    blank = np.zeros((60, 28, 28), dtype=np.uint8)
    for images, others in ((blank, blank + 3), (blank[:0], blank), (blank, blank[:, :20])):
        assert not near_copies(images, others).copies.first.size


@pytest.mark.parametrize("shape", [(60, 1, 40), (60, 3, 3), (60, 8, 8, 4), (2, 28, 28)])
def test_images_of_any_shape(rng, shape):
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    found = near_copies(images, images[:2])
    assert len(found.copies.first) <= 2
    assert all(0 <= share <= 1 for share in found.found.values())


def test_large_colour_images_are_compared_smaller(rng):
    blurred = ndimage.gaussian_filter(rng.random((12, 90, 70, 3)), (0, 6, 6, 0), mode="wrap")
    images = np.uint8(255 * (blurred - blurred.min()) / np.ptp(blurred))
    found = near_copies(images[:8], np.roll(images[[3, 9]], 4, axis=1)).copies
    assert (found.first.tolist(), found.second.tolist()) == ([3], [0])
