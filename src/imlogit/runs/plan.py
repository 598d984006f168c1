"""What a run is about: what was asked for, of which images, what to tell apart, split how."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Labels, Pixels, Rows
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.split import Split, split
from imlogit.engines.table import check_engine
from imlogit.errors import DataError, ParameterError
from imlogit.estimators.class_weights import weights_by_name
from imlogit.runs.folding import choose_folds
from imlogit.runs.options import AUTO, PIXELS, RunOptions, TaskOptions, TrainOptions
from imlogit.runs.photographs import photograph_steps
from imlogit.runs.target import Target, choose_target
from imlogit.system.summarized import Summarized
from imlogit.system.text import by, counted, first_of

# What a run is about is printed before scikit-learn and its like are there.
if TYPE_CHECKING:
    from imlogit.estimators.logistic import LogisticRegression
    from imlogit.features.chain import FittedChain
    from imlogit.model.fields import SavedModel
    from imlogit.runs.predictions import Predictions

# Of more classes, facts name the first.
MOST_LISTED = 10


@dataclass(frozen=True, eq=False, repr=False)
class Task(Summarized):
    """What a run is about: what was asked for, of which images, split how.

    Attributes
    ----------
    options : RunOptions
        With the number of folds, if that was not given.
    image_set : ImageSet
    split : Split
    target : Target
    chose_features : bool
        Whether the steps in the options were chosen by default, and not asked for.
    """

    options: RunOptions
    image_set: ImageSet
    split: Split
    target: Target
    chose_features: bool = False

    @cached_property
    def training_images(self) -> Pixels:
        """The images to fit on, in their order: the one copy that a run holds."""
        return self.image_set.images[self.split.train]

    @cached_property
    def test_images(self) -> Pixels:
        """The images to test on, in the order of the source."""
        own = self.image_set.test
        return np.asarray(self.image_set.images[self.split.test] if own is None else own.images)

    @cached_property
    def features(self) -> FittedChain | None:
        """What is made of images before the fit, learnt from the training images; or None.

        Raises
        ------
        DataError
            For images that a step cannot work with.
        """
        if not self.options.makes_features:
            return None
        from imlogit.features.source_rows import fit_features

        images = np.asarray(self.training_images)
        return fit_features(self.options.features, images, self.options.seed)

    def make_features(self, progress: Progress | None = None) -> None:
        """Make all that is fitted on now: copies, and features unless they are kept."""
        if self.features is not None:
            from imlogit.features.source_rows import rows_of_parts

            made = rows_of_parts(self.features, self.image_set, self.split, progress)
            self.__dict__["training_rows"], self.__dict__["test_rows"] = made
        if self.options.n_copies:
            from imlogit.runs.augmenting import with_copies

            own = self.__dict__.get("training_rows", self.training_images)
            self.__dict__["training_rows"] = with_copies(self, own, progress)

    @cached_property
    def training_rows(self) -> NDArray[Any]:
        """What is fitted on: the training images, or their features (n, n_features).

        Where copies are asked for, they follow behind all images, shape (n * 5, ...).
        """
        self.make_features()
        return self.__dict__.get("training_rows", self.training_images)

    @cached_property
    def test_rows(self) -> NDArray[Any]:
        """What becomes of the test images in the same way."""
        if self.features is not None:
            self.make_features()
        return self.__dict__.get("test_rows", self.test_images)

    @property
    def pixel_scale(self) -> float | str:
        """What an estimator multiplies the rows by."""
        return self.options.pixel_scale if self.features is None else self.features.scale

    @cached_property
    def codes(self) -> Labels:
        """Each image's class, as its place in the target's names, shape (n,)."""
        return self.target.codes(self.image_set)

    @property
    def folds(self) -> int:
        """The number of folds."""
        assert self.options.folds is not None
        return self.options.folds

    @property
    def training_labels(self) -> NDArray[Any]:
        """The labels to fit, of copies, too: codes, or whether they are the class looked for."""
        codes = np.tile(self.codes[self.split.train], self.options.n_copies + 1)
        return codes if self.target.positive is None else codes == 1

    def saved_model_of(self, estimator: LogisticRegression) -> SavedModel:
        """Return a model that was fitted on the training part, with the names of its classes."""
        from imlogit.model.persist import saved_model_of

        target = self.target
        are_labels = target.positive is None or self.image_set.n_classes == 2
        return saved_model_of(
            estimator,
            image_set=self.image_set,
            positive=target.positive,
            class_names=target.names if are_labels else None,
            fitted_on=self.training_images,
            features=self.features,
        )

    def predictions_of(self, model: SavedModel, out_of_fold: Floats, folds: Rows) -> Predictions:
        """Return what is kept of each image: its class, its fold and its probabilities."""
        from imlogit.runs.predictions import predictions_of

        return predictions_of(self, model, out_of_fold, folds)

    def facts(self) -> dict[str, str]:
        """Return what was found and how it was split and ordered, as short texts."""
        images, seed = self.image_set, self.options.seed
        sizes = [
            f"{name} ({count:,})"
            for name, count in zip(images.class_names, images.counts, strict=True)
        ]
        how_many = f"{len(sizes):,}: " if len(sizes) > MOST_LISTED else ""
        how = f"drawn by class, seed {seed}" if self.split.drawn else "the source's own"
        of_label = np.bincount(self.codes[self.split.train])
        n_validation = int(self.split.validation.sum())
        joined = f", {n_validation:,} of the validation part among them" if n_validation else ""
        order = "the source's order" if images.in_shards else f"random order, seed {seed}"
        copied = f", {images.copies:,} of {images.copies + 1:,} copies" if images.copies else ""
        facts = {
            "source": f"{images.name}, {images.origin}",
            "images": f"{len(images):,} of {by(images.image_shape)} pixels",
            "classes": how_many + first_of(sizes, MOST_LISTED),
            "training": f"{counted(len(self.split.train), 'image')}{copied}{joined}, in {order}",
            **self._facts_of_copies(),
            "test": f"{counted(len(self.split.test), 'image')}, {how}",
            "looking for": self.target.statement,
            "base rate": f"{of_label.max() / of_label.sum():.4f} of the training images",
        }
        if self.features is not None:
            n = self.features.n_features
            why = "the default for colour photographs" if self.chose_features else "as asked"
            back = f"features={PIXELS!r} goes back to pixels"
            facts["features"] = f"{self.features}, {n:,} an image, {why}; {back}"
            facts |= self.features.remarks
        if images.skipped:
            facts["passed over"] = f"{len(images.skipped):,}, listed in metrics.json"
        return facts

    def _facts_of_copies(self) -> dict[str, str]:
        if not self.options.n_copies:
            return {}
        from imlogit.runs.augmenting import words_of_copies

        return {"copies": words_of_copies(self)}

    def data_metrics(self) -> dict[str, Any]:
        """Return what the images are, for a program."""
        images = self.image_set
        made = {} if self.features is None else {"n_features": self.features.n_features}
        if self.options.n_copies:
            made["n_copies"] = self.options.n_copies * len(self.split.train)
        return {
            "name": images.name,
            "origin": images.origin,
            "sha256": images.sha256,
            "image_shape": list(images.image_shape),
            "classes": dict(zip(images.class_names, images.counts.tolist(), strict=True)),
            "n_train": len(self.split.train),
            "n_test": len(self.split.test),
            "test_part": "drawn" if self.split.drawn else "source",
            "n_validation": int(self.split.validation.sum()),
            "fit": images.fit,
            "remarks": list(images.remarks),
            "skipped": [problem.to_dict() for problem in images.skipped],
        } | made

    def option_metrics(self) -> dict[str, Any]:
        """Return the options, for a program: the label as it was chosen, and JSON has no inf."""
        options = {field.name: getattr(self.options, field.name) for field in fields(self.options)}
        drawn = self.split.drawn
        changed = {
            "positive": self.target.positive,
            "test_size": self.options.test_size if drawn else None,
            "reading": self.options.reading.chosen(),
        }
        if self.features is not None:
            changed["features"] = self.options.features_text
        # the label stands in positive; of pixels and of where it ran a run says nothing
        left_out = {"every_class", "dask"} | ({"features"} if self.features is None else set())
        left_out |= set() if self.options.n_copies else {"augment"}
        return {
            name: "inf" if value == math.inf else value
            for name, value in (options | changed).items()
            if name not in left_out
        }

    def _summary(self) -> dict[str, str]:
        return self.summary()

    def summary(self) -> dict[str, str]:
        """Return what it is about, as short as can be."""
        target = self.target
        what = f"{len(target.names)} classes" if target.positive is None else repr(target.positive)
        about = {"source": self.image_set.name, "looking for": what}
        return about | ({"features": self.options.features_text} if self.chose_features else {})


def begin(image_set: ImageSet, options: RunOptions, *, may_choose: bool = False) -> Task:
    """Choose what to tell apart, and split the images.

    Parameters
    ----------
    image_set : ImageSet
    options : RunOptions
    may_choose : bool
        Whether a validation part takes the place of folds, unless these are asked for.

    Raises
    ------
    DataError
        For a label that no image has, a class with too few images, or options out of range.

    Warns
    -----
    UserWarning
        If there are fewer folds than usual, as there are too few images of a class for more.
    """
    check_white(image_set, options)
    parts = split(image_set, options.test_size, options.seed)
    target = choose_target(image_set, options.positive, every_class=options.every_class)
    if isinstance(options, TrainOptions):
        _check_wanted(options, target)
    if not (may_choose and options.folds is None and parts.validation.any()):
        _, firsts = np.unique(image_set.groups(parts.train), return_index=True)
        folds = choose_folds(target.codes(image_set)[parts.train[firsts]], options.folds)
        options = replace(options, folds=folds)
    task = Task(options, image_set, parts, target)
    class_weight_of(task)
    check_engine(options.engine)
    task = _with_features(task)
    if options.n_copies:
        from imlogit.runs.augmenting import check_copies

        check_copies(task)
    return task


def _with_features(task: Task) -> Task:
    """Return a task with the steps that it takes by default, where these are not pixels."""
    options = task.options
    if options.features != AUTO or options.pixel_scale != AUTO:
        return task
    n_rows = len(task.training_labels)  # with copies
    steps = photograph_steps(task.image_set, n_rows, len(task.target.names))
    if steps is None:
        return task
    found = replace(task, options=replace(options, features=steps), chose_features=True)
    try:
        return found if found.features is not None else task
    except DataError:  # as of pictures that show nothing but their colour
        return task


def class_weight_of(task: Task) -> dict[Any, float] | str | None:
    """Return how much an image of each label to fit counts, as an estimator takes it.

    Raises
    ------
    ParameterError
        For a class that there is not, and weights that are none.
    """
    given, target = task.options.class_weight, task.target
    if given is None or given == "balanced":
        return given
    weights = weights_by_name(given, target.names)
    labels = range(len(target.names)) if target.positive is None else (False, True)
    return {label: weights.get(name, 1.0) for label, name in zip(labels, target.names, strict=True)}


def _check_wanted(options: TrainOptions, target: Target) -> None:
    if options.wanted is not None and target.positive is None:
        name, value = options.wanted
        raise ParameterError(
            f"{name}={value} needs a label to look for: give positive=..., without "
            "every_class=True.",
            parameter=name,
        )


def check_white(image_set: ImageSet, options: TaskOptions) -> None:
    """Refuse a white that some pixels are brighter than.

    Raises
    ------
    ParameterError
    """
    if options.pixel_max is None:
        return
    brightest = int(image_set.images.max())
    if brightest > options.pixel_max:
        raise ParameterError(
            f"pixel_max={options.pixel_max}: the pixels of {image_set.name} run up to "
            f"{brightest}. Give that, or leave it out.",
            parameter="pixel_max",
        )


def or_none(value: float) -> float | None:
    """JSON has no nan: a figure that some fold could not define is null."""
    return None if np.isnan(value) else value
