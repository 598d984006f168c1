"""Processes that decode end when the one that started them is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from helpers.image_files import encoded, write

# of each of two classes; so many are decoded by processes of their own
MANY = 4000
SECONDS = 20

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        not Path("/proc/self").is_dir(), reason="this system does not list its processes as files"
    ),
]


def of_session(leader):
    """The processes of a session that live, but for its leader."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = (place / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z" and int(place.name) != leader:
            found.append(int(place.name))
    return found


def semaphores(pid):
    return list(Path("/dev/shm").glob(f"*loky-{pid}-*"))


def wait_until(met):
    end = time.monotonic() + SECONDS
    while not met() and time.monotonic() < end:
        time.sleep(0.05)
    return met()


@pytest.mark.parametrize(
    ("signum", "whom"),
    [
        (signal.SIGKILL, "the process"),
        (signal.SIGTERM, "the process"),
        (signal.SIGTERM, "its group"),
    ],
)
def test_no_process_outlives_the_one_that_reads(tmp_path, signum, whom):
    image = encoded(np.zeros((28, 28), np.uint8))
    for name in ("a", "b"):
        for number in range(MANY):
            write(tmp_path / "many" / name / f"{number}.png", image)
    with subprocess.Popen(
        [sys.executable, "-m", "imlogit", "data", "fetch", str(tmp_path / "many")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"IMLOGIT_NUM_THREADS": "2", "IMLOGIT_CACHE": str(tmp_path / "cache")},
    ) as process:
        workers = f"/proc/{process.pid}/task/{process.pid}/children"
        assert wait_until(lambda: b"process-name" in _lines_of(workers))
        if whom == "the process":
            process.send_signal(signum)
        else:
            os.killpg(process.pid, signum)
        err = process.stderr.read() if signum == signal.SIGTERM else ""
        process.wait(SECONDS)
    assert wait_until(lambda: not of_session(process.pid)), of_session(process.pid)
    assert wait_until(lambda: not semaphores(process.pid))
    if signum == signal.SIGTERM:
        assert (process.returncode, err) == (128 + signum, "\nTerminated.\n")


def _lines_of(children):
    """Return the command lines of a process's children."""
    lines = b""
    try:
        for pid in Path(children).read_text().split():
            lines += Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        pass
    return lines
