"""Packed folders: fits of millions of deformed images, and packing that is killed again and again.

Parts of ``python -m benchmarks.scale``. What is written lies in a folder of its own among the
temporary ones, and is removed.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import imlogit
from benchmarks.common import table
from imlogit.data.cache.packed.manifest import MANIFEST
from imlogit.data.cache.packed.workplace import PLAN, WORKPLACE

# The source, copies of each image, and what a shard takes.
SIZES = (("mnist", 0), ("mnist", 16), ("mnist", 33), ("mnist", 66), ("mnist", 133))
QUICK_SIZES = (("mnist-5k", 1),)
KILLS, QUICK_KILLS = 50, 1
# Of each job. So often a folder is killed before it is finished undisturbed.
IN_A_ROW = 2
FILES, QUICK_FILES = 5000, 300
SHARD_BYTES = 1 << 19
LOOKING_SECONDS = 0.005
MEGA = 1e6

# In a process of its own, so that what it holds is the fit's.
FIT = """
import json, sys, time
import numpy as np
import imlogit
images = imlogit.load(sys.argv[1])
rows, labels = images.train
imlogit.LogisticRegression().fit(rows[:500], np.arange(500) % 2)  # compiled
print("ready", flush=True)
began = time.perf_counter()
model = imlogit.LogisticRegression().fit(rows, labels == 2)
found = {"seconds": time.perf_counter() - began, "n": len(labels)}
found |= {"steps": int(model.n_iter_[0]), "gap": model.certificate_.relative_gap}
print(json.dumps(found), flush=True)
"""
JOBS: dict[str, dict[str, Any]] = {"pack": {}, "augment": {"copies": 4}}


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that is gone when the block ends."""
    place = Path(tempfile.mkdtemp(prefix="imlogit-scale-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def millions(quick: bool) -> Iterator[Any]:
    """Fit "2" against the rest on MNIST and on its deformed copies, from packed folders."""
    found = table(
        "Deformed images, 2 against the rest, from packed folders",
        *("images", "packed in, s", "fit, s", "us per image", "steps", "gap", "private MB"),
    )
    for source, copies in QUICK_SIZES if quick else SIZES:
        with scratch() as place:
            began = time.perf_counter()
            if copies:
                imlogit.augment(source, place / "packed", copies=copies)
            else:
                imlogit.pack(source, place / "packed")
            packed = time.perf_counter() - began
            fit, private = measured(place / "packed")
        found.add_row(
            *(f"{fit['n']:,}", f"{packed:.1f}", f"{fit['seconds']:.2f}"),
            f"{fit['seconds'] / fit['n'] * 1e6:.2f}",
            *(str(fit["steps"]), f"{fit['gap']:.1e}", f"{private / MEGA:,.0f}"),
        )
    yield found


def measured(folder: Path) -> tuple[dict[str, Any], int]:
    """Fit in a process of its own; return what it says, and the most private bytes it held."""
    process = subprocess.Popen([sys.executable, "-c", FIT, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(LOOKING_SECONDS):
            most[0] = max(most[0], private_bytes(process.pid))

    looking = threading.Thread(target=look)
    looking.start()
    said = process.stdout.read()
    over.set()
    looking.join()
    if process.wait():
        raise RuntimeError(f"the fit of {folder} ended with {process.returncode}")
    return json.loads(said), most[0]


def private_bytes(pid: int) -> int:
    """Return what a process holds that is no file's: nothing where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    kilobytes = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return 1024 * int(kilobytes[0]) if kilobytes else 0


def packs(quick: bool) -> Iterator[Any]:
    """Kill `pack` and `augment` at random, go on, and compare bytes with an undisturbed run."""
    found = table(
        "Packing that is killed and gone on with",
        *("job", "kills", "over before", "folders", "the same bytes"),
    )
    rng, kills = np.random.default_rng(0), QUICK_KILLS if quick else KILLS
    with scratch() as place:
        write_files(place / "digits", QUICK_FILES if quick else FILES)
        for job in JOBS:
            tally = killed(job, place, kills, rng)
            counts = ("kills", "over before", "folders", "the same")
            found.add_row(job, *(str(tally[one]) for one in counts))
    yield found


def killed(job: str, place: Path, kills: int, rng: np.random.Generator) -> Counter[str]:
    """Kill a job so often, by SIGKILL or what a user sends; count what came of it."""
    source, folder, tally = place / "digits", place / "now", Counter[str]()
    began = run(job, source, place / f"{job}-whole")
    whole, tally["kills"] = state_of(place / f"{job}-whole"), 0
    while tally["kills"] < kills:
        for _ in range(min(IN_A_ROW, kills)):
            signum = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT)[int(rng.integers(3))]
            taken = run(job, source, folder, signum, float(rng.uniform(0, began)))
            tally["over before" if taken >= 0 else "kills"] += 1
            if is_finished(folder):
                break
        else:
            run(job, source, folder)
        tally["folders"] += 1
        tally["the same"] += state_of(folder) == whole
        shutil.rmtree(folder)
    return tally


def is_finished(folder: Path) -> bool:
    """Whether a folder is packed: a kill may have come when all was done but the tidying up."""
    return (folder / MANIFEST).exists() and not (folder / WORKPLACE / PLAN).exists()


def run(
    job: str, source: Path, folder: Path, signum: int | None = None, after: float = 0.0
) -> float:
    """Run a job in a process; return its seconds, or -1 where it was killed before it was over."""
    process = warm().Process(target=work, args=(job, source, folder, signum is not None))
    began = time.perf_counter()
    process.start()
    process.join(after if signum else None)
    if signum and process.exitcode is None and process.pid is not None:
        os.kill(process.pid, signum)
        process.join()
    if process.exitcode and not signum:
        raise RuntimeError(f"{job} ended with {process.exitcode}")
    return -1.0 if process.exitcode else time.perf_counter() - began


@cache
def warm() -> Any:
    """Return what makes processes that have imported everything."""
    made = multiprocessing.get_context("forkserver")
    of_work = ("data.packing.pack", "data.packing.augment", "data.images.deform")
    made.set_forkserver_preload([f"imlogit.{one}" for one in of_work])
    return made


def work(job: str, source: Path, folder: Path, quiet: bool) -> None:
    """Pack or augment, in a process of its own, which says nothing of its end."""
    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.environ["IMLOGIT_CACHE"] = str(source.parent / "cache")
    getattr(imlogit, job)(source, folder, shard_bytes=SHARD_BYTES, **JOBS[job])


def state_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and WORKPLACE not in path.parts
    }


def write_files(folder: Path, n: int) -> None:
    """Write embedded images as PNG files in a folder for each digit."""
    images = imlogit.load("mnist-5k")
    for row in np.random.default_rng(0).permutation(len(images))[:n].tolist():
        place = folder / images.class_names[images.labels[row]]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.images[row]).save(place / f"{row}.png")
