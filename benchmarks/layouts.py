"""The layouts in which labelled images lie about: each is read to the same images, or refused.

``python -m benchmarks.layouts`` writes the same 200 images in every layout and compares what is
read with them: pixels, classes, parts, and the names of files where there are some. A layout that
is not read has to be refused with one line that says what to type. ``--quick`` takes a few layouts.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import imlogit
from benchmarks.common import arguments, parse, show, table
from benchmarks.layout_writers import CLASSES, LAYOUTS, Pictures, Written

NEEDS = {"Hugging Face": "pyarrow"}
OF_QUICK = 8
Found = Counter[tuple[str, str, bytes]]


def main() -> None:
    """Print the table; exit code 1 where something is read wrongly."""
    asked = parse(arguments("layouts"))
    pictures = Pictures.make()
    names = list(LAYOUTS)
    if asked.quick:
        names = names[:: len(names) // OF_QUICK]
    titles = ("layout", "read with", "seconds", "result")
    found, wrong = table(f"{len(names)} layouts of {len(pictures.labels)} images", *titles), 0
    for name in names:
        if any(name.startswith(start) and not find_spec(need) for start, need in NEEDS.items()):
            found.add_row(name, "", "", "left out: pyarrow is not installed")
            continue
        with tempfile.TemporaryDirectory() as home:
            os.environ["IMLOGIT_CACHE"] = str(Path(home, "cache"))
            (place := Path(home, "it")).mkdir()
            written = LAYOUTS[name](pictures, place)
            began = time.perf_counter()
            result = outcome(pictures, written)
            took = time.perf_counter() - began
        wrong += result.startswith("WRONG")
        found.add_row(name, options_of(written), f"{took:.2f}", result)
    show(found)
    sys.exit(wrong > 0)


def options_of(written: Written) -> str:
    """Return the options, without the folder of this run."""
    return ", ".join(
        f"{name}={os.path.basename(value) if name == 'labels' else value!r}"  # noqa: PTH119
        for name, value in written.options.items()
    )


def outcome(pictures: Pictures, written: Written) -> str:
    """Read a layout, and say how what was read compares."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            images = imlogit.load(written.source, **written.options)
    except imlogit.DataError as error:
        said = str(error)
        if written.refused and written.refused in said and "\n  " not in said:
            return "refused: " + said.replace(str(written.source.parent), "")[:60] + "..."
        return f"WRONG: {said[:200]}"
    if written.refused:
        return "WRONG: read, and not refused"
    return compared(pictures, written, images)


def compared(pictures: Pictures, written: Written, images: imlogit.ImageSet) -> str:
    """Compare images, classes, parts and names with those that were written."""
    known = written.change(pictures.images)
    wanted: Found = Counter()
    for number, label in enumerate(pictures.labels.tolist()):
        part = written.parts[pictures.part(number)]
        if part:
            wanted[part, str(label), known[number].tobytes()] += 1
    got: Found = Counter()
    borders = images.n_train, images.n_train + images.n_validation
    for row, (image, code) in enumerate(zip(images.images, images.labels.tolist(), strict=True)):
        part = "train" if row < borders[0] else "val" if row < borders[1] else "test"
        got[part, _label(images.class_names[code]), image.tobytes()] += 1
    if got != wanted:
        return (
            f"WRONG: {sum((wanted - got).values())} of {wanted.total()} images are not as written"
        )
    if written.named and not all(_belongs(known, images, row) for row in range(len(images))):
        return "WRONG: names are of other images"
    return f"{len(images)} images, as written" + (", with their names" if written.named else "")


def _label(name: str) -> str:
    return str(CLASSES.index(name)) if name in CLASSES else name


def _belongs(known: Any, images: imlogit.ImageSet, row: int) -> bool:
    """Whether the name of an image ends in its number."""
    stem = images.names[row].rpartition("/")[2].split(".")
    digits = [word for part in stem for word in part.replace("_", " ").split() if word.isdecimal()]
    return bool(digits) and bool((known[int(digits[-1])] == images.images[row]).all())


if __name__ == "__main__":
    main()
