"""A fitted model as any library computes it: one linear map, a link, and a rule for the label.

Whatever is said of an image, `predict`, `evaluate`, `explain`, the test part of a run and what
exports are proved by, is what `Head.answer` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels, Rows
from imlogit.core.links import (
    INDEPENDENT,
    codes_of_margins,
    labels_of_margins,
    link_of,
    probabilities,
)
from imlogit.engines.scaled_matrix import normalized, row_norms
from imlogit.errors import DataError, ModelFileError
from imlogit.features.chain import CHUNK_ROWS, FittedChain
from imlogit.features.step import NoFeaturesError
from imlogit.model.fields import SavedModel
from imlogit.system.text import by
from imlogit.system.threads import SingleThreadedBlas

# Rows that are multiplied together, always so many: the last ones are filled up, so that what is
# said of an image does not depend on which others are asked for with it.
BLOCK_ROWS = 64
WHITE = 255.0


class Answers(NamedTuple):
    """What a model or a file says: probabilities (n, n_classes) and labels' codes (n,).

    Of labels of which a row has any number: 0 and 1, (n, n_classes).
    """

    probabilities: Floats
    labels: Rows


@dataclass(frozen=True, eq=False)
class Head:
    """A fitted model as other libraries compute it.

    The margins are ``scale * x . w + b``, of ``x / |x|`` where rows are normalised. The link turns
    them into probabilities: "sigmoid" for two classes, "softmax", or "one-vs-rest", sigmoids that
    are made to add up to one; or "independent", a sigmoid for each of any number of labels, of
    which a row has those that are more probable than not. Else the label is the index of the
    largest probability; with a threshold it is 1 from that probability of the second class on,
    else 0.

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
    link : {"sigmoid", "softmax", "one-vs-rest", "independent"}
    threshold : float or None
    class_names : tuple of str
        What the label's index means.
    normalize : "l2" or None
        The norm that every row is divided by.
    features : FittedChain or None
        What becomes of images before they are multiplied; None where they stay as they are.

    Raises
    ------
    DataError
        For features that are not of such images, or not as many as there are weights.
    """

    weights: Floats
    intercept: Floats
    scale: float
    shape: tuple[int, ...]
    dtype: str
    link: str
    threshold: float | None
    class_names: tuple[str, ...]
    normalize: str | None = None
    features: FittedChain | None = None

    def __post_init__(self) -> None:
        if self.features is None:
            return
        if self.features.input_shape != self.shape:
            raise DataError(
                f"{self.features} was fitted on images of shape {by(self.features.input_shape)}, "
                f"and the model takes {by(self.shape)}: fit both on the same images"
            )
        if self.features.n_features != self.weights.shape[1]:
            raise DataError(
                f"{self.features} makes {self.features.n_features:,} features, and there are "
                f"{self.weights.shape[1]:,} weights: fit the model on those features"
            )

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

    def answer(self, inputs: NDArray[np.generic]) -> Answers:
        """Return what the model says of inputs (n, *shape), in float64.

        The same input has the same answer, bit for bit, among any others.
        """
        margins = np.empty((len(inputs), len(self.weights)))
        # features of all images at once may be more than memory holds
        for start in range(0, len(inputs), CHUNK_ROWS):
            try:
                rows = self._rows(np.asarray(inputs[start : start + CHUNK_ROWS]))
            except NoFeaturesError as error:
                raise error.after(start) from None
            self._multiply(rows, margins[start : start + CHUNK_ROWS])
        return self._answers(margins)

    def answer_rows(self, rows: NDArray[np.generic]) -> Answers:
        """Return what `answer` says of images, of their features (n, d) as they were made."""
        margins = np.empty((len(rows), len(self.weights)))
        self._multiply(rows, margins)
        return self._answers(margins)

    def _answers(self, margins: Floats) -> Answers:
        margins += self.intercept
        if self.link == INDEPENDENT:
            return Answers(probabilities(margins, INDEPENDENT), labels_of_margins(margins))
        return Answers(probabilities(margins, self.link), codes_of_margins(margins, self.threshold))

    def _rows(self, inputs: NDArray[np.generic]) -> NDArray[np.generic]:
        if self.features is not None:
            return self.features.transform(cast("Pixels", inputs))  # refuses all others
        return inputs.reshape(len(inputs), -1)

    def _multiply(self, rows: NDArray[np.generic], margins: Floats) -> None:
        """Write the margins of rows (n, d), without intercepts."""
        block = np.zeros((BLOCK_ROWS, rows.shape[1]))
        scaled = (self.weights * self.scale).T
        with SingleThreadedBlas():
            for start in range(0, len(rows), BLOCK_ROWS):
                some = rows[start : start + BLOCK_ROWS]
                block[: len(some)] = some
                ready = block if self.normalize is None else normalized(block, row_norms(block))
                margins[start : start + BLOCK_ROWS] = (ready @ scaled)[: len(some)]


def _each(own: Floats) -> Floats:
    return np.concatenate([-own, own]) if len(own) == 1 else own


def white_of(pixel_scale: float) -> float:
    """Return the pixel that is white to a model: 255, or a smaller one that becomes 1."""
    white = 1 / pixel_scale if pixel_scale > 0 else WHITE
    return white if 1 <= white <= WHITE else WHITE


def head_of(model: SavedModel) -> Head:
    """Return what a model computes.

    Raises
    ------
    ModelFileError
        For feature steps that this version does not make, or that do not belong to the weights.
    """
    try:
        return _head_of(model)
    except DataError as error:
        what = " ".join(str(error).split()).rstrip(".")
        raise ModelFileError(f"The model cannot be used: {what}.") from None


def _features_of(model: SavedModel) -> FittedChain:
    if isinstance(model.maker, FittedChain):
        return model.maker
    return FittedChain.from_parts(model.features or {}, model.feature_arrays, model.maker)


def _head_of(model: SavedModel) -> Head:
    features = None
    if model.features is not None:
        features = _features_of(model)
    return Head(
        weights=model.coef,
        intercept=model.intercept,
        scale=model.pixel_scale,
        shape=model.image_shape or (model.coef.shape[1],),
        dtype="uint8" if model.fitted_dtype == "uint8" else "float32",
        link=INDEPENDENT if model.multi_label else link_of(len(model.coef), model.multi_class),
        threshold=model.threshold,
        class_names=model.names,
        normalize=model.normalize,
        features=features,
    )
