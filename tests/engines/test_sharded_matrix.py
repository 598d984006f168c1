"""Rows of several files: the bits of one array, across every border."""

import numpy as np
import pytest

from imlogit import DataError, LogisticRegression
from imlogit.engines.matrix import ArrayMatrix, as_matrix
from imlogit.engines.sharded_matrix import ShardedMatrix

from helpers.kinds import mapped

SIZES = (0, 1, 4000, 0, 4999)


@pytest.fixture
def rows(rng):
    return rng.integers(0, 256, (sum(SIZES), 6), dtype=np.uint8)


@pytest.fixture
def shards(rows, tmp_path):
    """Memory maps of files, but for those without rows, which nothing can map."""
    found = []
    for k, part in enumerate(np.split(rows, np.cumsum(SIZES)[:-1])):
        (tmp_path / str(k)).mkdir()
        found.append(mapped(part, tmp_path / str(k)) if len(part) else part)
    return found


def test_blocks_and_rows_across_borders(rows, shards):
    matrix = ShardedMatrix(shards)
    assert (matrix.shape, matrix.dtype, matrix.largest) == (rows.shape, np.uint8, rows.max())
    for start, stop in [(0, 0), (0, 1), (0, 2), (3999, 4003), (4001, 9999), (0, 9000)]:
        np.testing.assert_array_equal(matrix.block(start, stop), rows[start:stop])
    some = np.array([8999, 0, 4001, 4000, 0])
    np.testing.assert_array_equal(matrix.take(some), rows[some])
    assert np.shares_memory(matrix.block(10, 20), shards[2])


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_a_fit_has_the_bits_of_the_rows_in_memory(rows, shards, dtype):
    y = rows[:, 0] + (rows[:, 1] > 99) > 150
    given = ShardedMatrix([shard.astype(dtype) for shard in shards])
    models = [LogisticRegression(pixel_scale=0.01).fit(X, y) for X in (rows.astype(dtype), given)]
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)
    np.testing.assert_array_equal(models[1].predict(given), models[0].predict(rows.astype(dtype)))


def test_a_shard_of_another_kind_is_named(rows):
    with pytest.raises(DataError, match=r"shard 1, counted from 0, .*\(5,\).*\(6,\)"):
        ShardedMatrix([rows, rows[:, :5]])
    with pytest.raises(DataError, match="shard 2.*float32.*uint8"):
        ShardedMatrix([rows, rows, rows.astype(np.float32)])
    with pytest.raises(DataError, match="no shards"):
        ShardedMatrix([])


def test_nan_in_a_shard_is_named(rows):
    bad = rows.astype(float)
    bad[5000, 2] = np.nan
    parts = [ArrayMatrix(part) for part in np.split(bad, [100, 4000])]
    with pytest.raises(DataError, match=r"\(5000, in shard 2\)"):
        LogisticRegression(pixel_scale=1).fit(ShardedMatrix(parts), rows[:, 0] > 9)


def test_a_shard_cut_short_is_named(rows, shards):
    matrix = ShardedMatrix(shards)
    with open(shards[2].filename, "r+b") as file:
        file.truncate(300)
    with pytest.raises(DataError, match="was cut short"):
        matrix.block(0, 9000)
    assert as_matrix(matrix) is matrix
