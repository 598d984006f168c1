"""Exact copies, by hand."""

import numpy as np
import pytest

from imlogit.checks.exact_copies import exact_copies
from imlogit.errors import DataError


def test_rows_equal_the_first_of_their_kind():
    rows = np.array([[1, 2], [3, 4], [1, 2], [3, 4], [1, 2]])
    found = exact_copies(rows)
    assert list(zip(*found, strict=True)) == [(0, 2), (1, 3), (0, 4)]
    found = exact_copies(rows, np.array([[9, 9], [3, 4]]))
    assert list(zip(*found, strict=True)) == [(1, 1)]


def test_rows_of_another_type_are_never_equal():
    rows = np.array([[1, 2]], dtype=np.uint8)
    assert not exact_copies(rows, rows.astype(np.int64)).first.size
    with pytest.raises(DataError, match="objects"):
        exact_copies(rows.astype(object))
