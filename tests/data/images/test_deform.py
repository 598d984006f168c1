"""Deformations: by known numbers, and drawn by a seed, a row and a copy."""

import numpy as np
import pytest

from imlogit.data.images.deform import NUMBERS, deformed_copies
from imlogit.data.images.deform_kernels import deform, draw_numbers, weigh_points

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (1, 8, 10, 1), dtype=np.uint8)


HOW = (np.pi / 2, 0.5, float(np.log(2)), 1.0)


def deformed(numbers, image=IMAGE, how=HOW):
    given, out = np.zeros((1, NUMBERS)), np.empty_like(image)
    given[0, : len(numbers)] = numbers
    deform(image, given, *how, out)
    return out


def test_nothing_is_what_zeros_do():
    np.testing.assert_array_equal(deformed([0]), IMAGE)


def test_known_answers():
    square = RNG.integers(0, 256, (1, 9, 9, 3), dtype=np.uint8)
    turned = deformed([1], square)
    assert any((turned[0] == np.rot90(square[0], k)).all() for k in (1, 3))
    moved = deformed([0, 0.5])  # by a quarter of eight rows; the edge goes on
    np.testing.assert_array_equal(moved[0, :6], IMAGE[0, 2:])
    np.testing.assert_array_equal(moved[0, 6:], IMAGE[0, [7, 7]])
    larger = deformed([0, 0, 0, 1, 1], square)
    np.testing.assert_array_equal(larger[0, ::2, ::2], square[0, 2:7, 2:7])


def test_a_bend_moves_parts_of_an_image():
    numbers = np.zeros(NUMBERS)
    numbers[5::2] = 0.5  # everywhere the same: a move, as the weights are one in all
    np.testing.assert_array_equal(
        deformed(numbers, how=(0.0, 0.0, 0.0, 0.5)), deformed([0, 0.5], how=(0.0, 0.5, 0.0, 0.0))
    )
    weights = np.empty((28, 4))
    weigh_points(weights)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights.min() >= 0


def test_numbers_are_even_and_of_their_own():
    out = np.empty((2000, 10))
    draw_numbers(0, np.arange(2000), 1, out)
    assert abs(out.mean()) < 0.02
    assert abs((out**2).mean() - 1 / 3) < 0.01
    assert np.abs(out).max() <= 1
    assert len(np.unique(out)) == out.size
    assert np.abs(np.corrcoef(out.T) - np.eye(10)).max() < 0.1
    some, other = np.empty((2, 10)), np.empty((2, 10))
    draw_numbers(0, np.array([7, 1999]), 1, some)
    np.testing.assert_array_equal(some, out[[7, 1999]])
    for seed, copy in ((1, 1), (0, 2)):
        draw_numbers(seed, np.array([7, 1999]), copy, other)
        assert (other != some).all()


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3), (1, 1)], ids=str)
def test_any_shape_and_even_images_stay_even(shape):
    images = np.stack([np.full(shape, 77, np.uint8), np.full(shape, 255, np.uint8)])
    found = deformed_copies(images, np.arange(2), 3, 0)
    np.testing.assert_array_equal(found, np.repeat(images, 4, axis=0))


def test_no_pixel_moves_far():
    """A dot in the middle stays near it, whatever is drawn."""
    images = np.zeros((200, 29, 29), np.uint8)
    images[:, 13:16, 13:16] = 255
    found = deformed_copies(images, np.arange(200), 1, 0)[1::2].astype(float)
    mass = found.sum(axis=(1, 2))
    places = [(found.sum(axis=k) @ np.arange(29)) / mass - 14 for k in (1, 2)]
    far = np.hypot(*places)
    assert far.max() < 29 * 0.15
    assert far.mean() > 0.5
    assert np.abs(mass.mean() / images[0].sum() - 1) < 0.1
