"""Copies of rows that lie apart: the rows that were asked for, in their order and type."""

import numpy as np
import pytest

from imlogit.engines import gathering
from imlogit.engines.table import open_engine

from helpers.engines import ENGINE_NAMES


@pytest.mark.parametrize("name", ENGINE_NAMES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_rows_are_those_asked_for_whatever_the_blocks(name, dtype, rng, monkeypatch):
    monkeypatch.setattr(gathering, "GATHERED_BYTES", 8 * 6 * 10)
    x = rng.integers(0, 200, (300, 6)).astype(dtype)
    asked = rng.integers(0, 300, 77)  # some twice, in no order
    with open_engine(name, x, 0.5) as engine:
        for precise in (False, True):
            found = engine.rows(asked, precise=precise)
            np.testing.assert_array_equal(found, 0.5 * x[asked].astype(found.dtype))
        assert found.dtype == np.float64
        small = engine.take(asked)
        np.testing.assert_array_equal(small.rows(np.arange(77), precise=True), found)
