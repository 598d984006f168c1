"""Fits of packed millions, packing that is killed, and fits on a Dask cluster of this machine.

Run as ``python -m benchmarks.scale [PART ...]``. Parts are millions and packs, which take MNIST and
7 GB of disk, and same, price, relay and deaths, which take the extra dask and rows that are made by
a known model; none means all. ``--quick`` takes few images.
"""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.common import arguments, parse, seconds, show, table
from benchmarks.packs import millions, packs
from benchmarks.relay import STARTING, processes, relayed
from imlogit import ClusterError, LogisticRegression
from imlogit.core.regression import regression
from imlogit.engines.table import open_engine
from imlogit.estimators import checkpoints

D = 784
IMAGES, QUICK = (60_000, 1_000_000), (3_000,)
WORKERS, QUICK_WORKERS = (1, 2, 3), (1,)
# A step reads the rows twice; both are timed so often.
PASSES, QUICK_PASSES = 20, 2
DEATHS, QUICK_DEATHS = 10, 1
# A LocalCluster gives a worker up that is not back in so long.
LOST = {"distributed.deploy.lost-worker-timeout": "5m"}
# What a worker may hold, in bytes, before its nanny starts it anew.
MEMORY = 2_000_000_000
# Milliseconds from one end of a network to the other, and megabytes per second.
NETWORKS, QUICK_NETWORKS = ((5, 100), (5, 20), (5, 5), (1, 20)), ((5, 20),)
# How often a delay is waited for in a pass: a task and word that it is done, and the request for
# its result and that.
DELAYS = 4


def main() -> None:
    asked = parse(arguments("scale", PARTS), PARTS)
    for part in asked.parts:
        for found in PARTS[part](asked.quick):
            show(found)


def images(n: int) -> tuple[Any, Any]:
    """Return rows of bytes, and labels that some of these decide."""
    rng = np.random.default_rng(n)
    rows = rng.integers(0, 256, (n, D), dtype=np.uint8)
    return rows, rows[:, :9].mean(axis=1) + rng.normal(size=n) * 30 > 140


@contextmanager
def cluster(n_workers: int, **options: Any) -> Iterator[Any]:
    """Yield the client of some worker processes of one thread each."""
    import dask
    from distributed import Client, LocalCluster

    local = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"} | options
    with (
        dask.config.set(LOST),
        LocalCluster(n_workers=n_workers, threads_per_worker=1, **local) as made,
        Client(made) as client,
    ):
        yield client


def fit(rows: Any, y: Any, checkpoint: Any = None, **options: Any) -> LogisticRegression:
    return LogisticRegression(1e-3, tol=1e-10, **options).fit(rows, y, checkpoint=checkpoint)


def same(quick: bool) -> Iterator[Any]:
    """Compare objectives and bits for some numbers of workers."""
    rows, y = images(QUICK[0] if quick else IMAGES[0])
    alone = fit(rows, y, engine="numba")
    objective = alone.certificate_.objective
    found = table(f"The same fit of {len(rows):,} images", "workers", "objective, apart", "bits")
    for n_workers in QUICK_WORKERS if quick else WORKERS:
        with cluster(n_workers) as client:
            one = fit(rows, y, engine="dask", client=client)
        apart = abs(one.certificate_.objective / objective - 1)
        equal = np.array_equal(one.coef_, alone.coef_)
        found.add_row(str(n_workers), f"{apart:.1e}", "the same" if equal else "others")
    yield found


def price(quick: bool) -> Iterator[Any]:
    """Time fits and passes, with two workers and in one process."""
    found = table(
        "Two workers beside one process",
        *(
            "images",
            "fit, s",
            "two workers, s",
            "ratio",
            "a pass, ms",
            "two workers, ms",
            "more, ms",
        ),
    )
    for n in QUICK if quick else IMAGES:
        rows, y = images(n)
        with cluster(2) as client, tempfile.NamedTemporaryFile(suffix=".npy") as file:
            np.save(file, rows)
            file.flush()
            # read by the workers where it is, as a packed folder is
            data = np.load(file.name, mmap_mode="r"), y
            client.run(fit, data[0][:500], data[1][:500], engine="numba")  # compiled
            times, passes = zip(
                *(timed(engine, data, client) for engine in ("numba", "dask")), strict=True
            )
        found.add_row(
            f"{n:,}",
            *(f"{one:.2f}" for one in (*times, times[1] / times[0])),
            *(f"{one:.1f}" for one in (*passes, passes[1] - passes[0])),
        )
    yield found


def timed(engine: str, data: tuple[Any, Any], client: Any) -> tuple[float, float]:
    """Return the seconds of a fit, and the milliseconds of a pass."""
    rows, y = data
    fit(rows[:500], y[:500], engine=engine, client=client)
    whole, _ = seconds(lambda: fit(rows, y, engine=engine, client=client))
    weights = np.random.default_rng(0).normal(size=(1, D)) / D
    with open_engine(engine, rows, 1 / 255) as opened:
        opened.multiply(weights)
        one, _ = seconds(lambda: opened.multiply(weights), PASSES)
    return whole, one * 1e3


def relay(quick: bool) -> Iterator[Any]:
    """Time passes over slow networks beside what the plan on paper says of them."""
    rows, y = images(QUICK[0] if quick else IMAGES[0])
    n, rng, runs = len(rows), np.random.default_rng(0), QUICK_PASSES if quick else PASSES
    weights, residual = rng.normal(size=(1, D)) / D, rng.normal(size=(1, n))
    found = table(
        f"Passes over {n:,} images, by two workers behind a relay",
        *("delay, ms", "MB/s", "margins, ms", "predicted", "apart"),
        *("sums, ms", "predicted", "apart"),
    )
    with (
        relayed(2) as (client, network),
        client.as_current(),
        open_engine("dask", rows, 1 / 255) as engine,
    ):
        lanes, blocks = len(engine.lanes) - 1, len(engine.parts)
        # what goes to the workers and comes back in a pass of margins, and in one of sums
        sent = (8 * D * blocks + 8 * n, 8 * n + 8 * D * lanes)
        works = (lambda: engine.multiply(weights), lambda: engine.combine(residual))
        base = [quickest(work, runs) for work in works]
        for delay, rate in ((0, np.inf), *(QUICK_NETWORKS if quick else NETWORKS)):
            network.slow_down(delay / 1e3, rate * 1e6)
            cells = []
            for alone, work, n_bytes in zip(base, works, sent, strict=True):
                took = quickest(work, runs)
                predicted = alone + DELAYS * delay / 1e3 + n_bytes / (rate * 1e6)
                apart = f"{took / predicted - 1:+.0%}"
                cells += [f"{took * 1e3:.0f}", f"{predicted * 1e3:.0f}", apart]
            found.add_row(str(delay), f"{rate:g}", *cells)
    yield found
    yield constants(rows, y, weights, base[0], blocks)


def quickest(work: Any, runs: int = PASSES) -> float:
    """Return the seconds of the quickest of some runs, the first aside."""
    work()
    return min(seconds(work, 1)[0] for _ in range(runs))


def constants(rows: Any, y: Any, weights: Any, alone: float, blocks: int) -> Any:
    """Return what the plan on paper is made of, on this machine."""
    found = table("Constants of the plan on paper", "what", "value")
    with open_engine("numba", rows, 1 / 255) as engine:
        cores, n = engine.team.size, len(rows)
        one = quickest(lambda: engine.multiply(weights))
        problem = engine.open(1, 2)
        problem.admit(0, regression(y.astype(int), 2, np.ones(n), 1e-3))
        at, steps = np.array([0]), np.zeros((1, 2))
        problem.place(at, weights[:, None], precise=False)
        own = quickest(lambda: problem.evaluate(at, steps, np.zeros((1, 1))))
    found.add_row("r, bytes per second and core", f"{n * D / one / cores:.1e}")
    found.add_row("t, ms a task", f"{max(alone - one * cores / 2, 0) / blocks * 1e3:.1f}")
    found.add_row("e, rows per second of the client", f"{n / own:.1e}")
    return found


def deaths(quick: bool) -> Iterator[Any]:
    """Kill a scheduler, then a worker, at some moment of each of many fits."""
    with cluster(2, memory_limit=MEMORY) as client:
        yield scheduler_deaths(quick, client)
        yield worker_deaths(quick, client)


def scheduler_deaths(quick: bool, another: Any) -> Any:
    """Kill the scheduler, and go on with another client from the checkpoint."""
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    rows, y = images(QUICK[0] if quick else IMAGES[0])
    alone, rng = fit(rows, y, engine="numba"), np.random.default_rng(1)
    found = table(
        "The scheduler is killed in each fit, and another goes on",
        *("fit", "after a share", "said after, s", "passes at the end", "objective, apart"),
    )
    often = mock.patch.multiple(checkpoints, PAUSE=0.0, PAUSE_SHARE=0.0)
    for number in range(1 if quick else DEATHS):
        with often, tempfile.TemporaryDirectory() as folder:
            share, place = rng.uniform(0.3, 0.9), Path(folder, "weights.checkpoint")
            with (
                silence_logging_cmgr(logging.CRITICAL),
                processes(1 if quick else 2) as (victim, address),
                Client(address, timeout=STARTING, set_as_default=False) as client,
            ):
                said = silence_of(victim, share, client, place, (rows, y))
            one = fit(rows, y, checkpoint=place, engine="dask", client=another)
        apart = abs(one.certificate_.objective / alone.certificate_.objective - 1)
        passes = str(one.certificate_.passes)
        found.add_row(str(number + 1), f"{share:.2f}", said, passes, f"{apart:.1e}")
    return found


def silence_of(victim: int, share: float, client: Any, place: Path, data: tuple[Any, Any]) -> str:
    """Kill a scheduler after a share of a fit, and return after how many seconds that is said."""

    def work(checkpoint: Any = None) -> None:
        fit(*data, checkpoint, engine="dask", client=client)

    client.wait_for_workers(1)
    work()
    took, _ = seconds(work, 1)
    killer = threading.Timer(share * took, os.kill, (victim, signal.SIGKILL))
    killer.start()
    began = time.perf_counter()
    try:
        work(place)
        said = "it had ended"
    except ClusterError:
        said = f"{time.perf_counter() - began - share * took:.1f}"
    killer.join()
    return said


def worker_deaths(quick: bool, client: Any) -> Any:
    """End a worker, whose nanny starts another, and wait until that is as ready as others."""
    rows, y = images(QUICK[0] if quick else IMAGES[0])
    alone, rng = fit(rows, y, engine="numba"), np.random.default_rng(0)
    found = table("A worker is killed in each fit", "fit", "how", "seconds", "bits")
    took, _ = seconds(lambda: fit(rows, y, engine="dask", client=client), 1)
    for number in range(QUICK_DEATHS if quick else DEATHS):
        client.wait_for_workers(2)
        client.run(fit, rows[:500], y[:500], engine="numba", on_error="return")  # loaded
        victim = client.cluster.workers[number % 2]
        pid, share = victim.pid, rng.random()
        if number % 2:
            how = "by its nanny, for memory"
            held = client.submit(hog, workers=[victim.worker_address], pure=False)
        else:
            how, held = f"after a share of {share:.2f}", None
            threading.Timer(share * took, os.kill, (pid, signal.SIGKILL)).start()
        began = time.perf_counter()
        one = fit(rows, y, engine="dask", client=client)
        lasted = time.perf_counter() - began
        while victim.pid == pid and time.perf_counter() - began < STARTING:
            time.sleep(0.1)
        how = "not at all" if victim.pid == pid else how
        if held is not None:
            held.cancel()
        bits = "the same" if np.array_equal(one.coef_, alone.coef_) else "others"
        found.add_row(str(number + 1), how, f"{lasted:.1f}", bits)
    return found


def hog() -> None:
    """Hold more than a worker may, until its nanny notices."""
    held = np.ones(MEMORY // 7)
    time.sleep(STARTING)
    del held


PARTS = {
    "millions": millions,
    "packs": packs,
    "same": same,
    "price": price,
    "relay": relay,
    "deaths": deaths,
}

if __name__ == "__main__":
    main()
