"""What all tests share: a cache of their own, and the embedded images."""

import os
from pathlib import Path

# Before NumPy is imported. Threads of BLAS that wait for each other, in as many processes as run
# tests at once, make scikit-learn's small fits twenty times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

import imlogit

# Files with tests of ten seconds and more.
LONGEST = {"test_benchmarks.py", "test_notebook.py", "test_sklearn_suite.py"}


def pytest_make_parametrize_id(val, argname):
    """Keep the contents of files out of the names of tests.

    Archives hold the time at which they were made: workers that collect the tests in different
    seconds would disagree on their names.
    """
    return argname if isinstance(val, bytes) and len(val) > 16 else None


def pytest_collection_modifyitems(items):
    """Run first what takes longest, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Keep the tests away from the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMLOGIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def full_data():
    """The folder of data sets, $IMLOGIT_DATA, if it holds all 70,000 images of MNIST."""
    home = os.environ.get("IMLOGIT_DATA", "")
    if not home or not (Path(home) / "mnist").is_dir():
        pytest.skip("needs all 70,000 images: IMLOGIT_DATA names no folder that holds mnist/")
    return home


@pytest.fixture(scope="session")
def embedded():
    """The 5,000 embedded images."""
    return imlogit.load("mnist-5k")


@pytest.fixture(scope="session")
def few(embedded):
    """Every tenth embedded image and whether it is a two: 500 of them, 50 a digit."""
    return embedded.images[::10], embedded.labels[::10] == 2


@pytest.fixture(scope="module")
def without_pictures():
    """Runs are written without pictures and a page, which take longer than all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imlogit.report.run_folder._picture", lambda *_: None)
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)
