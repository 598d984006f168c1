"""Every writer, killed at every renaming and at random times, and on a disk without space."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.warm import Stop, counting, forked, must
from benchmarks.writers import Job
from imlogit.system.leftovers import ASIDE

DAYS_SECONDS = 2 * 86_400
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LIMITS = (0, 100, 1000, 4000, 20_000)
OURS = ("**/.imlogit-*", "**/.*-part-*", "tmp/*")
REFUSED = 2
State = dict[str, str]


@dataclass
class Tally:
    """What came of the kills of a job, or of its full disks."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def demand(self, good: bool, what: str) -> None:
        """Note a fault, unless all is well."""
        if not good:
            self.faults.append(what)


class Trial:
    """A job, what is there before it, and what is there after it."""

    def __init__(self, job: Job, home: Path, template: Path) -> None:
        self.job, self.home = job, home
        self.origin = home / "before"
        shutil.copytree(template, self.origin)
        if job.before is not None:
            must(forked(job.before, self.origin))
        self.old = state_of(self.origin, job.product)
        self.place = self.fresh()
        whole = must(forked(counting(job.work), self.place))
        self.calls = int(whole.said.rpartition("calls:")[2])
        self.seconds = whole.seconds
        self.new = state_of(self.place, job.product)
        if self.old == self.new:
            raise AssertionError(f"{job.product}: nothing was written")

    def fresh(self) -> Path:
        """Return the folder as it was before; it is the same place each time."""
        place = self.home / "now"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.origin, place, symlinks=True)
        return place

    def kill(self, stop: Stop, tally: Tally) -> None:
        """Kill the job; look at what is there, a day later do it again, and look again."""
        place = self.fresh()
        ended = forked(self.job.work, place, stop)
        tally.outcomes["kills" if ended.code else "over before"] += 1
        tally.demand(ended.left == 0, f"{stop}: {ended.left} processes stay")
        tally.outcomes["alive"] += ended.left
        self._look(place, tally, stop)
        self._a_day_later(place, tally, stop)

    def _a_day_later(self, place: Path, tally: Tally, stop: Stop) -> None:
        left = leftovers(place)
        for path in (*left, *(one for folder in left for one in folder.rglob("*"))):
            then = time.time() - DAYS_SECONDS
            os.utime(path, (then, then), follow_symlinks=False)
        again = forked(self.job.again or self.job.work, place)
        tally.demand(again.code == 0, f"{stop}: the next time: {again.said[-300:]}")
        stays = leftovers(place)
        tally.outcomes["tidied"] += len(left) - len(stays)
        tally.demand(not stays, f"{stop}: stays: {[one.name for one in stays]}")
        now = state_of(place, self.job.product)  # a run is written beside the one before
        right = set(self.new.values()) <= set(now.values())
        tally.demand(right, f"{stop}: the next time wrote something else: {sorted(now)}")

    def fill(self, limit: int, tally: Tally) -> None:
        """Do the job where no file may grow beyond so many bytes."""
        place = self.fresh()

        def work() -> Any:
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            # Python would keep half of a module that it compiles
            sys.dont_write_bytecode = True
            return self.job.work()

        ended = forked(work, place)
        tally.outcomes["refused" if ended.code == REFUSED else "written"] += 1
        said = any(line.startswith("imlogit: ") for line in ended.said.splitlines())
        good = ended.code == 0 or (ended.code == REFUSED and said)
        good &= "Traceback" not in ended.said
        tally.demand(good, f"limit {limit}: {ended.code}: {ended.said[-300:]}")
        self._look(place, tally, f"limit {limit}")
        tally.demand(not leftovers(place), f"limit {limit}: leaves {leftovers(place)}")

    def _look(self, place: Path, tally: Tally, when: Stop | str) -> None:
        now = state_of(place, self.job.product)
        if now == self.new:
            tally.outcomes["whole, new"] += 1
        elif now == self.old:
            tally.outcomes["whole, old" if self.old else "nothing"] += 1
        elif self._is_interrupted_run(place, when):
            tally.outcomes["whole, new"] += 1
        elif not now and self._is_aside(place):
            tally.outcomes["whole, aside"] += 1
        else:
            tally.outcomes["half"] += 1
            tally.demand(False, f"{when}: neither the old nor the new: {sorted(now)}")

    def _is_aside(self, place: Path) -> bool:
        """Whether the old folder is where the next writing gives it back from.

        No system call that all systems have puts one folder in the place of another.
        """
        old = {
            hashlib.sha256(_content(path)).hexdigest()
            for aside in place.glob(f".imlogit-*/*{ASIDE}")
            for path in aside.rglob("*")
            if path.is_file()
        }
        return bool(old) and old == set(self.old.values())

    def _is_interrupted_run(self, place: Path, when: Stop | str) -> bool:
        """Whether there is a whole run of what was fitted until Ctrl-C, and says so."""
        if not isinstance(when, Stop) or when.signum == signal.SIGKILL:
            return False
        said = list(place.glob(f"{self.job.product}/metrics.json"))
        return bool(said) and all(json.loads(one.read_text())["interrupted"] for one in said)


def state_of(place: Path, product: str) -> State:
    """Return what each file of a product holds."""
    found = {}
    for top in place.glob(product):
        if top.name.startswith("."):
            continue
        for path in [top, *top.rglob("*")]:
            if path.is_file():
                name = path.relative_to(place).as_posix()
                found[name] = hashlib.sha256(_content(path)).hexdigest()
    return found


def _content(path: Path) -> bytes:
    """Return what a file holds, but for the times and chances that formats of others put there."""
    if path.name == "fingerprint.pb":  # of a SavedModel, with a random number
        return b""
    if path.suffix == ".keras" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            dated = "metadata.json"
            inside = [(one.filename, one.CRC) for one in packed.infolist() if one.filename != dated]
            return repr(inside).encode()
    return path.read_bytes()


def leftovers(place: Path) -> list[Path]:
    """Return what is beside the products, but for locks, which lie there for good."""
    found = {path for pattern in OURS for path in place.glob(pattern)}
    inner = {path for path in found if found & set(path.parents)}
    return sorted(path for path in found - inner if path.suffix != ".lock")


def stops(trial: Trial, n: int, rng: np.random.Generator, *, every: bool) -> list[Stop]:
    """Return where a job is killed: at each renaming, or at one of them, and at random times."""
    calls = range(1, trial.calls + 1) if every else [trial.calls][:1]
    fixed = [Stop(call=call, after=after) for call in calls if call for after in (False, True)]
    times = rng.uniform(0.002, trial.seconds, n)
    drawn = [Stop(SIGNALS[k % 3], seconds=float(one)) for k, one in enumerate(times)]
    return [*fixed, *drawn]
