"""How many threads there are, and BLAS on one of them while an engine works."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg.lapack  # noqa: F401 - whose BLAS is another, loaded before limits are set
from threadpoolctl import threadpool_info, threadpool_limits

from imlogit.engines.table import open_engine
from imlogit.system.threads import Team

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


FITTING = """
import threading
import os
import subprocess
import sys

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
import imlogit

x = np.random.default_rng(0).normal(size=(3000, 300)).astype(np.float32)
y = np.arange(3000) % 4
bits = []
fit = lambda: bits.append(imlogit.LogisticRegression().fit(x, y).coef_.tobytes())
blas = lambda: {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}
threadpool_limits(limits=2, user_api="blas")
fit()
for _ in range(2):
    threads = [threading.Thread(target=fit) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print(len(bits), len(set(bits)), blas())
"""


def test_fits_in_other_threads_have_the_same_bits_and_leave_blas_as_it_was():
    environment = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    done = subprocess.run(
        [sys.executable, "-c", FITTING], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "17 1 {2}\n"


def test_a_forked_process_can_fit():
    code = (
        "import os, numpy as np, imlogit\n"
        "x = np.random.default_rng(0).normal(size=(50, 3))\n"
        "model = imlogit.LogisticRegression().fit(x, x[:, 0] > 0)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    model.fit(x, x[:, 0] > 0)\n"
        "    os._exit(7)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    if not hasattr(os, "fork"):
        pytest.skip("needs os.fork")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "7\n"


@pytest.mark.filterwarnings("error")
def test_what_is_to_be_told_of_floats_holds_in_every_thread():
    team = Team()
    team.size = 2
    seen = []

    def overflow(first, last):
        seen.append(np.float64(1e300) * np.full(2, 1e300) * (last - first))

    with team, np.errstate(over="ignore"):
        team.share(overflow, 8)
    assert len(seen) == 8
