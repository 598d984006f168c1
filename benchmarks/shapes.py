"""The shapes that people bring: wide, many classes, millions of rows; and folders of small sets.

Run as ``python -m benchmarks.shapes [PART ...]``; none means all, which takes hours, and up
to 3 GB in the temporary folder (``TMPDIR``). All data are made from seeds; parts that start from
MNIST are skipped without it (``IMLOGIT_DATA`` or the network). Every figure is of a process of
its own. Peers are given float32: ``to equal`` is the time after which a peer is as
close to our objective as the shape's tolerance, with a star in float64, where float32 does not
lead there; ``--limit N`` stops each fit of a peer after N seconds, wherever that is.
``--no-peers`` leaves them out, as those that are not installed are; ``--quick`` takes tiny shapes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.common import arguments, parse, show, table
from benchmarks.shape_data import Shape, make, write_photos
from benchmarks.shape_runs import Found, Task, apart, perform
from imlogit import ImlogitError, load

LBFGS = ("sklearn lbfgs", "sklearnex lbfgs", "cyanure auto")
TWO = ("sklearn lbfgs", "sklearn newton-cholesky", *LBFGS[1:])
COPIED = "copies"
N_COPIED = (60_000, 240_000, 960_000, 3_840_000)
SHAPES = (
    Shape(
        *("photos", "photos", 1_500, 12_288, 10),
        "10x to 1e-4 above, the folds 40x, +400 MB",
        **{"tol": 1e-5, "near": 1e-4, "folds": 10, "peers": LBFGS},
    ),
    Shape(
        *("hundred-classes", "embeddings", 50_000, 768, 100),
        "10x (aim: 20x), +500 MB",
        **{"tol": 1e-5, "peers": LBFGS},
    ),
    Shape(
        *("thousand-classes", "embeddings", 30_000, 1_024, 1_000),
        "8x, +1 GB beyond features and margins",
        **{"tol": 1e-3, "peers": LBFGS},
    ),
    Shape(
        *("one-percent", "embeddings", 12_811, 384, 1_000), "5x", **{"tol": 1e-4, "peers": LBFGS}
    ),
    Shape("nine-classes", "embeddings", 100_000, 1_536, 9, "under 5 s", peers=LBFGS),
    Shape("fifty-classes", "embeddings", 100_000, 1_000, 50, "10x", near=1e-5, peers=LBFGS),
    Shape("million", "embeddings", 1_000_000, 512, 2, "12x", peers=TWO, mapped=True),
    Shape("large", "embeddings", 100_000, 2_048, 1_000, "under 600 s, 12 GB in all", tol=1e-3),
    Shape("patches", "patches", 60_000, 8_192, 10, "under 20 s, +1 GB", C=0.1, tol=1e-3),
)


@dataclass(frozen=True)
class Folder:
    """A folder of class folders that `imlogit train` is run on, and the bar."""

    name: str
    n: int
    classes: int
    side: int
    folds: int
    bar: str
    test_size: float = 0.2

    @property
    def quick(self) -> Folder:
        """The same with a few small images."""
        return replace(self, n=60, classes=3, side=8, folds=3)


FOLDERS = (
    Folder("train-photos", 1_500, 10, 64, 10, "under 20 s, 1 GB"),
    Folder("train-more-photos", 3_440, 10, 64, 10, "under 60 s, 1.5 GB"),
    Folder("train-two-hundred-classes", 2_400, 200, 24, 10, "under 60 s, 1 GB", 0.1),
    Folder("train-thousand-classes", 5_000, 1_000, 24, 3, "under 2 GB"),
)
PARTS = (*(shape.name for shape in SHAPES), COPIED, *(folder.name for folder in FOLDERS))
# The system's own count of a process's peak, and of the largest of those that decode for it:
# what the parent is told of a child starts with the parent's own.
TRAIN = """
import resource, sys
from pathlib import Path
from imlogit.cli.app import run
code = run(sys.argv[1:])
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
helper = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(peak, helper, file=sys.stderr)
sys.exit(code)
"""


def main() -> None:
    parser = arguments("shapes", PARTS)
    parser.add_argument("--no-peers", action="store_true", help="leave other libraries out")
    limit_help = "stop each fit of a peer after so many seconds; default 300"
    parser.add_argument("--limit", type=float, default=300.0, metavar="N", help=limit_help)
    asked = parse(parser, PARTS)
    for shape in SHAPES:
        if shape.name in asked.parts:
            chosen = shape.quick if asked.quick else shape
            if asked.no_peers:
                chosen = replace(chosen, peers=())
            show(of_shape(chosen, asked.limit, quick=asked.quick))
    if COPIED in asked.parts:
        show(of_copies(quick=asked.quick))
    folders = [folder for folder in FOLDERS if folder.name in asked.parts]
    if asked.quick:
        folders = [folder.quick for folder in folders[:1]]
    if folders:
        show(of_folders(folders))


def of_shape(shape: Shape, limit: float, *, quick: bool) -> Any:
    """Fit one shape: by itself, its folds, and with every peer."""
    size = f"{shape.n:,} x {shape.d:,}, {shape.classes:,} classes"
    found = table(
        f"{shape.name}: {size}, C = {shape.C:g}, gap {shape.tol:.0e}; wanted: {shape.bar}",
        *("fit", "seconds", "steps", "gap", "objective", "+MB", "MB in all", "to equal", "faster"),
    )
    with tempfile.TemporaryDirectory() as place:
        if not made(shape, Path(place), quick=quick):
            found.add_row("skipped: there is no MNIST")
            return found
        for row in rows_of_shape(shape, place, limit, quick=quick):
            found.add_row(*row)
    return found


def made(shape: Shape, place: Path, *, quick: bool) -> bool:
    """Make data, if MNIST is there for those that need it."""
    if shape.kind in ("patches", "copies") and not quick:
        try:
            load("mnist")
        except ImlogitError as error:
            print(f"{shape.name}: {error}")
            return False
    if quick:
        make(shape, place, quick=True)
    else:
        apart(Task("make", shape, str(place)))
    return True


def rows_of_shape(shape: Shape, place: str, limit: float, *, quick: bool) -> Iterator[list[str]]:
    ours = run(Task("imlogit", shape, place, quick))
    yield of_ours("imlogit", ours)
    if "failed" in ours:
        return
    folds = run(Task("folds", shape, place, quick)) if shape.folds else {}
    if shape.folds:
        yield of_ours(f"imlogit, {shape.folds} folds and all rows", folds)
    aim = ours["objective"] * (1 + shape.equal)
    for peer in shape.peers:
        task = Task(peer, shape, place, quick, aim, ours["seconds"], limit)
        found = apart(task)
        yield of_peer(task, found)
        if "seconds" in folds and "reached" in found:
            eleven = (shape.folds + 1) * found["reached"]
            name, ratio = f"{peer}, {shape.folds + 1} such fits", eleven / folds["seconds"]
            yield [name, "", "", "", "", "", "", f"{eleven:.1f}", f"{ratio:.1f}x"]


def run(task: Task) -> Found:
    """Perform a task by itself; or, to be quick, here, as starting takes longer than fitting."""
    return [*perform(task)][-1] if task.quick else apart(task)


def of_ours(name: str, found: Found) -> list[str]:
    if "failed" in found:
        return [f"{name}: {found['failed']}"]
    memory = f"{found['grown']:.0f}", f"{found['peak']:,.0f}"
    figures = f"{found['seconds']:.2f}", str(found["steps"]), f"{found['gap']:.1e}"
    return [name, *figures, f"{found['objective']:.4f}", *memory]


def of_peer(task: Task, found: Found) -> list[str]:
    """Say where a peer stops by itself, and when it is as far as we are."""
    if "missing" in found:
        return [f"{task.what}: not installed"]
    if "failed" in found:
        return [f"{task.what}: {found['failed']}"]
    until, faster = "never" if "given_up" in found else f"not in {task.limit:.0f} s", ""
    if "reached" in found:
        mark = " *" if found.get("dtype") == "float64" else ""
        until, faster = f"{found['reached']:.2f}{mark}", f"{found['reached'] / task.ours:.1f}x"
    if "seconds" not in found:
        return [task.what, "", "", "", "", "", "", until, faster]
    name, gap = task.what, ""
    if "own_gap" in found:
        name, gap = f"{name}, its gap after our time", f"{found['own_gap']:.1e}"
    figures = f"{found['seconds']:.2f}", str(found.get("steps", "")), gap
    return [name, *figures, f"{found['objective']:.4f}", "", "", until, faster]


def of_copies(*, quick: bool) -> Any:
    """Fit 1, 4, 16 and 64 copies of MNIST, "2" against the rest."""
    found = table(
        "Copies of MNIST; wanted: ms per 1,000 at most 1.2x, steps 2x; 3,840,000 under 6 s",
        *("images", "seconds", "ms per 1,000", "of the first", "steps", "gap", "+MB"),
    )
    sizes = [n // 500 for n in N_COPIED[:3]] if quick else N_COPIED
    shape = Shape(COPIED, "copies", sizes[-1], 784, 2, "")
    with tempfile.TemporaryDirectory() as place:
        if not made(shape, Path(place), quick=quick):
            found.add_row("skipped: there is no MNIST")
            return found
        first = 0.0
        for n in sizes:
            ours = run(Task("imlogit", replace(shape, n=n), place, quick))
            if "failed" in ours:
                found.add_row(f"{n:,}: {ours['failed']}")
                continue
            each = ours["seconds"] / n * 1e6
            first = first or each
            figures = f"{ours['seconds']:.3f}", f"{each:.2f}", f"{each / first:.2f}x"
            ends = str(ours["steps"]), f"{ours['gap']:.1e}", f"{ours['grown']:.0f}"
            found.add_row(f"{n:,}", *figures, *ends)
    return found


def of_folders(folders: list[Folder]) -> Any:
    """Run `imlogit train` on folders of PNG files."""
    found = table(
        "imlogit train on folders",
        *("part", "images", "classes", "seconds", "MB", "MB, largest helper", "wanted"),
    )
    for folder in folders:
        size = f"{folder.n:,} of {folder.side} x {folder.side}", f"{folder.classes:,}"
        found.add_row(folder.name, *size, *train(folder), folder.bar)
    return found


def train(folder: Folder) -> tuple[str, str, str]:
    """Return the seconds of a run and the memory of its processes."""
    with tempfile.TemporaryDirectory() as place:
        write_photos(Path(place) / "photos", folder.n, folder.classes, folder.side)
        options = ["train", "photos", "--folds", str(folder.folds), "--out", "run"]
        options += ["--test-size", str(folder.test_size)]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, *options],
            **{"cwd": place, "capture_output": True, "text": True, "check": False},
        )
        taken = time.perf_counter() - began
    if done.returncode:
        lines = done.stderr.split("\n")
        return "failed", "", next((line for line in lines if line.strip()), f"{done.returncode}")
    peak, helper = (int(word) / 1e6 for word in done.stderr.splitlines()[-1].split())
    return f"{taken:.1f}", f"{peak:,.0f}", f"{helper:,.0f}"


if __name__ == "__main__":
    main()
