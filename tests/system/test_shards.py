"""Arrays of several files, read as one: whatever is asked of them, it is what one array gives."""

import numpy as np
import pytest

from imlogit.system.shards import ShardedRows

ROWS = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)


@pytest.fixture
def shards():
    return ShardedRows([ROWS[:3], ROWS[3:3], ROWS[3:9], ROWS[9:]])


def test_it_is_of_the_shape_of_all(shards):
    assert (shards.shape, shards.ndim, shards.dtype) == (ROWS.shape, 3, ROWS.dtype)
    assert (len(shards), shards.nbytes, shards.max()) == (10, 40, 39)
    np.testing.assert_array_equal(list(shards), ROWS)
    np.testing.assert_array_equal(np.asarray(shards), ROWS)
    assert np.asarray(shards, float).dtype == float


@pytest.mark.parametrize(
    "rows",
    [
        *(0, -1, 5, slice(None), slice(2, 4), slice(4, 2), slice(3, 9), slice(20, 30)),
        *(slice(0, 10, 3), [3, 4, 5], [9, 0, 3, 3], [-1, 2], []),
        np.arange(10) % 3 == 0,
    ],
    ids=str,
)
def test_rows_are_those_of_the_array(shards, rows):
    of_array = ROWS[np.array(rows, int) if isinstance(rows, list) else rows]
    found = shards[rows if rows != [] else np.array([], int)] if isinstance(rows, list) else None
    np.testing.assert_array_equal(np.asarray(shards[rows] if found is None else found), of_array)


def test_what_is_not_there_is_an_index_error(shards):
    with pytest.raises(IndexError):
        shards[10]


@pytest.mark.parametrize("rows", [slice(4, 8), np.arange(4, 8)], ids=["slice", "numbers"])
def test_rows_that_follow_on_each_other_are_no_copy(shards, rows):
    assert np.shares_memory(shards[rows], ROWS)
    assert isinstance(shards[1:9], ShardedRows)
