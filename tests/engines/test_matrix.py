"""What an engine reads, as a value."""

import numpy as np
import pytest

from imlogit.core.regression import regression
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.engines.matrix import as_matrix
from imlogit.engines.table import open_engine

from helpers.engines import ENGINE_NAMES
from helpers.matrices import Halves


def test_an_array_is_read_in_place_and_taken_as_a_copy(rng):
    array = rng.integers(0, 256, (9, 4), dtype=np.uint8)
    matrix = as_matrix(array)
    assert as_matrix(matrix) is matrix
    assert (matrix.shape, matrix.dtype, len(matrix)) == ((9, 4), np.uint8, 9)
    assert np.shares_memory(matrix.block(2, 5), array)
    taken = matrix.take(np.array([7, 2, 7]))
    np.testing.assert_array_equal(taken, array[[7, 2, 7]])
    assert not np.shares_memory(taken, array)


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (10, 3), (10, 2, 3), (10, 0), (10,)])
@pytest.mark.parametrize("n_bytes", [1, 100, 2**24])
def test_blocks_are_all_rows_in_order(rng, monkeypatch, shape, n_bytes):
    monkeypatch.setattr("imlogit.engines.matrix.BLOCK_BYTES", n_bytes)
    array = rng.normal(size=shape)
    found = [*as_matrix(array).blocks(), array[:0]]
    np.testing.assert_array_equal(np.concatenate(found), array)


@pytest.mark.parametrize(
    ("array", "largest"),
    [
        (np.array([[3, 200]], dtype=np.uint8), 200),
        (np.array([[-128, 5]], dtype=np.int8), 128),
        (np.array([[0.5], [-2.5]]), 2.5),
        (np.zeros((0, 3)), 0),
        (np.array([[False], [True]]), 1),
    ],
)
def test_the_largest_is_found_whatever_its_sign(array, largest):
    assert as_matrix(array).largest == largest


def test_the_largest_is_looked_for_in_every_block(rng, monkeypatch):
    array = rng.normal(size=(50, 3))
    monkeypatch.setattr("imlogit.engines.matrix.BLOCK_BYTES", 100)
    assert as_matrix(array).largest == np.abs(array).max()


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_engines_read_a_matrix_of_any_kind(name, rng):
    matrix = Halves(rng.normal(size=(200, 6)))
    some = [regression(rng.integers(0, 2, 200), 2, np.ones(200), 1.0)]
    found = []
    for features in (matrix, matrix.whole()):
        with open_engine(name, features) as engine:
            found += solve(engine, some, Settings())
            assert engine.take(np.arange(3)).n_rows == 3
    np.testing.assert_array_equal(found[0].weights, found[1].weights)
