"""Products of rows with each other, and sums of them, of every engine and kind of matrix."""

import numpy as np
import pytest

from imlogit.engines import row_products
from imlogit.engines.matrix import ArrayMatrix
from imlogit.engines.row_products import move_origin, products_of_bytes
from imlogit.engines.scaled_matrix import StandardizedMatrix, standardization_of
from imlogit.engines.table import open_engine

from helpers.engines import ENGINE_NAMES, INSTALLED
from helpers.matrices import Halves

N, D = 37, 2500  # more terms than float32 adds up exactly at a time


@pytest.fixture(params=ENGINE_NAMES)
def name(request):
    return request.param


def exactly(x):
    """The products of whole numbers."""
    return x.astype(np.int64) @ x.astype(np.int64).T


def pixels(rng, kind="any"):
    x = rng.integers(0, 256, (N, D), dtype=np.uint8)
    if kind == "white":
        x[:] = 255
    elif kind == "black and white":
        x = np.where(x > 127, 255, 0).astype(np.uint8)
    return x


@pytest.mark.parametrize("kind", ["any", "white", "black and white"])
def test_products_of_bytes_are_exact(name, rng, kind):
    x = pixels(rng, kind)
    found = open_engine(name, x).row_products(np.zeros(D))
    np.testing.assert_array_equal(found, exactly(x))


@pytest.mark.parametrize("d", [1, 1023, 1024, 1025, 3000])
def test_a_block_of_products_of_bytes(rng, d):
    one, other = (rng.integers(0, 256, (m, d)) for m in (3, 5))
    found = products_of_bytes(one.astype(np.float32), other.astype(np.float32))
    np.testing.assert_array_equal(found, one @ other.T)


def test_bytes_around_a_center(name, rng):
    x = pixels(rng)
    engine = open_engine(name, x, 1 / 255)
    center = engine.center()
    centred = x / 255 - center
    np.testing.assert_allclose(engine.row_products(center), centred @ centred.T, atol=1e-10)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floats_with_a_large_mean(name, rng, kind):
    """What the center takes away is not added up first: no digits are lost to it."""
    x = (rng.normal(size=(N, D)) + 1e4).astype(kind)
    engine = open_engine(name, x)
    center = engine.center()
    centred = x.astype(float) - center
    np.testing.assert_allclose(engine.row_products(center), centred @ centred.T, atol=1e-8)


@pytest.mark.parametrize("given", ["float16", "Halves"])
def test_rows_that_are_not_read_in_place(name, rng, given):
    x = rng.normal(size=(N, D)).astype(np.float16)
    engine = open_engine(name, Halves(x) if given == "Halves" else x)
    center = rng.normal(size=D)
    centred = x.astype(float) - center
    np.testing.assert_allclose(engine.row_products(center), centred @ centred.T, rtol=1e-10)


@pytest.mark.skipif("numba" not in INSTALLED, reason="needs numba, not installed")
@pytest.mark.parametrize("kind", [np.uint8, np.float64])
@pytest.mark.parametrize("size", [1, 5, 36])
def test_blocks_of_any_size_and_any_threads_give_the_same(rng, monkeypatch, kind, size):
    x = pixels(rng).astype(kind)
    center = np.full(D, 100.0)
    expected = (x - center) @ (x - center).T
    monkeypatch.setattr(row_products, "PRODUCT_BYTES", 8 * D * size)
    found = []
    for count in (1, 3):
        monkeypatch.setenv("IMLOGIT_NUM_THREADS", str(count))
        with open_engine("numba", x) as engine:
            found.append(engine.row_products(center))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[0].T)
    np.testing.assert_allclose(found[0], expected, rtol=1e-11)


def test_moving_the_origin(rng):
    x, center = rng.normal(size=(9, 4)), rng.normal(size=4)
    products = x @ x.T
    move_origin(products, x @ center, center @ center)
    np.testing.assert_allclose(products, (x - center) @ (x - center).T, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 20])
@pytest.mark.parametrize("kind", ["uint8", "float32", "float64", "float16"])
def test_sums_of_rows(name, rng, k, kind):
    x = rng.integers(0, 256, (N, D)).astype(kind)
    shares = rng.normal(size=(k, N))
    found = open_engine(name, x, 1 / 255).combine(shares)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, shares @ (x.astype(float) / 255), atol=1e-11)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_an_engine_over_other_features(name, rng, kind):
    """It has their scale, not that of the rows that it was made from."""
    other = rng.normal(size=(N, 3)).astype(kind)
    found = open_engine(name, pixels(rng), 1 / 255).over(other)
    assert (found.n_rows, found.n_features) == (N, 3)
    assert found.largest == pytest.approx(np.abs(other).max())
    np.testing.assert_allclose(found.multiply(np.eye(3)), other.T, rtol=1e-12)


def test_standardised_bytes_are_bytes_no_more(name, rng):
    x = pixels(rng)
    inner = ArrayMatrix(x)
    found = open_engine(name, StandardizedMatrix(inner, standardization_of(inner, center=True)))
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(found.row_products(np.zeros(D)), scaled @ scaled.T, atol=1e-9)
