"""What an engine reads, as a value: every kind of number, none of them copied whole."""

import tracemalloc

import numpy as np
import pytest

from imlogit.core.regression import regression
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.engines.matrix import as_matrix
from imlogit.engines.numba_cpu import NumbaEngine
from imlogit.engines.table import open_engine

from helpers.engines import ENGINE_NAMES
from helpers.kinds import KINDS, bfloat16, mapped
from helpers.matrices import Halves
from helpers.tools import need


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


@pytest.fixture
def exact(rng):
    """Numbers that eight bits of digits hold."""
    return rng.integers(-128, 128, (600, 7)) / 64.0


def solved(features, engine, n_classes=2):
    codes = np.random.default_rng(5).integers(0, n_classes, len(features))
    one = regression(codes, n_classes, np.ones(len(codes)), 0.3)
    with open_engine(engine, features) as opened:
        (found,) = solve(opened, [one], Settings(tol=1e-9))
        return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ENGINE_NAMES)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_every_kind_has_the_optimum_of_the_float64_copy(exact, tmp_path, name, kind, n_classes):
    found = solved(KINDS[kind](exact, tmp_path), name, n_classes)
    expected = solved(exact, "reference", n_classes)
    assert found.certificate.converged
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-6)
    ours, theirs = found.certificate, expected.certificate
    rounding = 1e-13 * theirs.objective
    assert abs(ours.objective - theirs.objective) <= ours.gap + theirs.gap + rounding


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_bfloat16(exact, name):
    need("ml_dtypes")
    found = solved(bfloat16(exact), name)
    assert as_matrix(bfloat16(exact)).dtype == np.float32
    np.testing.assert_allclose(found.weights, solved(exact, "reference").weights, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("n_columns", [1, 2, 5, 20])
def test_blocks_have_the_bits_of_rows_in_place(rng, dtype, n_columns):
    rows = rng.integers(0, 256, (9000, 30)).astype(dtype)
    weights = rng.normal(size=(n_columns, 30))
    residual = rng.normal(size=(n_columns, len(rows)))
    found = []
    for array in (rows, np.asfortranarray(rows)):
        with NumbaEngine(as_matrix(array), 0.01) as engine:
            assert (engine.x is None) == array.flags.f_contiguous
            sums = engine.accumulate(residual, np.arange(n_columns), np.float32)
            found.append((engine.multiply(weights), sums, engine.center(), engine.largest))
    for in_place, in_blocks in zip(*found, strict=True):
        np.testing.assert_array_equal(in_place, in_blocks)


@pytest.mark.parametrize("size", [1, 2])
def test_any_number_of_threads_gives_the_same_bits(rng, size):
    rows = np.asfortranarray(rng.normal(size=(20_000, 5)).astype(np.float32))
    with NumbaEngine(as_matrix(rows)) as engine:
        whole = engine.accumulate(np.ones((1, len(rows))), np.zeros(1, np.intp), np.float32)
        engine.team.size = size
        again = engine.accumulate(np.ones((1, len(rows))), np.zeros(1, np.intp), np.float32)
    np.testing.assert_array_equal(whole, again)


@pytest.mark.parametrize(
    "array", [np.zeros((9, 4), np.uint8), np.zeros((9, 4), np.float32), np.zeros((9, 4))]
)
def test_what_is_plain_is_read_in_place(array, tmp_path):
    for one in (array, mapped(array, tmp_path)):
        with NumbaEngine(as_matrix(one)) as engine:
            assert np.shares_memory(engine.x, one)


@pytest.mark.parametrize(
    "kind", ["float16", "Fortran", "strided", "mapped float16", "mapped Fortran", "mapped part"]
)
def test_nothing_is_copied_whole(rng, tmp_path, kind):
    rows = KINDS[kind](rng.integers(-8, 8, (60_000, 300)) / 8.0, tmp_path)
    one = [regression(rng.integers(0, 2, len(rows)), 2, np.ones(len(rows)), 1e-3)]
    with open_engine("numba", rows[:50]) as engine:  # compiled, and imported
        solve(engine, [regression(np.arange(50) % 2, 2, np.ones(50), 1.0)], Settings())
    tracemalloc.start()
    with open_engine("numba", rows) as engine:
        solve(engine, one, Settings(max_iter=3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.size * 4 * 0.7
