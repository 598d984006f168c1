"""Why a model says what it says: evidence pixel by pixel, and telling images."""

from __future__ import annotations

from typing import NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from imlogit.arrays import Floats, Pixels
from imlogit.core.links import codes_of_probabilities
from imlogit.engines.scaled_matrix import row_norms
from imlogit.errors import ParameterError

PER_SIDE = 10


class Evidence(NamedTuple):
    """The terms of one image's margin.

    Attributes
    ----------
    toward, against : int
        The classes, as positions in ``classes_``, between which the margin decides; where it is
        positive, ``toward`` is the more probable one.
    pixels : ndarray of float64, shape (d,) or that of the image
        Weight times the pixel's value as it is fitted, a term each pixel and channel; of features
        what they spread over the pixels that they were made of.
    intercept : float
    margin : float
        Their sum: the logarithm of the odds between the two classes.
    by_occlusion : bool
        Whether, instead, ``pixels`` are what the margin loses where a region is hidden: then they
        do not add up to it.
    """

    toward: int
    against: int
    pixels: Floats
    intercept: float
    margin: float
    by_occlusion: bool = False

    @property
    def by_place(self) -> Floats:
        """The terms of each pixel, those of its channels added up: shape (d,) or (h, w)."""
        return self.pixels.sum(axis=2) if self.pixels.ndim == 3 else self.pixels


class Maps(Protocol):
    """What makes features of images, and gives each pixel its share of what these carry."""

    @property
    def scale(self) -> float:
        """What a feature is multiplied by."""
        ...

    @property
    def adds_up(self) -> bool:
        """Whether the shares of pixels add up to the margin."""
        ...

    def transform(self, images: Pixels) -> NDArray[np.generic]:
        """Return the features of images, (n, n_features)."""
        ...

    def evidence(self, images: Pixels, weights: Floats) -> Floats:
        """Return each pixel's share of the weighted features, (n, *shape), which it adds up to."""
        ...


class Linear(Protocol):
    """What is explained: one linear map of an image, scaled, or of its features."""

    @property
    def weights(self) -> Floats:
        """One row for two classes, else one for each, shape (k, d)."""
        ...

    @property
    def intercept(self) -> Floats:
        """One number a row, shape (k,)."""
        ...

    @property
    def scale(self) -> float:
        """What a value of the image is multiplied by."""
        ...

    @property
    def normalize(self) -> str | None:
        """The norm that rows are divided by; None where they are not."""
        ...

    @property
    def features(self) -> Maps | None:
        """What becomes of the image before; None where it stays as it is."""
        ...


def evidence_of(
    model: Linear,
    image: NDArray[np.generic],
    probabilities: Floats,
    toward: int | None = None,
    against: int | None = None,
) -> Evidence:
    """Return what each pixel of an image adds to the margin.

    Parameters
    ----------
    model : Linear
    image : ndarray, shape (d,), (h, w) or (h, w, c)
        One image, as the model takes them.
    probabilities : ndarray of float64, shape (n_classes,)
        What the model says of it.
    toward, against : int, optional
        Places of classes. By default the positive class against the negative one, or the most
        probable of several against the second.

    Returns
    -------
    Evidence

    Raises
    ------
    ParameterError
        For classes that there are not.
    """
    n_classes = len(probabilities)
    toward, against = _sides(probabilities, toward, against)
    if toward == against or not {toward, against} <= set(range(n_classes)):
        raise ParameterError(
            f"classes {toward} and {against}: give two different ones of {n_classes}"
        )
    if n_classes == 2:
        sign = 1 if toward == 1 else -1
        weights, intercept = sign * model.weights[0], sign * float(model.intercept[0])
    else:
        weights = model.weights[toward] - model.weights[against]
        intercept = float(model.intercept[toward] - model.intercept[against])
    pixels = _terms(model, image, weights)
    if model.features is None or model.features.adds_up:
        return Evidence(toward, against, pixels, intercept, float(pixels.sum()) + intercept)
    features = model.features.transform(cast("Pixels", image[None])).astype(np.float64)
    margin = float(features[0] @ weights) * model.scale / _norm(model, features) + intercept
    return Evidence(toward, against, pixels, intercept, margin, by_occlusion=True)


def _terms(model: Linear, image: NDArray[np.generic], weights: Floats) -> Floats:
    """Return what each pixel carries; of features, as these spread it over the image."""
    if model.features is not None:
        images = cast("Pixels", image[None])
        scale = model.scale / _norm(model, model.features.transform(images))
        return model.features.evidence(images, weights * (scale / model.features.scale))[0]
    row = image.reshape(1, -1).astype(np.float64)
    pixels: Floats = weights * (row[0] * (model.scale / _norm(model, row)))
    return pixels.reshape(image.shape)


def _norm(model: Linear, rows: NDArray[np.generic]) -> float:
    """Return what the one row is divided by; a row of zeros stays as it is."""
    if model.normalize is None:
        return 1.0
    return float(row_norms(rows.astype(np.float64))[0]) or 1.0


def _sides(probabilities: Floats, toward: int | None, against: int | None) -> tuple[int, int]:
    """Fill in the classes that were not asked for."""
    if toward is not None and against is not None:
        return toward, against
    if len(probabilities) == 2 and toward is None and against is None:
        return 1, 0
    order = probabilities.argsort()[::-1].tolist()
    if toward is None:
        toward = next(code for code in order if code != against)
    return toward, next(code for code in order if code != toward) if against is None else against


class Exemplars(NamedTuple):
    """Telling images of one class, as rows of the probabilities.

    Attributes
    ----------
    typical : ndarray of intp
        Those that the model is surest of, and right; the surest first.
    surprising : ndarray of intp
        Those that the model is surest are of another class: the worst mistakes first.
    undecided : ndarray of intp
        Those nearest the boundary between two classes; the nearest first.
    """

    typical: NDArray[np.intp]
    surprising: NDArray[np.intp]
    undecided: NDArray[np.intp]


def exemplars(
    codes: NDArray[np.integer],
    probabilities: Floats,
    code: int,
    n: int = PER_SIDE,
    threshold: float | None = None,
) -> Exemplars:
    """Return the most typical, most surprising and least decided images of a class.

    Parameters
    ----------
    codes : ndarray of int, shape (n_images,)
        True classes.
    probabilities : ndarray of float64, shape (n_images, n_classes)
    code : int
        The class.
    n : int
        At most so many of each kind.
    threshold : float, optional
        As in `imlogit.evaluation.scores.score`.
    """
    rows = np.flatnonzero(codes == code)
    p = probabilities[rows]
    own = p[:, code]
    right = codes_of_probabilities(p, threshold) == code
    if threshold is None:
        two = np.sort(p, axis=1)[:, -2:]
        apart = two[:, 1] - two[:, 0]
    else:
        apart = np.abs(logit(p[:, 1]) - logit(threshold))
    return Exemplars(
        rows[right][np.argsort(-own[right], kind="stable")][:n],
        rows[~right][np.argsort(own[~right], kind="stable")][:n],
        rows[np.argsort(apart, kind="stable")][:n],
    )
