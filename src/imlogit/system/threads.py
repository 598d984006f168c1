"""Threads of our own over fixed lanes of rows, with BLAS kept to one thread inside."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from imlogit.system.interrupts import DeferredInterrupt
from imlogit.system.processors import processor_count

# Few enough that partial sums stay small, enough to keep a large machine busy.
MOST_LANES = 64
# Below this a lane costs more to hand to a thread than to work through.
SMALLEST_LANE = 4096
# Between two calls an interrupt is answered: the more there are, the sooner.
CALLS_EACH = 4


def lanes(n_rows: int) -> NDArray[np.int64]:
    """Return the borders of the lanes of ``n_rows`` rows: they depend on nothing else."""
    count = min(MOST_LANES, max(1, n_rows // SMALLEST_LANE))
    return np.arange(count + 1, dtype=np.int64) * n_rows // count


class Team:
    """A pool of threads, alive inside ``with``; outside it the caller's thread does the work."""

    def __init__(self) -> None:
        self.size = processor_count()
        self._blas = SingleThreadedBlas()
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        self._blas.__enter__()
        self._pool = ThreadPoolExecutor(self.size) if self.size > 1 else None
        return self

    def __exit__(self, *_: object) -> None:
        with DeferredInterrupt():
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._pool = None
            self._blas.__exit__()

    def share(self, work: Callable[[int, int], None], n_parts: int) -> None:
        """Call ``work(first, last)`` on contiguous shares of the parts, some calls a thread.

        An interrupt is answered between two calls, when no thread is at work any more.
        """
        size = min(self.size, n_parts)
        calls = min(size * CALLS_EACH, n_parts)
        borders = [n_parts * t // calls for t in range(calls + 1)]
        pairs = list(pairwise(borders))
        if size == 1 or self._pool is None:
            for first, last in pairs:
                work(first, last)
            return
        stop = threading.Event()
        # what the caller wants to be told of floats does not reach other threads by itself
        wanted = np.geterr()

        def run(mine: list[tuple[int, int]]) -> None:
            with np.errstate(**wanted):
                for first, last in mine:
                    if stop.is_set() or interrupt.noted:
                        return
                    work(first, last)

        shares = [pairs[calls * t // size : calls * (t + 1) // size] for t in range(size)]
        with DeferredInterrupt() as interrupt:
            running = [self._pool.submit(run, mine) for mine in shares]
            try:
                for done in running:
                    done.result()
            except BaseException:
                stop.set()
                wait(running)
                raise


class SingleThreadedBlas:
    """A context in which BLAS and LAPACK use one thread: with more, the bits differ.

    The limit is the process's; it is lifted when the last of several contexts ends, in whichever
    thread. A thread of its own sets and lifts it, since only the one that set it may lift it.
    """

    _lock = threading.Lock()
    _inside = 0
    _limit: Any = None

    def __enter__(self) -> None:
        cls = type(self)
        inside = False
        try:
            with DeferredInterrupt(), cls._lock:
                if cls._inside == 0:
                    cls._limit = _keeper().submit(_limit_blas).result()
                cls._inside += 1
                inside = True
        except BaseException:  # an interrupt while it was set
            if inside:
                self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        cls = type(self)
        with DeferredInterrupt(), cls._lock:
            cls._inside -= 1
            if cls._inside == 0:
                _lift(cls._limit)


def _lift(limit: Any) -> None:
    _keeper().submit(limit.__exit__, None, None, None).result()


def _limit_blas() -> Any:
    for library in _blas().lib_controllers:
        # since threadpoolctl 3.8 a caller that has set a limit would keep this one from holding
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)
    return _blas().limit(limits=1, user_api="blas").__enter__()


@cache
def _keeper() -> ThreadPoolExecutor:
    """Return the one thread that sets and lifts limits."""
    return ThreadPoolExecutor(1, thread_name_prefix="imlogit-blas")


if hasattr(os, "register_at_fork"):  # a child has the pool, but not its thread
    os.register_at_fork(after_in_child=_keeper.cache_clear)


@cache
def _blas() -> ThreadpoolController:
    """Look for the BLAS libraries once: they are all loaded by now, and it takes a while."""
    import scipy.linalg.lapack  # noqa: F401

    return ThreadpoolController()
