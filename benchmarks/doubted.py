"""Doubtful labels: planted mistakes, known ones, and what features do for their rankings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import entropy
from sklearn.metrics import average_precision_score

import imlogit
from benchmarks.common import table
from imlogit.evaluation.doubts import find_doubts
from imlogit.features.chain import Chain

# Values of C from which cross-validation chooses the models that doubt labels.
CS = (0.01, 0.03, 0.1, 0.3, 1.0)
# The models on features: as close to their optimum as a ranking needs.
FEATURES_C, TOL = 0.1, 1e-4
FEATURES = ("pixels", "deskew", "deskew+hog", "deskew+patches:filters=64")
OFFERED = ("trust", "margin", "confidence")
FIRST = (20, 50, 100, 200, 500)
Mistake = Callable[[Any, Any], Any]


def flipped(seeds: int, doubted: int) -> Any:
    """Flip 2% of the labels of embedded images, with several seeds, and look for them."""
    images = imlogit.load("mnist-5k")
    some = slice(None, None, len(images) // doubted)
    pixels, truth = images.images[some], images.labels[some]
    n, wrong = len(pixels), len(pixels) // 50
    shares: dict[str, list[float]] = {"C chosen by cross-validation": [], "C = 1": []}
    counted = []
    for seed in range(seeds):
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
        *map(str, range(seeds)),
        "mean",
    )
    for name, found in shares.items():
        new.add_row(name, *(f"{share:.0%}" for share in found), f"{np.mean(found):.1%}")
    new.add_row(f"counted as wrong ({wrong} are)", *map(str, counted), f"{np.mean(counted):.1f}")
    return new


def ranked(images: Any, labels: Any) -> tuple[Any, Any]:
    """Compare rankings of planted mistakes by their average precision: by label, and by image."""
    new = table(
        f"Average precision of rankings of {len(labels):,} labels", "mistakes", *RANKINGS, "trust"
    )
    for name, (share, mistaken) in MISTAKES.items():
        given = _planted(labels, np.ones(len(labels), bool), share, mistaken)
        p = _held_out(imlogit.LogisticRegression(), images, given)
        doubts = find_doubts(given, p)
        wrong = given[doubts.rows] != labels[doubts.rows]
        scores = [rank(p[doubts.rows], doubts) for rank in RANKINGS.values()] + [doubts.trust]
        new.add_row(name, *(f"{average_precision_score(wrong, -one):.3f}" for one in scores))
    by_image = table("Average precision where mistakes depend on the image", "mistakes", *OFFERED)
    for name in OF_IMAGE:
        given = _of_image(name, images, labels)
        p = _held_out(imlogit.LogisticRegression(), images, given)
        by_image.add_row(f"{name} ({(given != labels).sum():,})", *_precisions(given, labels, p))
    return new, by_image


def known(images: Any, labels: Any, n_train: int) -> Any:
    """Count the known mistakes among the first of each ranking, by models of pixels."""
    new = _known_table("labels")
    for C in (0.1, 1.0):
        _add_known(new, images, labels, n_train, imlogit.LogisticRegression(C=C), f"C = {C:g}")
    return new


def planted_by_features(images: Any, labels: Any, features: tuple[str, ...]) -> Any:
    """Compare rankings of planted mistakes by the features of the models that doubt."""
    new = table(
        f"Average precision by features, {len(labels):,} labels, C = {FEATURES_C:g}",
        *("mistakes", "features", *OFFERED),
    )
    everywhere = np.ones(len(labels), bool)
    given = {name: _planted(labels, everywhere, *MISTAKES[name]) for name in OF_FEATURES}
    given |= {name: _of_image(name, images, labels) for name in OF_IMAGE}
    cells = {}
    for text in features:
        rows = _featured(text, images)
        for name, one in given.items():
            p = _held_out(_model(), rows, one)
            cells[name, text] = _precisions(one, labels, p)
    for name, one in given.items():
        for number, text in enumerate(features):
            title = "" if number else f"{name} ({(one != labels).sum():,})"
            new.add_row(title, text, *cells[name, text])
    return new


def known_by_features(images: Any, labels: Any, n_train: int, features: tuple[str, ...]) -> Any:
    """Count the known mistakes among the first of each ranking, by models of features."""
    new = _known_table("labels, features")
    for text in features:
        _add_known(new, _featured(text, images, n_train), labels, n_train, _model(), text)
    return new


def _known_table(heading: str) -> Any:
    firsts = ", ".join(map(str, FIRST))
    return table(f"Known mistakes within the first {firsts}", heading, *OFFERED)


def _add_known(new: Any, rows: Any, labels: Any, n_train: int, model: Any, title: str) -> None:
    """Add a row for each list of known mistakes."""
    train, test = slice(n_train), slice(n_train, None)
    p = {
        "test": model.fit(rows[train], labels[train]).predict_proba(rows[test]),
        "training": _held_out(model, rows[train], labels[train]),
    }
    for name, (part, wrong) in KNOWN.items():
        given = labels[test if part == "test" else train]
        firsts = (find_doubts(given, p[part], one).rows for one in OFFERED)
        within = (
            ", ".join(str(int(np.isin(wrong, ranking[:n]).sum())) for n in FIRST)
            for ranking in firsts
        )
        new.add_row(f"{name}, {title}", *within)


def _model() -> Any:
    return imlogit.LogisticRegression(C=FEATURES_C, tol=TOL)


def _held_out(model: Any, rows: Any, labels: Any) -> Any:
    return imlogit.cross_validate(model, rows, labels, cv=5).probabilities


def _featured(text: str, images: Any, n_train: int | None = None) -> Any:
    """Return the features of images, by steps that were fitted to the training images."""
    return Chain.parse(text).fit(images[:n_train], seed=0).transform(images)


def _planted(labels: Any, where: Any, share: float, mistaken: Mistake) -> Any:
    """Return labels of which a share is mistaken, of the images that may be."""
    rng = np.random.default_rng(0)
    chosen = where & (rng.random(len(labels)) < share)
    return np.where(chosen, mistaken(labels, rng), labels)


def _of_image(name: str, images: Any, labels: Any) -> Any:
    """Return labels that are mistaken among the images with the least or the most ink only."""
    extreme, share, mistaken = OF_IMAGE[name]
    ink = images.reshape(len(images), -1).mean(axis=1)
    order = ink.argsort().argsort() / len(ink)
    where = order < 0.1 if extreme == "darkest" else order >= 0.9
    return _planted(labels, where, share, mistaken)


def _precisions(given: Any, labels: Any, p: Any) -> list[str]:
    """Return the average precision of each ranking that is offered."""
    doubts = find_doubts(given, p)
    wrong = given[doubts.rows] != labels[doubts.rows]
    return [f"{average_precision_score(wrong, -getattr(doubts, one)):.3f}" for one in OFFERED]


def _as(pairs: dict[int, int]) -> Callable[[Any, Any], Any]:
    """Return a mistake that always calls a digit another one, the others what they are."""
    called = np.array([pairs.get(digit, digit) for digit in range(10)])
    return lambda digits, rng: called[digits]


def _other(digits: Any, rng: Any) -> Any:
    return (digits + rng.integers(1, 10, len(digits))) % 10


def _highest_other(p: Any, doubts: Any) -> Any:
    others = p.copy()
    others[np.arange(len(p)), doubts.given] = -1
    return others.max(axis=1)


USUAL = {2: 7, 3: 8, 5: 6, 6: 5, 7: 1}
ALIKE = {4: 9, 9: 4, 3: 5, 5: 3, 7: 9, 8: 3}
MISTAKES: dict[str, tuple[float, Mistake]] = {
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
# Those of which features are compared.
OF_FEATURES = (
    *("2% any other digit", "10% of 4 called 9", "25% of 4 called 9"),
    *("5% of 2, 3, 5, 6, 7 called 7, 8, 6, 5, 1", "10% called the next digit"),
)
RANKINGS: dict[str, Callable[[Any, Any], Any]] = {
    "self-confidence": lambda p, doubts: doubts.confidence,
    "normalised margin": lambda p, doubts: doubts.confidence - _highest_other(p, doubts),
    "confidence-weighted entropy": lambda p, doubts: -entropy(p, axis=1) / doubts.confidence,
}


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
OF_IMAGE: dict[str, tuple[str, float, Mistake]] = {
    "20% of the tenth with the least ink: any other digit": ("darkest", 0.2, _other),
    "20% of the same: the next digit": (
        "darkest",
        0.2,
        _as({digit: (digit + 1) % 10 for digit in range(10)}),
    ),
    "half of the 4 among these called 9": ("darkest", 0.5, _as({4: 9})),
    "half of the 3 and 7 with the most ink called 8, 9": ("brightest", 0.5, _as({3: 8, 7: 9})),
}
