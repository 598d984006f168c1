"""The engines to test: all of them, or those whose extras are installed."""

import os
from importlib.util import find_spec

import pytest

from imlogit.engines.table import ENGINES

# The Numba engine's sums on workers, each task at the price of a message: test_dask.py
# compares their bits, and the rest of the suite need not be run for it.
ON_WORKERS = "dask"
LOCAL = sorted(set(ENGINES) - {ON_WORKERS})
# Set where nothing may be skipped: an engine that is missing then fails its tests.
ALL_REQUIRED = os.environ.get("IMLOGIT_REQUIRE_ALL") == "1"
INSTALLED = [name for name in LOCAL if ALL_REQUIRED or name != "tensorflow" or find_spec(name)]
ENGINE_NAMES = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(name not in INSTALLED, reason=f"needs {name}, not installed"),
    )
    for name in LOCAL
]
