"""The main job: from a source of images to a proved model, its scores and a run directory."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.core.solver import Observer
from imlogit.data import ImageSet, Split, split
from imlogit.errors import DataError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.evaluate.cross_validation import CrossValidation, cross_validate
from imlogit.evaluate.scores import Scores, score

# The version of metrics.json; docs/metrics.md describes it.
METRICS_VERSION = 1
DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Options:
    """What a training run was asked for."""

    source: str = "mnist-5k"
    positive: str | None = None
    every_class: bool = False
    folds: int = 10
    test_size: float = 0.2
    seed: int = 0
    C: float = 1.0
    engine: str = "auto"


@dataclass(frozen=True)
class Target:
    """What the classifier tells apart.

    Attributes
    ----------
    positive : str or None
        The label looked for; None for every class.
    names : tuple of str
        What the classes are called, in the order of the model's classes.
    statement : str
        What was chosen, and why.
    """

    positive: str | None
    names: tuple[str, ...]
    statement: str

    def labels(self, image_set: ImageSet, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return the labels to fit: True where the label is the one looked for, or the names."""
        codes = image_set.labels[rows]
        if self.positive is not None:
            return codes == image_set.class_names.index(self.positive)
        return np.array(image_set.class_names)[codes]


@dataclass(frozen=True, eq=False)
class Training:
    """A finished training run."""

    options: Options
    image_set: ImageSet
    split: Split
    target: Target
    cross_validation: CrossValidation
    test: Scores

    @property
    def model(self) -> LogisticRegression:
        """The model fitted on all training images."""
        return self.cross_validation.estimator

    @property
    def most_frequent(self) -> str:
        """The most frequent class of the test images."""
        return self.target.names[int(self.test.confusion.sum(axis=1).argmax())]

    def facts(self) -> dict[str, str]:
        """Return what was found and how it was split and ordered, as short texts."""
        images, seed = self.image_set, self.options.seed
        counts = np.bincount(images.labels, minlength=images.n_classes)
        classes = ", ".join(
            f"{name} ({count:,})" for name, count in zip(images.class_names, counts, strict=True)
        )
        how = f"drawn by class, seed {seed}" if self.split.drawn else "the source's own"
        return {
            "source": f"{images.name}, {images.origin}",
            "images": f"{len(images):,} of {' x '.join(map(str, images.image_shape))} pixels",
            "classes": classes,
            "training": f"{len(self.split.train):,} images, in random order, seed {seed}",
            "test": f"{len(self.split.test):,} images, {how}",
            "looking for": self.target.statement,
            "base rate": f"{self.cross_validation.pooled.base_rate:.4f} of the training images",
        }

    def metrics(self) -> dict[str, Any]:
        """Return everything that was found, for a program; docs/metrics.md describes it."""
        images, options, cv = self.image_set, self.options, self.cross_validation
        counts = np.bincount(images.labels, minlength=images.n_classes).tolist()
        return {
            "schema": "imlogit.metrics",
            "version": METRICS_VERSION,
            "data": {
                "name": images.name,
                "origin": images.origin,
                "sha256": images.sha256,
                "image_shape": list(images.image_shape),
                "classes": dict(zip(images.class_names, counts, strict=True)),
                "n_train": len(self.split.train),
                "n_test": len(self.split.test),
                "test_part": "drawn" if self.split.drawn else "source",
            },
            "options": {
                "positive": self.target.positive,
                "folds": options.folds,
                "test_size": options.test_size if self.split.drawn else None,
                "seed": options.seed,
                "C": options.C if np.isfinite(options.C) else "inf",
            },
            "classes": list(self.target.names),
            "certificate": self.model.certificate_.to_dict(),
            "cross_validation": {
                "folds": [
                    fold.scores.to_dict() | {"certificate": fold.certificate.to_dict()}
                    for fold in cv.folds
                ],
                "mean": {name: _or_none(cv.mean(name)) for name in cv.pooled.values},
                "std": {name: _or_none(cv.std(name)) for name in cv.pooled.values},
                "pooled": cv.pooled.to_dict(),
            },
            "test": self.test.to_dict(),
        }

    def command(self) -> str:
        """Return the command that makes the same run again."""
        options, target = self.options, self.target
        words = ["imlogit", "train", options.source]
        words += ["--all"] if target.positive is None else ["--positive", target.positive]
        words += ["--folds", str(options.folds), "--seed", str(options.seed)]
        words += ["--test-size", str(options.test_size)] if self.split.drawn else []
        words += ["--c", str(options.C)]
        words += ["--engine", options.engine] if options.engine != "auto" else []
        return shlex.join(words)


def train(image_set: ImageSet, options: Options, *, observe: Observer | None = None) -> Training:
    """Fit, cross-validate and test a classifier of images.

    Parameters
    ----------
    image_set : ImageSet
    options : Options
    observe : callable, optional
        Called with a `Progress` after every step.

    Raises
    ------
    DataError
        For a label that no image has, a class with too few images, or options out of range.
    """
    target = choose_target(image_set, options.positive, every_class=options.every_class)
    parts = split(image_set, options.test_size, options.seed)
    labels = target.labels(image_set, parts.train)
    _check_folds(labels, options.folds)
    estimator = LogisticRegression(C=options.C, random_state=options.seed, engine=options.engine)
    found = cross_validate(
        estimator, image_set.images[parts.train], labels, cv=options.folds, observe=observe
    )
    true = target.labels(image_set, parts.test)
    codes = np.searchsorted(found.estimator.classes_, true)
    test = score(codes, found.estimator.predict_proba(image_set.images[parts.test]))
    return Training(options, image_set, parts, _in_order(target, found), found, test)


def choose_target(
    image_set: ImageSet, positive: str | int | None = None, *, every_class: bool = False
) -> Target:
    """Choose what to tell apart: what was asked for, or what the labels suggest.

    Without a wish: digits, "2" against the rest; two classes, the second; else every class.
    """
    names = image_set.class_names
    if every_class and positive is not None:
        raise DataError("A positive label and all classes cannot both be asked for.")
    if every_class:
        return Target(None, names, f"every one of {len(names)} classes, as asked")
    if positive is not None:
        return _against_rest(_known_label(names, positive), names, "as asked")
    if names == DIGITS:
        return _against_rest("2", names, "the default for digits")
    if len(names) == 2:
        return _against_rest(names[1], names, "the second of two classes")
    return Target(None, names, f"every one of {len(names)} classes, the default")


def _against_rest(positive: str, names: Sequence[str], why: str) -> Target:
    others = [name for name in names if name != positive]
    rest = others[0] if len(others) == 1 else f"not {positive}"
    return Target(positive, (rest, positive), f"{positive!r} against {rest!r}, {why}")


def _known_label(names: Sequence[str], positive: str | int) -> str:
    """Find a label by its text; the number 2 is understood as well as the text '2'."""
    if str(positive) in names:
        return str(positive)
    raise DataError(
        f"No image has the label {str(positive)!r}. The labels are: {', '.join(names)}."
    )


def _or_none(value: float) -> float | None:
    """JSON has no nan: a figure that some fold could not define is null."""
    return None if np.isnan(value) else value


def _check_folds(labels: NDArray[Any], folds: int) -> None:
    names, counts = np.unique(labels, return_counts=True)
    if len(names) < 2:
        raise DataError("All training images have the same label: there is nothing to tell apart.")
    smallest = int(counts.min())
    if smallest < 2:
        raise DataError(
            f"The smallest class has {smallest} training image, too few to cross-validate: add "
            "images, or take a smaller --test-size."
        )
    if not 2 <= folds <= smallest:
        raise DataError(
            f"{folds} folds are not possible: give from 2 to {smallest}, the number of training "
            f"images of the smallest class."
        )


def _in_order(target: Target, found: CrossValidation) -> Target:
    """Put the names into the order of the model's classes."""
    if target.positive is not None:
        return target
    return Target(None, tuple(map(str, found.estimator.classes_)), target.statement)
