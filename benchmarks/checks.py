"""Checks, planted faults and flipped labels.

``python -m benchmarks.checks`` needs all 70,000 images of MNIST; with ``--quick`` it takes few of
the embedded ones.
"""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import entropy
from sklearn.metrics import average_precision_score

import imlogit
from benchmarks.changes import CHANGES, textures
from benchmarks.check_faults import faults_found
from benchmarks.common import arguments, image_set, parse, show, table
from imlogit.checks.near_copies import near_copies
from imlogit.evaluation.doubts import find_doubts

# Values of C from which cross-validation chooses the models that doubt labels.
CS = (0.01, 0.03, 0.1, 0.3, 1.0)


class Effort(NamedTuple):
    """How much work there is: copies, changed and made images, seeds, doubted and ranked images.

    And how many sets of each kind have a fault planted, with how many images in each part.
    """

    planted: int = 50
    changed: int = 200
    textures: int = 3000
    seeds: int = 5
    doubted: int = 5000
    ranked: int = 70_000
    sets: int = 20
    half: int = 300


QUICK = Effort(planted=3, changed=5, textures=40, seeds=1, doubted=300, ranked=300, sets=1, half=40)


def main() -> None:
    """Print the tables."""
    warnings.simplefilter("ignore")
    parser = arguments("checks")
    parser.add_argument("--photos", metavar="SOURCE", help="photographs to plant copies in, too")
    asked = parse(parser)
    effort = QUICK if asked.quick else Effort()
    images = image_set(quick=asked.quick)
    rows, labels, n = np.array(images.images), images.labels, images.n_train
    train, test = (rows[:n], labels[:n]), (rows[n:], labels[n:])
    show(untouched(train, test), planted(train, test, effort.planted))
    show(faults_found(rows, labels, sets=effort.sets, half=effort.half))
    show(changed((train[0], test[0]), asked.photos, effort), flipped(effort))
    show(ranked(rows[: effort.ranked], labels[: effort.ranked]))
    show(*doubted(rows, labels, n, effort))


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


def flipped(effort: Effort) -> Any:
    """Flip 2% of the embedded images' labels, and look for them."""
    images = imlogit.load("mnist-5k")
    some = slice(None, None, len(images) // effort.doubted)
    pixels, truth = images.images[some], images.labels[some]
    n, wrong = len(pixels), len(pixels) // 50
    shares: dict[str, list[float]] = {"C chosen by cross-validation": [], "C = 1": []}
    counted = []
    for seed in range(effort.seeds):
        rng = np.random.default_rng(seed)
        rows = rng.choice(n, wrong, replace=False)
        labels = truth.copy()
        labels[rows] = (labels[rows] + rng.integers(1, 10, wrong)) % 10
        chosen = imlogit.LogisticRegressionCV(Cs=list(CS), cv=10, random_state=seed)
        plain = imlogit.LogisticRegression(random_state=seed)
        held_out = (
            chosen.fit(pixels, labels).out_of_fold_,
            imlogit.cross_validate(plain, pixels, labels, cv=10).probabilities,
        )
        for kind, p in zip(shares.values(), held_out, strict=True):
            doubts = find_doubts(labels, p)
            kind.append(np.isin(doubts.rows[: 2 * wrong], rows).sum() / wrong)
        counted.append(int(find_doubts(labels, held_out[0]).confident.sum()))
    new = table(
        "2% of labels flipped: found within the first 4%",
        "models",
        *map(str, range(effort.seeds)),
        "mean",
    )
    for name, found in shares.items():
        new.add_row(name, *(f"{share:.0%}" for share in found), f"{np.mean(found):.1%}")
    new.add_row(f"counted as wrong ({wrong} are)", *map(str, counted), f"{np.mean(counted):.1f}")
    return new


def ranked(images: Any, labels: Any) -> Any:
    """Compare rankings of labels by their average precision, mistakes with and without a system."""
    new = table(
        f"Average precision of rankings of {len(labels):,} labels", "mistakes", *RANKINGS, "trust"
    )
    for name, (share, mistaken) in MISTAKES.items():
        rng = np.random.default_rng(0)
        chosen = rng.random(len(labels)) < share
        given = np.where(chosen, mistaken(labels, rng), labels)
        p = imlogit.cross_validate(imlogit.LogisticRegression(), images, given, cv=5).probabilities
        doubts = find_doubts(given, p)
        wrong = given[doubts.rows] != labels[doubts.rows]
        scores = [rank(p[doubts.rows], doubts) for rank in RANKINGS.values()] + [doubts.trust]
        new.add_row(name, *(f"{average_precision_score(wrong, -one):.3f}" for one in scores))
    return new


def doubted(images: Any, labels: Any, n_train: int, effort: Effort) -> tuple[Any, Any]:
    """Measure the rankings that are offered: known mistakes, and such as depend on a feature."""
    known = table(
        "Known mistakes within the first " + ", ".join(map(str, FIRST)), "labels", *OFFERED
    )
    train, test = slice(n_train), slice(n_train, None)
    for C in (0.1, 1.0):
        model = imlogit.LogisticRegression(C=C)
        p = {
            "test": model.fit(images[train], labels[train]).predict_proba(images[test]),
            "training": imlogit.cross_validate(
                model, images[train], labels[train], cv=5
            ).probabilities,
        }
        for name, (part, rows) in KNOWN.items():
            given = labels[test if part == "test" else train]
            firsts = (find_doubts(given, p[part], one).rows for one in OFFERED)
            within = (
                ", ".join(str(int(np.isin(rows, ranked[:n]).sum())) for n in FIRST)
                for ranked in firsts
            )
            known.add_row(f"{name}, C = {C:g}", *within)
    return known, _by_feature(images[: effort.ranked], labels[: effort.ranked])


def _by_feature(images: Any, labels: Any) -> Any:
    """Plant mistakes among the images with the least and the most ink only."""
    new = table("Average precision where mistakes depend on the image", "mistakes", *OFFERED)
    ink = images.reshape(len(images), -1).mean(axis=1)
    order = ink.argsort().argsort() / len(ink)
    for name, (extreme, share, mistaken) in OF_FEATURE.items():
        rng = np.random.default_rng(0)
        tenth = order < 0.1 if extreme == "darkest" else order >= 0.9
        chosen = tenth & (rng.random(len(labels)) < share)
        given = np.where(chosen, mistaken(labels, rng), labels)
        p = imlogit.cross_validate(imlogit.LogisticRegression(), images, given, cv=5).probabilities
        doubts = find_doubts(given, p)
        wrong = given[doubts.rows] != labels[doubts.rows]
        scores = (average_precision_score(wrong, -getattr(doubts, one)) for one in OFFERED)
        new.add_row(f"{name} ({wrong.sum():,})", *(f"{one:.3f}" for one in scores))
    return new


def _as(pairs: dict[int, int]) -> Callable[[Any, Any], Any]:
    """Return a mistake that always calls a digit another one, the others what they are."""
    called = np.array([pairs.get(digit, digit) for digit in range(10)])
    return lambda digits, rng: called[digits]


def _other(digits: Any, rng: Any) -> Any:
    return (digits + rng.integers(1, 10, len(digits))) % 10


USUAL = {2: 7, 3: 8, 5: 6, 6: 5, 7: 1}
ALIKE = {4: 9, 9: 4, 3: 5, 5: 3, 7: 9, 8: 3}
MISTAKES: dict[str, tuple[float, Callable[[Any, Any], Any]]] = {
    "2% any other digit": (0.02, _other),
    "10% any other digit": (0.1, _other),
    "30% any other digit": (0.3, _other),
    "10% of 4 called 9": (0.1, _as({4: 9})),
    "25% of 4 called 9": (0.25, _as({4: 9})),
    "5% of 2, 3, 5, 6, 7 called 7, 8, 6, 5, 1": (0.05, _as(USUAL)),
    "20% of the same": (0.2, _as(USUAL)),
    "40% of the same": (0.4, _as(USUAL)),
    "10% of 4, 9, 3, 5, 7, 8 called 9, 4, 5, 3, 9, 3": (0.1, _as(ALIKE)),
    "10% called the next digit": (0.1, _as({digit: (digit + 1) % 10 for digit in range(10)})),
}
RANKINGS: dict[str, Callable[[Any, Any], Any]] = {
    "self-confidence": lambda p, doubts: doubts.confidence,
    "normalised margin": lambda p, doubts: doubts.confidence - _highest_other(p, doubts),
    "confidence-weighted entropy": lambda p, doubts: -entropy(p, axis=1) / doubts.confidence,
}


OFFERED = ("trust", "margin", "confidence")
FIRST = (20, 50, 100, 200, 500)
# Rows of MNIST's parts whose labels were published as wrong. The 15 are those that fewer than
# three of five people chose (github.com/cleanlab/label-errors, mturk/mnist_mturk.json); the others
# one author named (github.com/cleanlab/cleanlab at f67988d, finding_MNIST_label_errors).
FIVE_PEOPLE = (
    *(947, 1621, 1901, 2130, 2462, 2597, 2654, 3520),
    *(3558, 5937, 6651, 6783, 8527, 9679, 9729),
)
ONE_AUTHOR_TEST = (449, 659, 947, 2130, 2597, 3520, 3776, 4163, 4874, 5937, 9642, 9729)
ONE_AUTHOR_TRAINING = (
    *(2676, 7080, 10994, 21601, 24798, 25678, 26560, 26940, 29922, 31727),
    *(40144, 40466, 42566, 43454, 51248, 53396, 54264, 57662, 59701, 59915),
)
KNOWN = {
    "test, 15 by five people": ("test", FIVE_PEOPLE),
    "test, 12 by one author": ("test", ONE_AUTHOR_TEST),
    "training, 20 by one author": ("training", ONE_AUTHOR_TRAINING),
}
OF_FEATURE: dict[str, tuple[str, float, Callable[[Any, Any], Any]]] = {
    "20% of the tenth with the least ink: any other digit": ("darkest", 0.2, _other),
    "20% of the same: the next digit": (
        "darkest",
        0.2,
        _as({digit: (digit + 1) % 10 for digit in range(10)}),
    ),
    "half of the 4 among these called 9": ("darkest", 0.5, _as({4: 9})),
    "half of the 3 and 7 with the most ink called 8, 9": ("brightest", 0.5, _as({3: 8, 7: 9})),
}


def _highest_other(p: Any, doubts: Any) -> Any:
    others = p.copy()
    others[np.arange(len(p)), doubts.given] = -1
    return others.max(axis=1)


if __name__ == "__main__":
    main()
