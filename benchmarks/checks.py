"""Checks, planted faults and copies, and doubtful labels.

``python -m benchmarks.checks`` needs all 70,000 images of MNIST; with ``--quick`` it takes few of
the embedded ones. Parts are checks, faults, copies, labels and features; none means all.
"""

from __future__ import annotations

import resource
import time
import warnings
from typing import Any, NamedTuple

import numpy as np

import imlogit
from benchmarks.changes import CHANGES, textures
from benchmarks.check_faults import faults_found
from benchmarks.common import arguments, image_set, parse, show, table
from benchmarks.doubted import (
    FEATURES,
    flipped,
    known,
    known_by_features,
    planted_by_features,
    ranked,
)
from imlogit.checks.near_copies import near_copies

PARTS = ("checks", "faults", "copies", "labels", "features")


class Effort(NamedTuple):
    """How much work there is: copies, changed and made images, seeds, doubted and ranked images.

    And how many sets of each kind have a fault planted, with how many images in each part; of how
    many images labels are ranked by which features.
    """

    planted: int = 50
    changed: int = 200
    textures: int = 3000
    seeds: int = 5
    doubted: int = 5000
    ranked: int = 70_000
    sets: int = 20
    half: int = 300
    featured: int = 20_000
    features: tuple[str, ...] = FEATURES


QUICK = Effort(
    *(3, 5, 40, 1, 300, 300, 1, 40), featured=300, features=("pixels", "patches:filters=16")
)


def main() -> None:
    """Print the tables."""
    warnings.simplefilter("ignore")
    parser = arguments("checks", PARTS)
    parser.add_argument("--photos", metavar="SOURCE", help="photographs to plant copies in, too")
    asked = parse(parser, PARTS)
    effort = QUICK if asked.quick else Effort()
    images = image_set(quick=asked.quick)
    rows, labels, n = np.array(images.images), images.labels, images.n_train
    train, test = (rows[:n], labels[:n]), (rows[n:], labels[n:])
    if "checks" in asked.parts:
        show(untouched(train, test), planted(train, test, effort.planted))
    if "faults" in asked.parts:
        show(faults_found(rows, labels, sets=effort.sets, half=effort.half))
    if "copies" in asked.parts:
        show(changed((train[0], test[0]), asked.photos, effort))
    if "labels" in asked.parts:
        show(flipped(effort.seeds, effort.doubted))
        show(*ranked(rows[: effort.ranked], labels[: effort.ranked]))
        show(known(rows, labels, n))
    if "features" in asked.parts:
        few = rows[: effort.featured], labels[: effort.featured]
        show(planted_by_features(*few, effort.features))
        show(known_by_features(rows, labels, n, effort.features))


def untouched(train: Any, test: Any) -> Any:
    """Time all checks of the whole data set, and count alarms."""
    began = time.perf_counter()
    found = imlogit.check_arrays(*train, *test, positive=2)
    took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    new = table(f"All checks of {len(train[0]) + len(test[0]):,} images, loaded", "what", "figure")
    new.add_row("seconds", f"{took:.2f}")
    new.add_row("memory of the process, peak, with the data (MB)", f"{peak:,.0f}")
    new.add_row("checks that failed", ", ".join(found.codes))
    for code in ("overlap-exact", "overlap-near"):
        new.add_row(f"{code}: alarms", f"{found[code].n_affected}")
    return new


def planted(train: Any, test: Any, n: int) -> Any:
    """Copy training images into the test part, as they are and changed."""
    rng = np.random.default_rng(0)
    sources = rng.choice(len(train[0]), 2 * n, replace=False)
    places = rng.choice(len(test[0]), 2 * n, replace=False)
    rows, labels = test[0].copy(), test[1].copy()
    labels[places] = train[1][sources]
    for number, (source, place) in enumerate(zip(sources, places, strict=True)):
        image = train[0][source]
        if number >= n:
            image = CHANGES["noise of 8 levels" if number % 2 else "shifted by a pixel"](image)
        rows[place] = image
    found = imlogit.check_arrays(*train, rows, labels)
    new = table("Planted copies found", "check", "planted", "found", "of them planted")
    for code, some in (("overlap-exact", slice(n)), ("overlap-near", slice(n, None))):
        pairs = {(one.rows[0][1], one.rows[1][1]) for one in found[code].exhibits}
        true = set(zip(sources[some].tolist(), places[some].tolist(), strict=True))
        new.add_row(code, str(n), str(len(pairs)), str(len(pairs & true)))
    return new


def changed(digits: Any, photos: str | None, effort: Effort) -> Any:
    """Count which changes the search for near copies sees through, and its false alarms."""
    sets = {"digits": digits, **made(effort.textures)}
    if photos:
        images = imlogit.load(photos)
        sets[images.name] = images.train.images, images.test.images
    new = table(f"{effort.changed} changed training images found", "change", *sets)
    rng, shares, alarms = np.random.default_rng(1), dict[str, list[str]](), []
    for train, test in sets.values():
        sources = rng.choice(len(train), min(effort.changed, len(train)), replace=False)
        copies = [np.stack([change(train[k]) for k in sources]) for change in CHANGES.values()]
        copies = near_copies(train, np.concatenate([*copies, test])).copies
        kind, _ = np.divmod(copies.second, len(sources))
        for number, name in enumerate(CHANGES):
            found = (kind == number).sum() / len(sources)
            shares.setdefault(name, []).append(f"{found:.0%}")
        alarms.append(f"{(kind >= len(CHANGES)).sum()} of {len(test):,}")
    for name, found in shares.items():
        new.add_row(name, *found)
    new.add_row("others that are called copies", *alarms)
    return new


def made(n: int) -> dict[str, tuple[Any, Any]]:
    """Return made photographs, training and test images of each kind."""
    kinds = {
        "grey textures, 32 x 32": (32, 1),
        "textures, 32 x 32": (32, 3),
        "textures, 64 x 64": (64, 3),
    }
    sets = {}
    for name, (side, channels) in kinds.items():
        images = textures(np.random.default_rng(side + channels), 2 * n, side, channels)
        images = images[..., 0] if channels == 1 else images
        sets[name] = images[:n], images[n:]
    return sets


if __name__ == "__main__":
    main()
