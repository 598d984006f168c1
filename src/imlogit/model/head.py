"""A fitted model as any library computes it: one linear map, a link, and a rule for the label.

Exported formats write it, and `imlogit predict` computes it without an estimator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.links import codes_of_margins, link_of, probabilities
from imlogit.errors import ExportError
from imlogit.model.fields import SavedModel

if TYPE_CHECKING:
    from imlogit.estimators.logistic import LogisticRegression


@dataclass(frozen=True, eq=False)
class Head:
    """A fitted model as other libraries compute it.

    The margins are ``scale * x . w + b``. The link turns them into probabilities: "sigmoid" for
    two classes, "softmax", or "one-vs-rest", sigmoids that are made to add up to one. The label
    is the index of the largest probability; with a threshold it is 1 from that probability of
    the second class on, else 0.

    Attributes
    ----------
    weights : ndarray of float64, shape (k, d)
        One row for two classes, else one for each.
    intercept : ndarray of float64, shape (k,)
    scale : float
        What a value of the input is multiplied by.
    shape : tuple of int
        Of one image; (d,) for rows that are not images.
    dtype : {"uint8", "float32"}
        Of the input: pixels where the model was fitted on uint8, else features.
    link : {"sigmoid", "softmax", "one-vs-rest"}
    threshold : float or None
    class_names : tuple of str
        What the label's index means.
    """

    weights: Floats
    intercept: Floats
    scale: float
    shape: tuple[int, ...]
    dtype: str
    link: str
    threshold: float | None
    class_names: tuple[str, ...]

    @property
    def input_name(self) -> str:
        """What the input is called."""
        return "images" if len(self.shape) > 1 else "features"

    @property
    def n_features(self) -> int:
        """Numbers in one input."""
        return math.prod(self.shape)

    @property
    def each_weights(self) -> Floats:
        """Weights for every class, shape (n_classes, d): of two, opposite ones."""
        return _each(self.weights)

    @property
    def each_intercept(self) -> Floats:
        """Intercepts for every class, shape (n_classes,)."""
        return _each(self.intercept)


class Answers(NamedTuple):
    """What a model or a file says: probabilities (n, n_classes) and labels' indices (n,)."""

    probabilities: Floats
    labels: Rows


def _each(own: Floats) -> Floats:
    return np.concatenate([-own, own]) if len(own) == 1 else own


def head_of(estimator: LogisticRegression, class_names: Sequence[str] | None = None) -> Head:
    """Return what is exported of a fitted model.

    Parameters
    ----------
    estimator : LogisticRegression
        Fitted.
    class_names : sequence of str, optional
        By default the labels as text.

    Raises
    ------
    sklearn.exceptions.NotFittedError
    ExportError
        For another number of names than classes, or names that occur twice.
    """
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    labels = tuple(map(str, estimator.classes_ if class_names is None else class_names))
    if len(labels) != len(estimator.classes_):
        raise ExportError(f"{len(labels)} class names for {len(estimator.classes_)} classes.")
    if len(set(labels)) < len(labels):
        raise ExportError("Two classes have the same name: give class_names that differ.")
    return Head(
        weights=estimator.coef_,
        intercept=estimator.intercept_,
        scale=estimator.pixel_scale_,
        shape=estimator.image_shape_ or (estimator.n_features_in_,),
        dtype=_dtype(estimator.fitted_dtype_),
        link=link_of(len(estimator.coef_), estimator.multi_class),
        threshold=estimator.threshold_,
        class_names=labels,
    )


def head_of_file(content: SavedModel) -> Head:
    """Return what a model file computes."""
    return Head(
        weights=content.coef,
        intercept=content.intercept,
        scale=content.pixel_scale,
        shape=content.image_shape or (content.coef.shape[1],),
        dtype=_dtype(content.fitted_dtype),
        link=link_of(len(content.coef), content.multi_class),
        threshold=content.threshold,
        class_names=content.names,
    )


def _dtype(fitted_dtype: str) -> str:
    return "uint8" if fitted_dtype == "uint8" else "float32"


def answer(head: Head, inputs: NDArray[np.generic]) -> Answers:
    """Return what a head says of inputs (n, *shape), in float64."""
    rows = inputs.reshape(len(inputs), -1).astype(np.float64)
    margins = (rows * head.scale) @ head.weights.T + head.intercept
    return Answers(probabilities(margins, head.link), codes_of_margins(margins, head.threshold))
