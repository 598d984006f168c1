"""How many threads there are, and BLAS on one of them while an engine works."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from imlogit.engines.table import open_engine

from helpers.engines import ENGINE_NAMES


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_the_threads_of_blas_come_back_when_the_last_engine_ends(name):
    def threads():
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    with threadpool_limits(limits=2, user_api="blas"):
        first, second = (open_engine(name, np.ones((3, 2))) for _ in range(2))
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == {2}


def test_number_of_threads_must_be_a_number(monkeypatch):
    monkeypatch.setenv("IMLOGIT_NUM_THREADS", "many")
    with pytest.raises(ValueError, match="IMLOGIT_NUM_THREADS='many'"):
        open_engine("numba", np.zeros((2, 2)))
