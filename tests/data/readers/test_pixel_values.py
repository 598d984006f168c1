"""Numbers that claim to be pixels: converted value for value, or refused with what was seen."""

import tracemalloc

import numpy as np
import pytest

from imlogit.data.readers import pixel_values
from imlogit.data.readers.pixel_values import as_images, as_pixels, square
from imlogit.data.reading import Reading
from imlogit.errors import DataError

ALL = np.arange(256)
WHERE = "some.npy: images"


@pytest.mark.parametrize(
    "scaled",
    [
        lambda kind: (ALL / 255).astype(kind),
        lambda kind: ALL.astype(kind) / kind(255),
        lambda kind: ALL.astype(kind) * kind(1 / 255),
    ],
    ids=["rounded", "divided", "multiplied"],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_parts_of_255_come_back(kind, scaled):
    values = scaled(kind)
    assert values.dtype == kind
    pixels = as_pixels(values, WHERE)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, ALL)


@pytest.mark.parametrize(
    "kind", ["u1", "<u2", ">i2", ">i8", "<u8", "<f2", "<f4", ">f4", "<f8", np.longdouble]
)
def test_whole_numbers_of_any_type(kind):
    pixels = as_pixels(ALL.astype(kind).reshape(4, 8, 8), WHERE)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, ALL.reshape(4, 8, 8))


@pytest.mark.parametrize(
    ("values", "pixels"),
    [
        (np.array([[True, False]]), [[255, 0]]),
        (np.array([[1, 0]], np.int32), [[1, 0]]),
        (np.array([[1.0, 0.0]]), [[255, 0]]),
        (np.array([[-0.0, 0.2]]), [[0, 51]]),
        (np.array(7), 7),
        (np.array(0.2), 51),
        (np.empty((0, 4), int), np.empty((0, 4))),
        (np.empty((0, 4)), np.empty((0, 4))),
        (np.empty((4, 0)), np.empty((4, 0))),
    ],
)
def test_shapes_and_scales_at_the_edge(values, pixels):
    np.testing.assert_array_equal(as_pixels(values, WHERE), pixels, strict=False)
    assert as_pixels(values, WHERE).shape == values.shape


def test_bytes_are_not_copied():
    values = np.zeros((3, 4), np.uint8)
    assert as_pixels(values, WHERE) is values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 300], "from 0 to 300"),
        ([-5, 3], "from -5 to 3"),
        ([-5.0, 1.0], "from -5 to 1"),
        ([0, 256], "from 0 to 256"),
        ([1.5, 0.0], "from 0 to 1.5"),
        ([0.5, 0.25], "from 0.25 to 0.5"),
        ([-1 / 255, 1], "to 1 and are not all whole numbers"),
        ([0.01, 254.0], "from 0.01 to 254"),
        ([2**63 - 1, -(2**63)], r"from -9.22337e\+18 to 9.22337e\+18"),
        ([1e300, 0], r"to 1e\+300"),
        ([np.nan, 1], "not a number, or infinite"),
        ([np.inf, 1], "not a number, or infinite"),
        ([1, -np.inf], "not a number, or infinite"),
        ([1j, 0], "type complex128, not numbers"),
        (["1", "0"], "type <U1, not numbers"),
        (np.array([1, None]), "type object, not numbers"),
        (np.array([1, 2], "M8[s]"), "not numbers"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_other_numbers_are_refused_with_their_range(values, message):
    with pytest.raises(DataError, match=message) as caught:
        as_pixels(np.array([values]), WHERE)
    assert str(caught.value).startswith(f"{WHERE}: ")


@pytest.mark.parametrize("at_a_time", [1, 5, 12, 13, 1000])
@pytest.mark.parametrize("order", ["C", "F"])
def test_wide_types_are_converted_in_blocks(monkeypatch, at_a_time, order):
    monkeypatch.setattr(pixel_values, "NUMBERS_AT_A_TIME", at_a_time)
    values = np.asarray(ALL.reshape(64, 4) / 255, order=order)
    np.testing.assert_array_equal(as_pixels(values, WHERE), ALL.reshape(64, 4))
    values[-1, -1] = 0.5
    with pytest.raises(DataError, match="not all whole"):
        as_pixels(values, WHERE)


@pytest.mark.parametrize("shape", [(30_000, 500), (6, 2_500_000)])
@pytest.mark.parametrize("kind", [np.int64, np.float32])
def test_wide_types_cost_little_memory(kind, shape):
    values = np.zeros(shape, kind)
    tracemalloc.start()
    try:
        as_pixels(values, WHERE)
        assert tracemalloc.get_traced_memory()[1] < 1.1 * values.size + 5 * 4 * max(2**21, shape[1])
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("n_numbers", "shape"),
    [(1, (1, 1)), (784, (28, 28)), (3072, (32, 32, 3)), (27, (3, 3, 3)), (36, (6, 6))],
)
def test_squares(n_numbers, shape):
    assert square(n_numbers, WHERE) == shape


@pytest.mark.parametrize("n_numbers", [0, 2, 785, 28 * 28 * 2])
def test_what_is_no_square(n_numbers):
    with pytest.raises(DataError, match=rf"{n_numbers:,} numbers are no square.*shape=\(h, w\)"):
        square(n_numbers, WHERE)


def pixels(*shape):
    return np.arange(np.prod(shape)).astype(np.uint8).reshape(shape)


@pytest.mark.parametrize(
    ("given", "reading", "shape"),
    [
        ((5, 784), Reading(), (5, 28, 28)),
        ((5, 784), Reading(layout="chw"), (5, 28, 28)),
        ((5, 784), Reading(shape=(14, 56)), (5, 14, 56)),
        ((5, 784), Reading(shape=(56, 14, 1)), (5, 56, 14)),
        ((5, 48), Reading(layout="hwc"), (5, 4, 4, 3)),
        ((5, 48), Reading(layout="hwc", shape=(2, 8, 3)), (5, 2, 8, 3)),
        ((5, 48), Reading(layout="hwc", shape=(3, 8, 2)), (5, 3, 8, 2)),
        ((5, 28, 20), Reading(), (5, 28, 20)),
        ((5, 28, 20), Reading(shape=(28, 20)), (5, 28, 20)),
        ((5, 28, 20, 1), Reading(), (5, 28, 20)),
        ((5, 1, 28, 20), Reading(layout="chw"), (5, 28, 20)),
        ((5, 8, 9, 3), Reading(), (5, 8, 9, 3)),
        ((5, 3, 9, 3), Reading(), (5, 3, 9, 3)),
        ((5, 3, 8, 9), Reading(layout="hwc"), (5, 3, 8, 9)),
        ((0, 784), Reading(), (0, 28, 28)),
    ],
)
def test_rows_become_images_of_the_same_order(given, reading, shape):
    rows = pixels(*given)
    np.testing.assert_array_equal(as_images(rows, reading, WHERE), rows.reshape(shape))


# Two rows of CIFAR: the red plane row by row, then the green, then the blue.
RED, GREEN, BLUE = [[10, 11], [12, 13]], [[20, 21], [22, 23]], [[30, 31], [32, 33]]
CIFAR = np.array(
    [
        [10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33],
        [110, 111, 112, 113, 120, 121, 122, 123, 130, 131, 132, 133],
    ],
    np.uint8,
)


@pytest.mark.parametrize("shape", [(2, 12), (2, 3, 2, 2)])
def test_planes_are_laid_pixel_by_pixel(shape):
    images = as_images(CIFAR.reshape(shape), Reading(layout="chw"), WHERE)
    assert images.flags.c_contiguous
    expected = np.stack([RED, GREEN, BLUE], axis=2)
    np.testing.assert_array_equal(images, [expected, expected + 100])


def test_planes_that_are_not_square():
    images = as_images(CIFAR, Reading(layout="chw", shape=(1, 4, 3)), WHERE)
    np.testing.assert_array_equal(images[0, 0, :, 0], [10, 11, 12, 13])
    np.testing.assert_array_equal(images[0, 0, 1], [11, 21, 31])


@pytest.mark.parametrize(
    ("given", "reading", "message"),
    [
        ((5, 3072), Reading(), "layout='chw' .* or layout='hwc'"),
        ((5, 24), Reading(shape=(3, 4, 2)), "3 x 4 pixels of 2 channels"),
        ((5, 3, 8, 9), Reading(), "look like 3 planes; say so with layout='chw', or layout='hwc'"),
        ((5, 1, 8, 9), Reading(), "look like 1 planes"),
        ((5, 784), Reading(shape=(28, 29)), r"784 numbers, and shape=\(28, 29\) would take 812"),
        ((5, 28, 20), Reading(shape=(20, 28)), r"are 28 x 20 already; leave shape=\(20, 28\) out"),
        ((5, 785), Reading(), "785 numbers are no square image"),
        ((5, 0), Reading(), "0 numbers are no square image"),
        ((), Reading(), "neither"),
        ((5,), Reading(), "neither"),
        ((5, 0, 4), Reading(), "neither"),
        ((2, 2, 2, 2, 2), Reading(), "neither"),
        ((2, 2, 2, 2, 2), Reading(layout="chw"), "neither"),
    ],
)
def test_what_cannot_be_images(given, reading, message):
    with pytest.raises(DataError, match=message) as caught:
        as_images(pixels(*given), reading, WHERE)
    assert str(caught.value).startswith(f"{WHERE}: ")


@pytest.mark.parametrize("reading", [Reading(), Reading(layout="hwc")])
def test_images_that_lie_as_they_should_are_not_copied(reading):
    rows = pixels(5, 8, 9, 3)
    assert np.shares_memory(as_images(rows, reading, WHERE), rows)
