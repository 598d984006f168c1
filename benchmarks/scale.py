"""Fits of packed millions, packing that is killed, and fits on a Dask cluster of this machine.

Run as ``python -m benchmarks.scale [PART ...]``. Parts are millions and packs, which take MNIST and
4 GB of disk, and same, price and deaths, which take the extra dask and rows that are made by a
known model; none means all. ``--quick`` takes few images.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.common import arguments, parse, seconds, show, table
from benchmarks.packs import millions, packs
from imlogit import LogisticRegression
from imlogit.engines.table import open_engine

D = 784
IMAGES, QUICK = (60_000, 1_000_000), (3_000,)
WORKERS, QUICK_WORKERS = (1, 2, 3), (2,)
# A step reads the rows twice; both are timed so often.
PASSES = 20
DEATHS, QUICK_DEATHS = 10, 2


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
def cluster(n_workers: int) -> Iterator[Any]:
    """Yield the client of some worker processes of one thread each."""
    from distributed import Client, LocalCluster

    local = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=n_workers, threads_per_worker=1, **local) as made,
        Client(made) as client,
    ):
        yield client


def fit(rows: Any, y: Any, **options: Any) -> LogisticRegression:
    return LogisticRegression(1e-3, tol=1e-10, **options).fit(rows, y)


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
        data = images(n)
        with cluster(2) as client:
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


def deaths(quick: bool) -> Iterator[Any]:
    """Kill a worker at some moment of each of many fits."""
    rows, y = images(QUICK[0] if quick else IMAGES[0])
    alone, rng = fit(rows, y, engine="numba"), np.random.default_rng(0)
    found = table("A worker is killed in each fit", "fit", "after a share", "seconds", "bits")
    with cluster(2) as client:
        took, _ = seconds(lambda: fit(rows, y, engine="dask", client=client), 1)
        for number in range(QUICK_DEATHS if quick else DEATHS):
            share = rng.random()
            client.wait_for_workers(2)
            victims = [nanny.pid for nanny in client.cluster.workers.values()]
            killer = threading.Timer(share * took, os.kill, (victims[number % 2], signal.SIGKILL))
            killer.start()
            began = time.perf_counter()
            one = fit(rows, y, engine="dask", client=client)
            lasted = time.perf_counter() - began
            killer.join()
            equal = np.array_equal(one.coef_, alone.coef_)
            bits = "the same" if equal else "others"
            found.add_row(str(number + 1), f"{share:.2f}", f"{lasted:.1f}", bits)
    yield found


PARTS = {"millions": millions, "packs": packs, "same": same, "price": price, "deaths": deaths}

if __name__ == "__main__":
    main()
