"""Processes that are forked from one which has imported everything, killed where they are told.

The process that forks must have no other threads: whoever uses this fits nothing himself.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
# What changes the names in a folder, and so parts one state of it from the next.
RENAMING = ("rename", "replace", "link")
LONG_SECONDS, GONE_SECONDS = 60.0, 2.0
OVERDUE = -signal.SIGALRM
# Of a process that ended by an exception.
RAISED = 99


class Ended(NamedTuple):
    """How a process ended: its exit code, or the signal below 0; what it said; who outlived it."""

    code: int
    said: str
    seconds: float
    left: int


class Stop(NamedTuple):
    """Where a process is killed: at a call that renames, or after some time."""

    signum: int = signal.SIGKILL
    call: int = 0
    after: bool = False
    seconds: float = 0.0


def helper(name: str) -> Any:
    """Return a module of what tests share."""
    if str(ROOT / "tests") not in sys.path:
        sys.path.append(str(ROOT / "tests"))
    return import_module(f"helpers.{name}")


def forked(work: Callable[[], Any], place: Path, stop: Stop | None = None) -> Ended:
    """Do something in a folder in a process of its own, and wait until it is over.

    What the work prints or returns as text is said.
    """
    began = time.perf_counter()
    pid, reading = start(work, place, None if stop is None or not stop.call else stop)
    said, killed = bytearray(), stop is None or not stop.seconds
    while True:
        waited = time.perf_counter() - began
        until = LONG_SECONDS if killed else stop.seconds
        if select.select([reading], [], [], max(until - waited, 0))[0]:
            piece = os.read(reading, 65536)
            said += piece
            if not piece:
                break
        elif killed:
            os.killpg(pid, signal.SIGKILL)
            return Ended(OVERDUE, said.decode(), waited, _left(pid))
        else:
            os.kill(pid, stop.signum)
            killed = True
    os.close(reading)
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, said.decode(errors="replace"), took, _left(pid))


def start(work: Callable[[], Any], place: Path, stop: Stop | None = None) -> tuple[int, int]:
    """Start a process in a session of its own; return its number, and what it says to read."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    code = RAISED
    try:
        os.close(reading)
        os.setsid()
        os.chdir(place)
        temporary = place / "tmp"
        temporary.mkdir(exist_ok=True)
        os.environ |= {"IMLOGIT_CACHE": str(place / "cache"), "TMPDIR": str(temporary)}
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        if stop is not None:
            kill_at(stop)
        code = _code_of(work)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
    raise AssertionError


def kill_at(stop: Stop) -> None:
    """Let this process kill itself at one of its calls that rename."""
    calls: list[str] = []

    def standing_in_for(whole: Callable[..., Any]) -> Callable[..., Any]:
        def rename(*places: Any, **how: Any) -> Any:
            calls.append("")
            if len(calls) == stop.call and not stop.after:
                os.kill(os.getpid(), stop.signum)
            result = whole(*places, **how)
            if len(calls) == stop.call and stop.after:
                os.kill(os.getpid(), stop.signum)
            return result

        return rename

    for name in RENAMING:
        setattr(os, name, standing_in_for(getattr(os, name)))


def counting(work: Callable[[], Any]) -> Callable[[], Any]:
    """Return work that says at its end how often it has renamed something."""

    def counted() -> None:
        calls = []

        def standing_in_for(whole: Callable[..., Any]) -> Callable[..., Any]:
            def rename(*places: Any, **how: Any) -> Any:
                calls.append("")
                return whole(*places, **how)

            return rename

        for name in RENAMING:
            setattr(os, name, standing_in_for(getattr(os, name)))
        try:
            work()
        finally:
            print(f"\ncalls:{len(calls)}", flush=True)

    return counted


def must(ended: Ended) -> Ended:
    if ended.code:
        raise AssertionError(ended.said)
    return ended


@contextlib.contextmanager
def serving(server: Any, place: Path) -> Iterator[None]:
    """Let a server that listens already answer, from a process of its own."""

    def serve() -> None:
        with server:
            signal.pause()

    pid, reading = start(serve, place)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)


def _code_of(work: Callable[[], Any]) -> int:
    import traceback

    try:
        answer = work()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException as error:
        if hasattr(error, "exit_code"):  # typer's
            return int(error.exit_code)
        traceback.print_exc()
        return RAISED
    if isinstance(answer, str):
        print(answer)
    return 0


def _left(leader: int) -> int:
    """Return how many processes of a session are alive, and do not end soon; then end them."""
    end = time.monotonic() + GONE_SECONDS
    while (alive := _of_session(leader)) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in alive:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return len(alive)


def _of_session(leader: int) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, session = (place / "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z":
            found.append(int(place.name))
    return found
