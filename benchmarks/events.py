"""The tables of what happens to the siege's writers: kills, full disks, servers, crowds."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.common import show, table
from benchmarks.crowds import KILLED, PROCESSES, THREADS, crowd, servers, threads
from benchmarks.kills import LIMITS, Tally, Trial, stops
from benchmarks.warm import serving
from benchmarks.writers import Job, jobs, stand_in, template

EVENTS = ("kills", "disks", "servers", "crowds")
# Of each writer at every renaming, and at random up to so many; some strike when all is over.
STOPS, LEAST_DRAWN = 48, 16
QUICK_JOBS = ("export to json", "save", "fetch")
QUICK_SERVERS, QUICK_THREADS = 3, 2
CROWDS = 5
COUNTS = (
    *("kills", "over before", "whole, old", "whole, new", "whole, aside", "nothing"),
    *("half", "tidied", "alive"),
)
# What the jobs import: a process that is forked has it already.
NEEDED = (
    *("imlogit.cli.app", "imlogit.cli.fitting", "imlogit.cli.examining", "imlogit.cli.models"),
    *("imlogit.runs.train", "imlogit.runs.sweep", "imlogit.report.run_folder"),
    *("imlogit.report.console.tasks", "matplotlib.backends.backend_agg", "matplotlib.figure"),
    *("imlogit.cli.pages", "imlogit.cli.probing", "imlogit.report.probe_folder"),
    *("imlogit.report.html.content", "imlogit.report.doubt_folder", "imlogit.data.clearing"),
    *("imlogit.data.network.download", "pooch"),
)


def print_events(parts: list[str], *, quick: bool) -> int:
    """Let happen what is asked for, print what came of it, and return how much failed."""
    for name in NEEDED:
        import_module(name)
    failed = 0
    with TemporaryDirectory() as folder:
        home = Path(folder)
        made = template(home)
        rows = table("Servers and crowds", "what", "right", "killed", "faults")
        tallies = {}
        if "servers" in parts:
            tallies["hostile servers left in time"] = servers(
                home, QUICK_SERVERS if quick else None
            )
        if "crowds" in parts:
            rng = np.random.default_rng(0)
            for turn in range(1 if quick else CROWDS):
                n = KILLED + 2 if quick else PROCESSES
                tallies[f"{n} processes on one cache, {turn + 1}"] = crowd(made, home, n, rng)
            n = QUICK_THREADS if quick else THREADS
            tallies[f"{n} threads in one process"] = threads(made, home, n)
        for name, tally in tallies.items():
            right = tally.outcomes["right"] + tally.outcomes["left in time"]
            rows.add_row(name, f"{right}", f"{tally.outcomes['killed']}", f"{len(tally.faults)}")
            failed += _print_faults(name, tally)
        if tallies:
            show(rows)
        if "kills" in parts or "disks" in parts:
            # last, as some import what takes much memory
            failed += _print_writers(home, made, parts, quick=quick)
    return failed


def _print_writers(home: Path, made: Path, parts: list[str], *, quick: bool) -> int:
    """Kill every writer, and let its disk be full."""
    killed = table("Writers that are killed", "writer", *COUNTS, "faults")
    full = table("Writers on full disks", "writer", "refused", "written", "half", "faults")
    server, failed, total = stand_in(home), 0, Counter[str]()
    with serving(server, home):
        for name, job in jobs(server.facts()).items():
            if quick and name not in QUICK_JOBS:
                continue
            kills, disks = _besieged(home / name.replace(" ", "-"), job, made, parts, quick=quick)
            killed.add_row(
                name, *(f"{kills.outcomes[one]}" for one in COUNTS), f"{len(kills.faults)}"
            )
            counted = (disks.outcomes[one] for one in ("refused", "written", "half"))
            full.add_row(name, *map(str, counted), f"{len(disks.faults)}")
            failed += _print_faults(name, kills) + _print_faults(name, disks)
            total.update(kills.outcomes)
    killed.add_row("all", *(f"{total[one]}" for one in COUNTS), "")
    show(*([killed] if "kills" in parts else []), *([full] if "disks" in parts else []))
    return failed


def _besieged(
    place: Path, job: Job, made: Path, parts: list[str], *, quick: bool
) -> tuple[Tally, Tally]:
    """Return what comes of a writer's kills, and of its full disks."""
    if job.needs:
        import_module(job.needs)
    place.mkdir()
    trial, kills, disks = Trial(job, place, made), Tally(), Tally()
    drawn = 1 if quick else max(STOPS - 2 * trial.calls, LEAST_DRAWN)
    if "kills" in parts:
        for stop in stops(trial, drawn, np.random.default_rng(0), every=not quick):
            trial.kill(stop, kills)
    if "disks" in parts:
        for limit in LIMITS[:: 4 if quick else 1]:
            trial.fill(limit, disks)
    return kills, disks


def _print_faults(name: str, tally: Tally) -> int:
    for fault in tally.faults:
        print(f"{name}: {fault}", flush=True)
    return len(tally.faults)
