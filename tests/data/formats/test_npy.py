"""Arrays of .npy files that several threads map at once."""

import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from imlogit.data.formats.npy import map_npy

N_THREADS = 8
N_FILES = 2_000


@pytest.fixture
def threads_in_turn():
    """Let threads take turns wherever Python collects garbage, as it may amid the parsing."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()

    def give_way(phase, info):
        time.sleep(0)

    sys.setswitchinterval(1e-6)
    gc.set_threshold(20, 1, 1)
    gc.callbacks.append(give_way)
    yield
    gc.callbacks.remove(give_way)
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


def test_threads_map_files_at_once(tmp_path, threads_in_turn):
    rows = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / "rows.npy"
    np.save(path, rows)
    with ThreadPoolExecutor(N_THREADS) as pool:
        mapped = list(pool.map(map_npy, [path] * N_FILES))
    assert all(np.array_equal(one, rows) for one in mapped)
