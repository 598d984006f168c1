"""Reading folders and tables of images, and predicting on files.

``python -m benchmarks.sources`` needs all 70,000 images of MNIST. Every figure is of a process of
its own, started on files that were just written: the disk is warm. ``--quick`` takes few images.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import imlogit
from benchmarks.common import Clock, arguments, image_set, parse, show, table

N_CSV = 42_000
N_PREDICT = 10_000
# Each script prints one JSON object.
# The system's own count of a process's peak: getrusage's starts with that of the parent.
PEAK = """
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
"""
LOAD = f"""
import json, sys, time
import imlogit, imlogit.data
{PEAK}
before, began = peak(), time.perf_counter()
images = imlogit.load(sys.argv[1])
took = time.perf_counter() - began
print(json.dumps(dict(seconds=took, bytes=peak() - before, pixels=images.images.nbytes)))
"""
PREDICT = f"""
import sys
from imlogit.cli.app import run
{PEAK}
code = run(sys.argv[1:])
print(peak(), file=sys.stderr)
"""
PILLOW = """
import json, os, sys, time
import numpy as np
from PIL import Image
def read(path):
    with open(path, "rb") as file:
        return np.asarray(Image.open(file).convert("RGB"))
began = time.perf_counter()
rows, labels = [], []
for part in ("train", "test"):
    home = os.path.join(sys.argv[1], part)
    for label, name in enumerate(sorted(os.listdir(home))):
        for file in sorted(os.listdir(os.path.join(home, name))):
            rows.append(read(os.path.join(home, name, file)))
            labels.append(label)
images = np.stack(rows)
print(json.dumps({"seconds": time.perf_counter() - began}))
"""


def main() -> None:
    """Print the tables."""
    asked = parse(arguments("sources"))
    with tempfile.TemporaryDirectory() as home:
        place = Path(home)
        os.environ["IMLOGIT_CACHE"] = str(place / "cache-of-mnist")
        images = image_set(quick=asked.quick)
        os.environ["IMLOGIT_CACHE"] = str(place / "cache")
        show(of_folder(images, place), of_csv(images, place), of_predict(images, place))


def of_folder(images: imlogit.ImageSet, place: Path) -> Any:
    """Time a folder of PNG files: by one process of Pillow's, read and kept, and read again."""
    root = place / "mnist-png"
    for name, part in (("train", images.train), ("test", images.test)):
        assert part is not None
        write_png(root / name, part.images, part.labels)
    peer = run_script(PILLOW, root)["seconds"]
    first, again = run_script(LOAD, root), [run_script(LOAD, root) for _ in range(Clock.runs)]
    second = float(np.median([one["seconds"] for one in again]))
    new = table(f"A folder of {len(images):,} PNG files, 28 x 28", "what", "seconds", "")
    new.add_row("one process of Pillow's, as torchvision reads", f"{peer:.2f}", "")
    faster = f"{peer / first['seconds']:.1f}x faster"
    new.add_row("imlogit, read and kept", f"{first['seconds']:.2f}", faster)
    new.add_row("imlogit, the second time (median of five)", f"{second:.3f}", "")
    return new


def of_csv(images: imlogit.ImageSet, place: Path) -> Any:
    """Time a table of many rows, and the memory that reading it takes."""
    path = place / "train.csv"
    rows = images.images[:N_CSV].reshape(-1, images.images[0].size)
    heading = "label," + ",".join(f"pixel{i}" for i in range(rows.shape[1]))
    both = np.column_stack([images.labels[:N_CSV], rows])
    with path.open("w") as file:
        file.write(heading + "\n")
        file.writelines(",".join(map(str, row)) + "\n" for row in both.tolist())
    found = run_script(LOAD, path)
    new = table(f"A CSV file of {len(both):,} x {both.shape[1]}", "what", "figure")
    new.add_row("seconds, read and kept", f"{found['seconds']:.2f}")
    new.add_row("peak memory that it adds, MB", f"{found['bytes'] / 1e6:.0f}")
    new.add_row("of the pixels", f"{found['bytes'] / found['pixels']:.1f}x")
    return new


def of_predict(images: imlogit.ImageSet, place: Path) -> Any:
    """Time `imlogit predict` on files: to its first row, and from there on."""
    train, test = images.train, images.test
    assert test is not None
    model = imlogit.LogisticRegression().fit(np.array(train.images), train.labels == 2)
    imlogit.save_model(model, place / "two.imlogit", image_set=images, positive="2")
    write_png(place / "few", test.images[:1000], test.labels[:1000])
    write_png(place / "many", test.images[:N_PREDICT], test.labels[:N_PREDICT])
    new = table("imlogit predict on PNG files", "files", "first row, s", "a second", "memory, MB")
    for name in ("few", "many"):
        first, whole, n, peak = predict(place / "two.imlogit", place / name)
        new.add_row(f"{n:,}", f"{first:.2f}", f"{n / (whole - first):,.0f}", f"{peak / 1e6:.0f}")
    return new


def predict(model: Path, folder: Path) -> tuple[float, float, int, int]:
    """Return seconds to the first row and in all, how many rows, and the memory of the process."""
    command = [sys.executable, "-c", PREDICT, "predict", str(model), str(folder), "--csv"]
    began, n = time.perf_counter(), 0
    first = 0.0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        next(process.stdout)
        for n, _ in enumerate(process.stdout, start=1):  # noqa: B007 - the last number is wanted
            first = first or time.perf_counter() - began
        whole = time.perf_counter() - began
        peak = int(process.stderr.read())
    return first, whole, n, peak


def write_png(root: Path, images: Any, labels: Any) -> None:
    """Write images into a folder for each class."""
    for name in set(labels.tolist()):
        (root / str(name)).mkdir(parents=True, exist_ok=True)
    for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        Image.fromarray(image).save(root / str(label) / f"{number:05d}.png")


def run_script(script: str, argument: Path) -> dict[str, float]:
    """Run a script in a process of its own and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(argument)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
