"""The tables of what happens to the siege's writers: kills, full disks, servers, crowds."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.common import show, table
from benchmarks.crowds import KILLED, PROCESSES, THREADS, crowd, servers, threads
from benchmarks.kills import LIMITS, Tally, Trial, jobs, stand_in, stops, template
from benchmarks.warm import serving

EVENTS = ("kills", "disks", "servers", "crowds")
# Of so many some strike when all is over.
STOPS = 600
QUICK_JOBS = ("export", "save", "fetch")
QUICK_SERVERS = 3
CROWDS = 5
COUNTS = (
    *("kills", "over before", "whole, old", "whole, new", "nothing"),
    *("half", "leftovers tidied", "processes left"),
)
# What the jobs import: a process that is forked has it already.
NEEDED = (
    *("imlogit.cli.app", "imlogit.cli.fitting", "imlogit.cli.examining", "imlogit.cli.models"),
    *("imlogit.runs.train", "imlogit.runs.sweep", "imlogit.report.run_folder"),
    *("imlogit.report.console.tasks", "matplotlib.backends.backend_agg", "matplotlib.figure"),
    *("imlogit.export.json_file", "imlogit.data.network.download", "pooch"),
)


def print_events(parts: list[str], *, quick: bool) -> int:
    """Let happen what is asked for, print what came of it, and return how much failed."""
    for name in NEEDED:
        import_module(name)
    failed = 0
    with TemporaryDirectory() as folder:
        home = Path(folder)
        made = template(home)
        if "kills" in parts or "disks" in parts:
            failed += _print_writers(home, made, parts, quick=quick)
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
            tallies[f"{THREADS} threads in one process"] = threads(made, home, THREADS)
        for name, tally in tallies.items():
            right = tally.outcomes["right"] + tally.outcomes["left in time"]
            rows.add_row(name, f"{right}", f"{tally.outcomes['killed']}", f"{len(tally.faults)}")
            failed += _print_faults(name, tally)
    if tallies:
        show(rows)
    return failed


def _print_writers(home: Path, made: Path, parts: list[str], *, quick: bool) -> int:
    """Kill every writer, and let its disk be full."""
    killed = table("Writers that are killed", "writer", *COUNTS, "faults")
    full = table("Writers on full disks", "writer", "refused", "written", "half", "faults")
    server, failed = stand_in(home), 0
    with serving(server, home):
        chosen = {k: v for k, v in jobs(server.facts()).items() if not quick or k in QUICK_JOBS}
        trials = {}
        for name, job in chosen.items():
            place = home / name.replace(" ", "-")
            place.mkdir()
            trials[name] = Trial(job, place, made)
        at_calls = 2 * sum(trial.calls for trial in trials.values())
        drawn = 1 if quick else -(-(STOPS - at_calls) // len(trials)) + 1
        rng = np.random.default_rng(0)
        for name, trial in trials.items():
            kills, disks = Tally(), Tally()
            for stop in stops(trial, drawn, rng, every=not quick) if "kills" in parts else ():
                trial.kill(stop, kills)
            for limit in LIMITS[:: 4 if quick else 1] if "disks" in parts else ():
                trial.fill(limit, disks)
            killed.add_row(
                name, *(f"{kills.outcomes[one]}" for one in COUNTS), f"{len(kills.faults)}"
            )
            counted = (disks.outcomes[one] for one in ("refused", "written", "half"))
            full.add_row(name, *map(str, counted), f"{len(disks.faults)}")
            failed += _print_faults(name, kills) + _print_faults(name, disks)
    show(*([killed] if "kills" in parts else []), *([full] if "disks" in parts else []))
    return failed


def _print_faults(name: str, tally: Tally) -> int:
    for fault in tally.faults:
        print(f"{name}: {fault}", flush=True)
    return len(tally.faults)
