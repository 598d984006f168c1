"""Many at once on one cache and in one process, and servers that do what they like."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kills import Tally
from benchmarks.warm import LONG_SECONDS, forked, helper, start

PROCESSES, KILLED, THREADS, TURNS = 16, 2, 8, 3
DEADLINE, LATE_SECONDS = 0.5, 1.0


def crowd(template: Path, home: Path, processes: int, rng: np.random.Generator) -> Tally:
    """Let many processes read a source for the first time at once, and kill some of them."""
    place, tally = home / "crowd", Tally()
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place)
    right = forked(_read_photos, place).said
    shutil.rmtree(place / "cache")
    started = [start(_read_photos, place) for _ in range(processes)]
    victims = rng.choice(processes, KILLED, replace=False).tolist()
    for victim in victims:
        time.sleep(float(rng.uniform(0, 0.1)))
        os.kill(started[victim][0], signal.SIGKILL)
    for number, (pid, reading) in enumerate(started):
        with os.fdopen(reading) as said:
            answer = said.read()
        os.waitpid(pid, 0)
        if number in victims:
            tally.outcomes["killed"] += 1
            continue
        tally.outcomes["right"] += answer == right
        tally.demand(answer == right, f"process {number} says {answer[-300:]!r}")
    again = forked(_read_photos, place)
    tally.demand(again.said == right, f"afterwards: {again.said[-300:]!r}")
    return tally


def threads(template: Path, home: Path, n: int) -> Tally:
    """Predict, fit and export in many threads of one process, and compare with one alone."""
    place, tally = home / "threads", Tally()
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place)

    def work() -> str:
        alone = _bits_of_all(0)
        with ThreadPoolExecutor(n) as pool:
            found = list(pool.map(_bits_of_all, range(1, n * TURNS + 1)))
        return f"{sum(one == alone for one in found)} of {len(found)}"

    ended = forked(work, place)
    said = ended.said.strip()
    tally.outcomes["right"] = int(said.split()[0]) if ended.code == 0 else 0
    tally.demand(said == f"{n * TURNS} of {n * TURNS}", f"the same bits: {said[-300:]}")
    return tally


def servers(home: Path, n: int | None) -> Tally:
    """Fetch from a server of each behaviour, then from the same one when it is honest."""
    tally, hostile = Tally(), helper("hostile_server")
    standin = helper("mirror_server").StandIn(home)
    behaviours = list(hostile.BEHAVIOURS.items())[:n]
    for name, behaviour in behaviours:
        work = _ask(hostile, standin, behaviour)
        ended = forked(work, home)
        tally.demand(ended.code == 0 and ended.left == 0, f"{name}: {ended.said[-300:]}")
        tally.outcomes["left in time"] += ended.code == 0
    return tally


def _ask(hostile: Any, standin: Any, behaviour: Any) -> Any:
    def work() -> None:
        from imlogit.data.network.download import Patience, from_mirrors
        from imlogit.errors import DataError

        remote = standin.facts().remotes[0]
        short = Patience(timeout=30.0, deadline=DEADLINE, attempts=1, delay=0.01)
        with (
            hostile.HostileServer(behaviour, standin.body) as server,
            tempfile.TemporaryDirectory() as folder,
        ):
            began = time.monotonic()
            try:
                from_mirrors(remote, [f"{server.url}/"], Path(folder), short)
            except DataError as error:
                said = str(error)
            else:
                raise AssertionError("it was believed")
            assert said.isprintable(), "a control character is printed"
            took = time.monotonic() - began
            assert took < DEADLINE + LATE_SECONDS, f"it took {took:.1f} s"
            assert not list(Path(folder).iterdir()), "something is left"
            server.behaviour = hostile.honest
            patient = Patience(timeout=30.0, deadline=LONG_SECONDS, attempts=1, delay=0.01)
            from_mirrors(remote, [f"{server.url}/"], Path(folder), patient)

    return work


def _read_photos() -> str:
    import imlogit

    found = imlogit.load("photos")
    return f"{hashlib.sha256(found.images.tobytes()).hexdigest()} {found.labels.tolist()}"


def _bits_of_all(number: int) -> str:
    """Return a digest of a fit, its answers, and what is exported."""
    import imlogit

    found = imlogit.load("new.npz")
    fitted = imlogit.LogisticRegression(C=0.1).fit(found.images, found.labels)
    model = imlogit.load_model("run/model.imlogit")
    out = f"exported-{number}.json"
    imlogit.export_model(model, out)
    parts = (
        fitted.coef_.tobytes(),
        model.predict_proba(found.images).tobytes(),
        Path(out).read_bytes(),
    )
    return hashlib.sha256(b"".join(parts)).hexdigest()
