"""A saved model, scored on any source of labelled images."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.data.embeddings.embedding_source import read_embeddings
from imlogit.data.feature_set import FeatureSet
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.reading import Reading
from imlogit.errors import DataError, ParameterError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.estimators.pixels import have_same_shape
from imlogit.evaluation.label_figures import LabelFigures, label_figures
from imlogit.evaluation.scores import CLASS_FIGURES, TEST, Scores, score
from imlogit.features.kept import kept_rows
from imlogit.features.step import NoFeaturesError
from imlogit.model.fields import SavedModel
from imlogit.model.head import Answers, Head, head_of
from imlogit.model.persist import open_model
from imlogit.model.predict import check_takes_pixels, may_be_of_digits, reading_for
from imlogit.runs.options import images_of
from imlogit.system.summarized import NotebookTable, Summarized
from imlogit.system.text import by, counted, first_of

SCHEMA, VERSION = "imlogit.evaluation", 1
SEEN = (
    "The model was fitted on images of this very source, which are among these: the figures are "
    "better than for images that it has not seen."
)
PREDICT_DIGITS = "For photos of digits predict takes prepare='digit'."


class Scope(StrEnum):
    """Which of a source's images were scored."""

    TEST = "test"
    ALL = "all"

    @property
    def words(self) -> str:
        """What is said of it."""
        found = {Scope.TEST: "the source's test part"}
        return found.get(self, "all images: the source has no test part")


@dataclass(frozen=True, eq=False, repr=False)
class Assessment(Summarized):
    """How good a model is on some images.

    Attributes
    ----------
    image_set : ImageSet or FeatureSet
    names : tuple of str
        What the classes are called.
    part : Scope
        Which of the source's images were scored.
    seen : bool
        Whether some of them are, or may be, images that the model was fitted on.
    scores : Scores
        With intervals, at the model's threshold if it has one.
    codes : ndarray of intp, shape (n,)
        The class of each image that was scored, in the order of ``names``.
    probabilities : ndarray of float64, shape (n, n_classes)
        What the model says of it.
    """

    image_set: ImageSet | FeatureSet
    names: tuple[str, ...]
    part: Scope
    seen: bool
    scores: Scores
    codes: NDArray[np.intp]
    probabilities: Floats

    @property
    def rows(self) -> NDArray[np.intp]:
        """Where each image that was scored is in the source, shape (n,)."""
        n_images = len(self.image_set)
        return np.arange(n_images - len(self.codes), n_images)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for a program; docs/metrics.md describes it."""
        by_class = zip(self.names, (one.to_dict() for one in self.scores.by_class()), strict=True)
        return {
            **_head_of_facts(self.image_set),
            "part": str(self.part),
            "seen": self.seen,
            "classes": list(self.names),
            "scores": self.scores.to_dict(),
            "by_class": dict(by_class),
            "reliability": curve.to_dict() if (curve := self.scores.reliability) else [],
        }

    def _summary(self) -> dict[str, str]:
        return {
            "images": f"{self.scores.n:,} of {self.image_set.name}",
            "base rate": f"{self.scores.base_rate:.4f}",
            "accuracy": f"{self.scores['accuracy'].value:.4f}",
        }

    def _notebook_tables(self) -> tuple[NotebookTable, ...]:
        part = f"{self.image_set.name}, {self.part.words}"
        figures = self.scores.notebook_table(f"{counted(self.scores.n, 'image')} of {part}")
        if self.seen:
            figures = figures._replace(notes=(SEEN,))
        if len(self.names) == 2:
            return (figures,)
        by_class = zip(self.names, self.scores.by_class(), strict=True)
        rows = [(name, *one.texts()) for name, one in by_class]
        return figures, NotebookTable(
            "Each class against the rest", rows, ("class", *CLASS_FIGURES)
        )


@dataclass(frozen=True, eq=False, repr=False)
class LabelAssessment(Summarized):
    """How good a model of labels is on rows that have any number of them.

    Attributes
    ----------
    features : FeatureSet
    part, seen
        As `Assessment` has them.
    figures : LabelFigures
        Of the labels of ``features``, in their order.
    probabilities : ndarray of float64, shape (n, L)
    """

    features: FeatureSet
    part: Scope
    seen: bool
    figures: LabelFigures
    probabilities: Floats

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for a program; docs/metrics.md describes it."""
        return {
            **_head_of_facts(self.features),
            "part": str(self.part),
            "seen": self.seen,
            "classes": list(self.figures.names),
            "multi_label": True,
            "scores": self.figures.to_dict(),
        }

    def _summary(self) -> dict[str, str]:
        return {
            "rows": f"{self.figures.n:,} of {self.features.name}",
            "base rate": f"{self.figures.base_rate:.4f}",
            "mean average precision": f"{self.figures.mean_average_precision.value:.4f}",
        }


def _head_of_facts(found: ImageSet | FeatureSet) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "data": {
            "name": found.name,
            "origin": found.origin,
            "sha256": found.sha256,
            "skipped": [problem.to_dict() for problem in getattr(found, "skipped", ())],
        },
    }


def evaluate(
    model: LogisticRegression | SavedModel | str | os.PathLike[str],
    images: ImageSet | FeatureSet | str | os.PathLike[str],
    *,
    backbone: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    **reading: Any,
) -> Assessment | LabelAssessment:
    """Score a model on a source's test part, or on all of it where it has none.

    Parameters
    ----------
    model : LogisticRegression, SavedModel or path-like
        A fitted model, its file, or the folder of a run.
    images : ImageSet, FeatureSet, str or path-like
        Labelled images, or their source as `imlogit.load` takes it. Of a model of embeddings:
        these, or where they are, as `imlogit.linear_probe` takes them.
    backbone : path-like, optional
        As in `imlogit.predict`.
    progress : callable, optional
        As in `imlogit.load`.
    **reading
        How images are read, as in `imlogit.load`.

    Returns
    -------
    Assessment or LabelAssessment
        The latter of a model that gives a row any number of labels.

    Raises
    ------
    DataError
        For images of another shape than the model's, and labels that it does not know; and for
        embeddings of another length.
    ParameterError
        For options of reading that are out of range, or of images that are read already.
    ModelFileError
        For a model that cannot be read.
    """
    content = open_model(model, backbone)
    asked = Reading(**reading)
    if isinstance(images, FeatureSet) or (
        content.image_shape is None and isinstance(images, (str, os.PathLike))
    ):
        return _assess_features(content, _features_of(images, asked))
    how = asked if isinstance(images, ImageSet) else reading_for(content, asked)
    return _assess(content, images_of(images, how, progress))


def _assess(content: SavedModel, image_set: ImageSet) -> Assessment:
    _check_shape(content, image_set)
    check_takes_pixels(content)
    return _scored(content, image_set)


def _scored(content: SavedModel, found: ImageSet | FeatureSet) -> Assessment:
    """Score a model on the test part of a set, or on all of it where it has none."""
    codes = _codes(content, found)
    scope, rows, seen = _scope(content, found)
    probabilities = _answers(head_of(content), found, rows).probabilities
    scores = score(
        codes[rows],
        probabilities,
        origin=None if seen else TEST,
        intervals=True,
        threshold=content.threshold,
    )
    return Assessment(found, content.names, scope, seen, scores, codes[rows], probabilities)


def _scored_labels(content: SavedModel, found: FeatureSet) -> LabelAssessment:
    """Do the same where a row has any number of labels; those that the set has are scored."""
    places = _places(content, found)
    scope, rows, seen = _scope(content, found)
    probabilities = _answers(head_of(content), found, rows).probabilities[:, places]
    labels, origin = found.labels[rows], None if seen else TEST
    figures = label_figures(found.class_names, labels, probabilities, origin)
    return LabelAssessment(found, scope, seen, figures, probabilities)


def _scope(content: SavedModel, found: ImageSet | FeatureSet) -> tuple[Scope, slice, bool]:
    """Return which rows are scored, and whether the model may have been fitted on them."""
    if found.test is not None:
        return Scope.TEST, slice(found.n_train + found.n_validation, None), False
    return Scope.ALL, slice(0, None), content.data_sha256 == found.sha256


def _places(content: SavedModel, found: FeatureSet) -> list[int]:
    """Return the columns of a model that are the labels of a set."""
    unknown = [name for name in found.class_names if name not in content.names]
    if unknown:
        raise _unknown_labels(found, unknown, content.names)
    return [content.names.index(name) for name in found.class_names]


def _unknown_labels(
    found: ImageSet | FeatureSet, unknown: list[str], known: Iterable[str]
) -> DataError:
    return DataError(
        f"{found.name} has labels that the model does not know: {first_of(unknown)}. It knows "
        f"{first_of(list(known))}."
    )


def _features_of(features: FeatureSet | str | os.PathLike[str], asked: Reading) -> FeatureSet:
    """Return embeddings as they are, or read from where they are.

    Raises
    ------
    ParameterError
        For options of reading images.
    """
    for name in asked.chosen():
        if isinstance(features, FeatureSet) or name not in ("labels", "label_column"):
            raise ParameterError(f"{name}=... is of images, not of embeddings.", parameter=name)
    if isinstance(features, FeatureSet):
        return features
    column = None if asked.label_column is None else str(asked.label_column)
    return read_embeddings(features, labels=asked.labels, label_column=column)


def _assess_features(content: SavedModel, features: FeatureSet) -> Assessment | LabelAssessment:
    gives, many = bool(content.multi_label), features.multi_label
    if gives is not many or features.n_features != content.coef.shape[1]:
        words = {True: "any number of labels a row", False: "one class a row"}
        raise DataError(
            f"The model takes rows of {content.coef.shape[1]:,} numbers and gives {words[gives]}; "
            f"{features.name} has {features.n_features:,} numbers and {words[many]}."
        )
    return _scored_labels(content, features) if many else _scored(content, features)


def _answers(head: Head, found: ImageSet | FeatureSet, rows: slice) -> Answers:
    """Return what a model says of rows; features of images that are kept are not made again."""
    if isinstance(found, FeatureSet):
        return head.answer(found.features[rows])
    kept = None if head.features is None else kept_rows(head.features, found.images)
    if kept is not None:
        return head.answer_rows(kept[rows])
    try:
        return head.answer(found.images[rows])
    except NoFeaturesError as error:
        raise error.named(found.where((rows.start or 0) + error.row)) from None


def _check_shape(content: SavedModel, image_set: ImageSet) -> None:
    given, wanted = image_set.image_shape, content.image_shape
    if wanted is None or not have_same_shape(given, wanted):
        takes = (
            f"{content.coef.shape[1]:,} numbers" if wanted is None else f"images of {by(wanted)}"
        )
        ways = _ways(given, wanted)
        hint = f" {' and '.join(ways)} bring{'s' if len(ways) == 1 else ''} them to it."
        digits = f" {PREDICT_DIGITS}" if may_be_of_digits(content) else ""
        raise DataError(
            f"The model takes {takes}, and the images of {image_set.name} are images of "
            f"{by(given)}.{hint if ways else ''}{digits}",
            parameter="size",
        )


def _ways(given: tuple[int, ...], wanted: tuple[int, ...] | None) -> list[str]:
    """Return how images are read so that they have the model's shape; nothing where none does."""
    if wanted is None or len(wanted) < 2:
        return []
    is_grey = [shape[2:] in ((), (1,)) for shape in (given, wanted)]
    becomes_grey = is_grey == [False, True]
    if not becomes_grey and given[2:] != wanted[2:] and not all(is_grey):
        return []
    ways = [f"size=({wanted[0]}, {wanted[1]})"] if given[:2] != wanted[:2] else []
    return [*ways, *(["grey=True"] if becomes_grey else [])]


def _codes(content: SavedModel, image_set: ImageSet | FeatureSet) -> NDArray[np.intp]:
    """Return each image's class, in the order of the model's."""
    names = image_set.class_names
    wanted, known = content.against_rest, content.codes_by_label
    if wanted is not None and wanted not in names:
        raise DataError(
            f"The model looks for '{wanted}', which {image_set.name} does not have: "
            f"its labels are {', '.join(names)}."
        )
    if wanted is not None and not known:
        return (image_set.labels == names.index(wanted)).astype(np.intp)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise _unknown_labels(image_set, unknown, known)
    return np.array([known[name] for name in names], np.intp)[image_set.labels]
