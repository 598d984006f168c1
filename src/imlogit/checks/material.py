"""What checks look at: two parts of labelled rows, and what is known of a fit over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.checks.exact_copies import Copies, exact_copies
from imlogit.checks.near_copies import NearCopies, near_copies
from imlogit.engines.matrix import Matrix
from imlogit.estimators.logistic_cv import GridEdge

BORDER = 1


class Levels(NamedTuple):
    """Grey levels of images, one number an image each.

    Attributes
    ----------
    mean, least, most : ndarray of float64, shape (n,)
    border : ndarray of float64, shape (n,)
        The median along the border: as a rule the background.
    """

    mean: NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    border: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Labelled rows.

    Attributes
    ----------
    name : {"training", "test"}
    rows : Matrix, shape (n, ...)
        Images as (n, h, w) or (n, h, w, c), or rows of features.
    labels : ndarray, shape (n,)
    places : ndarray of intp, shape (n,)
        Where each row is in the source.
    """

    name: str
    rows: Matrix
    labels: NDArray[Any]
    places: Rows

    @property
    def are_images(self) -> bool:
        """Whether the rows are images of grey levels from 0 to 255."""
        return self.rows.dtype == np.uint8 and len(self.rows.shape) in (3, 4)

    @cached_property
    def levels(self) -> Levels:
        """The images' grey levels."""
        blocks = [_levels(block) for block in self.rows.blocks()]
        return Levels(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))

    def where(self, row: int) -> tuple[str, int]:
        """Return the name of the part and the row in the source."""
        return self.name, int(self.places[row])


class FittedModel(NamedTuple):
    """What is known of a model.

    Attributes
    ----------
    n_classes : int
        How many classes it tells apart.
    predicted : ndarray, shape (n_test,), or None
        Its answers for the test part, in terms of `Material.targets`.
    optimality : Optimality or None
    edge : GridEdge or None
        The end of the grid where the best C is; None where it is inside.
    searched : bool
        Whether C was chosen from a grid.
    promise : Promise or None
        What its threshold was chosen for.
    C : float or None
        The inverse of its penalty's strength.
    refit : callable or None
        From another C to the answers, as `predicted`, of the same model with that C.
    fits_negatives : callable or None
        From a part and its rows, ndarray of intp, to the probabilities of their own labels, (m,)
        and (m,): as the images are, and of their negatives.
    """

    n_classes: int
    predicted: NDArray[Any] | None = None
    optimality: Optimality | None = None
    edge: GridEdge | None = None
    searched: bool = False
    promise: Promise | None = None
    C: float | None = None
    refit: Callable[[float], NDArray[Any]] | None = None
    fits_negatives: Callable[[LabelledRows, Rows], tuple[Floats, Floats]] | None = None


class Promise(NamedTuple):
    """What a threshold was chosen for, and what the test images say of it.

    Attributes
    ----------
    threshold : float
    wanted : {"precision", "recall"}
    at_least : float
        What was asked for.
    value : float
        The figure on the test part; nan where it is undefined.
    low, high : float or None
        The ends of its 95% interval.
    most_probable : ndarray, shape (n_test,)
        The answers without the threshold, in terms of `Material.targets`.
    """

    threshold: float
    wanted: str
    at_least: float
    value: float
    low: float | None
    high: float | None
    most_probable: NDArray[Any]


class Optimality(NamedTuple):
    """How close a fit is to its optimum.

    Attributes
    ----------
    status : str or None
        As in `imlogit.Certificate`; None for another library's fit.
    relative_gap : float
        The bound on how far the objective is above its minimum; nan where there is none.
    """

    status: str | None
    relative_gap: float


class White(NamedTuple):
    """Which pixel a model takes for white.

    Attributes
    ----------
    level : float
    mended_by : str
        What tells it another one, with a place for that.
    """

    level: float
    mended_by: str


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that checks look at.

    Attributes
    ----------
    training : LabelledRows
    test : LabelledRows or None
    class_names : tuple or None
        All classes that there should be; None if only the labels tell.
    positive : object or None
        The label looked for.
    predictor : FittedModel or None
    folds : ndarray of intp, shape (n,), or None
        The fold that holds each training row out.
    shuffled : bool or None
        Whether the folds are drawn at random or by class; None if that is not known.
    white : White or None
        What is taken for white; None where pixels are taken as they are.
    """

    training: LabelledRows
    test: LabelledRows | None
    class_names: tuple[Any, ...] | None = None
    positive: Any = None
    predictor: FittedModel | None = None
    folds: Rows | None = None
    shuffled: bool | None = None
    white: White | None = None

    @property
    def parts(self) -> tuple[LabelledRows, ...]:
        """The training part, and the test part where there is one."""
        return (self.training,) if self.test is None else (self.training, self.test)

    @property
    def has_images(self) -> bool:
        """Whether all rows are images."""
        return all(part.are_images for part in self.parts)

    def targets(self, part: LabelledRows) -> NDArray[Any]:
        """Return what a model is to predict: the labels, or whether they are the positive one."""
        if self.positive is None or self.are_answers:
            return part.labels
        return equal(part.labels, self.positive)

    @property
    def are_answers(self) -> bool:
        """Whether the labels say already which rows are of the label looked for: ``y == 0``."""
        named = self.positive is not None and str(self.positive) not in ("True", "False")
        return named and all(part.labels.dtype == bool for part in self.parts)

    @cached_property
    def exact_within(self) -> Copies:
        """Training rows that are the same, each with the first of its kind."""
        return exact_copies(self.training.rows)

    @cached_property
    def exact_across(self) -> Copies:
        """Training and test rows that are the same."""
        assert self.test is not None
        return exact_copies(self.training.rows, self.test.rows)

    @cached_property
    def near_across(self) -> NearCopies:
        """Test images that are almost, but not exactly, training images."""
        assert self.test is not None
        exact = np.zeros(len(self.test.rows), dtype=bool)
        exact[self.exact_across.second] = True
        others = np.flatnonzero(~exact)
        found = near_copies(self.training.rows, self.test.rows.take(others))
        return found._replace(copies=Copies(found.copies.first, others[found.copies.second]))


def equal(labels: NDArray[Any], label: Any) -> NDArray[np.bool_]:
    """Return where labels equal one label, all False where types never compare equal.

    True and False are answers, not the numbers 1 and 0.
    """
    answer = isinstance(label, (bool, np.bool_))
    return np.array(
        [value == label and isinstance(value, bool) == answer for value in labels.tolist()], bool
    )


def tally(labels: NDArray[Any]) -> tuple[NDArray[Any], Rows]:
    """Return the different labels and how many there are of each, also where they have no order."""
    if labels.dtype.kind != "O":
        return np.unique(labels, return_counts=True)
    found = Counter(labels.tolist())
    values = np.empty(len(found), dtype=object)
    values[:] = list(found)
    return values, np.array(list(found.values()), dtype=np.intp)


def _levels(images: NDArray[np.uint8]) -> Levels:
    flat = images.reshape(len(images), -1)
    grey = images.reshape(*images.shape[:3], -1)
    edges = [grey[:, :BORDER], grey[:, -BORDER:], grey[:, :, :BORDER], grey[:, :, -BORDER:]]
    border = np.concatenate([edge.reshape(len(images), -1) for edge in edges], axis=1)
    return Levels(
        flat.mean(axis=1),
        flat.min(axis=1).astype(float),
        flat.max(axis=1).astype(float),
        np.median(border, axis=1),
    )
