"""What a run is about: what was asked for, of which images, what to tell apart, split how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.data.image_set import ImageSet
from imlogit.data.reading import Reading
from imlogit.data.split import Split, split
from imlogit.errors import DataError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.evaluate.scores import OUT_OF_FOLD, TEST, Scores, score
from imlogit.runs.predictions import Predictions
from imlogit.system.text import by

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class RunOptions:
    """What every run is asked for."""

    source: str = "mnist-5k"
    positive: str | None = None
    every_class: bool = False
    folds: int = 10
    test_size: float = 0.2
    seed: int = 0
    engine: str = "auto"
    reading: Reading = field(default=Reading(), kw_only=True)


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
class Task:
    """What a run is about: what was asked for, of which images, split how."""

    options: RunOptions
    image_set: ImageSet
    split: Split
    target: Target

    @property
    def training_images(self) -> NDArray[np.uint8]:
        """The images to fit on, in their order."""
        images: NDArray[np.uint8] = self.image_set.images[self.split.train]
        return images

    @property
    def training_labels(self) -> NDArray[Any]:
        """The labels to fit."""
        return self.target.labels(self.image_set, self.split.train)

    def scores(
        self, predictions: Predictions, threshold: float | None = None
    ) -> tuple[Scores, Scores]:
        """Score what was predicted out of fold and of the test images, with intervals.

        The threshold is the model's: out-of-fold figures, by which it was chosen, are without.
        """
        held_out = predictions.train_folds >= 0
        return (
            score(
                predictions.train_codes[held_out],
                predictions.train_probabilities[held_out],
                origin=OUT_OF_FOLD,
                intervals=True,
            ),
            score(
                predictions.test_codes,
                predictions.test_probabilities,
                origin=TEST,
                intervals=True,
                threshold=threshold,
            ),
        )

    def predictions_of(
        self, model: LogisticRegression, out_of_fold: Floats, folds: NDArray[np.intp]
    ) -> Predictions:
        """Return what is kept of each image: its class, its fold and its probabilities."""
        test = self.split.test
        return Predictions(
            self.split.train.astype(np.int64),
            np.searchsorted(model.classes_, self.training_labels),
            folds,
            out_of_fold,
            test.astype(np.int64),
            np.searchsorted(model.classes_, self.target.labels(self.image_set, test)),
            model.predict_proba(self.image_set.images[test]),
        )

    def facts(self) -> dict[str, str]:
        """Return what was found and how it was split and ordered, as short texts."""
        images, seed = self.image_set, self.options.seed
        counts = np.bincount(images.labels, minlength=images.n_classes)
        classes = ", ".join(
            f"{name} ({count:,})" for name, count in zip(images.class_names, counts, strict=True)
        )
        how = f"drawn by class, seed {seed}" if self.split.drawn else "the source's own"
        _, of_label = np.unique(self.training_labels, return_counts=True)
        facts = {
            "source": f"{images.name}, {images.origin}",
            "images": f"{len(images):,} of {by(images.image_shape)} pixels",
            "classes": classes,
            "training": f"{len(self.split.train):,} images, in random order, seed {seed}",
            "test": f"{len(self.split.test):,} images, {how}",
            "looking for": self.target.statement,
            "base rate": f"{of_label.max() / of_label.sum():.4f} of the training images",
        }
        if images.skipped:
            facts["passed over"] = f"{len(images.skipped):,}, listed in metrics.json"
        return facts

    def data_metrics(self) -> dict[str, Any]:
        """Return what the images are, for a program."""
        images = self.image_set
        counts = np.bincount(images.labels, minlength=images.n_classes).tolist()
        return {
            "name": images.name,
            "origin": images.origin,
            "sha256": images.sha256,
            "image_shape": list(images.image_shape),
            "classes": dict(zip(images.class_names, counts, strict=True)),
            "n_train": len(self.split.train),
            "n_test": len(self.split.test),
            "test_part": "drawn" if self.split.drawn else "source",
            "skipped": [problem.to_dict() for problem in images.skipped],
        }

    def option_metrics(self) -> dict[str, Any]:
        """Return the options that every run has, for a program."""
        return {
            "positive": self.target.positive,
            "folds": self.options.folds,
            "test_size": self.options.test_size if self.split.drawn else None,
            "seed": self.options.seed,
            "reading": self.options.reading.chosen(),
        }

    def words(self, command: str) -> list[str]:
        """Return the command of the same run, as far as every run has it, word by word."""
        options, target = self.options, self.target
        words = ["imlogit", command, options.source, *options.reading.words()]
        words += ["--all"] if target.positive is None else ["--positive", target.positive]
        words += ["--folds", str(options.folds), "--seed", str(options.seed)]
        words += ["--test-size", str(options.test_size)] if self.split.drawn else []
        words += ["--engine", options.engine] if options.engine != "auto" else []
        return words


def begin(image_set: ImageSet, options: RunOptions) -> Task:
    """Choose what to tell apart, and split the images.

    Raises
    ------
    DataError
        For a label that no image has, a class with too few images, or options out of range.
    """
    target = choose_target(image_set, options.positive, every_class=options.every_class)
    parts = split(image_set, options.test_size, options.seed)
    labels = target.labels(image_set, parts.train)
    _check_folds(labels, options.folds)
    # the names in the order of the model's classes
    names = tuple(map(str, np.unique(labels))) if target.positive is None else target.names
    return Task(options, image_set, parts, Target(target.positive, names, target.statement))


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


def or_none(value: float) -> float | None:
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
