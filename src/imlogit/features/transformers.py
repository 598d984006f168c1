"""Feature steps as transformers, by scikit-learn's conventions."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.base import ClassNamePrefixFeaturesOutMixin as NamedOut
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from imlogit.errors import DataError
from imlogit.features.step import WHITE, Step
from imlogit.features.table import STEPS
from imlogit.system.text import by


class StepTransformer(NamedOut, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A step that is fitted to rows or images, and turns others into rows of features.

    Attributes
    ----------
    fitted_ : FittedStep
    image_shape_ : tuple of int
        Of the images that the rows were taken for.
    range_ : tuple of float
        What became 0 and 255: those of uint8 themselves, of other types the least and the largest
        value of the fit.
    n_features_in_ : int
    """

    _step_name = ""

    image_shape: tuple[int, ...] | None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit to training images, without labels.

        Parameters
        ----------
        X : array-like, shape (n, d), (n, h, w) or (n, h, w, c)
            Pixels as uint8; anything else is brought from its own range to 0..255.
        y : ignored

        Raises
        ------
        DataError
            For images that the step cannot work with.
        """
        del y
        parameters = self.get_params(deep=False)
        parameters.pop("image_shape")
        seed = _seed_of(parameters.pop("random_state", 0))
        step = STEPS[self._step_name](**parameters)
        rows = self._rows(X, reset=True)
        self.image_shape_ = self._shape_of(X, rows.shape[1])
        plain = rows.dtype == np.uint8
        self.range_ = (0.0, float(WHITE)) if plain else (float(rows.min()), float(rows.max()))
        self._guessed = self.image_shape is None and not _are_images(X)
        self.fitted_ = step.fit(self._images(rows, step), seed=seed)
        self._n_features_out = self.fitted_.n_features
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the features of images.

        Returns
        -------
        ndarray of uint8, or of float32 for a network, shape (n, n_features_out)

        Raises
        ------
        DataError
            For images of another shape than those of the fit.
        """
        check_is_fitted(self, "fitted_")
        rows = self._rows(X, reset=False)
        given = getattr(X, "shape", ())[1:]
        if len(given) > 1 and given != self.image_shape_:
            raise DataError(
                f"the transformer was fitted on images of shape {by(self.image_shape_)} and got "
                f"images of shape {by(given)}: resize or transpose them"
            )
        made = self.fitted_.transform(self._images(rows, self.fitted_.step))
        return made.reshape(len(made), self.fitted_.n_features)

    def _rows(self, X: Any, *, reset: bool) -> NDArray[Any]:
        if _are_images(X):
            X = X.reshape(len(X), math.prod(X.shape[1:]))
        rows: NDArray[Any] = validate_data(self, X, reset=reset, dtype="numeric")
        return rows

    def _shape_of(self, X: Any, n_values: int) -> tuple[int, ...]:
        """Return the images' shape: as given, their own, a square, or a single line."""
        if _are_images(X):
            shape: tuple[int, ...] = X.shape[1:]
        else:
            side = math.isqrt(n_values)
            shape = (side, side) if side**2 == n_values else (1, n_values)
        if self.image_shape is None:
            return shape
        wanted = tuple(self.image_shape)
        if len(wanted) not in (2, 3) or math.prod(wanted) != n_values:
            raise DataError(
                f"image_shape={wanted} has {math.prod(wanted):,} values, and the rows have "
                f"{n_values:,}",
                parameter="image_shape",
            )
        return wanted

    def _images(self, rows: NDArray[Any], step: Step) -> NDArray[np.uint8]:
        """Return rows as images; those of a guessed shape with a dark edge, if they are small."""
        if rows.dtype != np.uint8:
            low, high = self.range_
            unit = WHITE / (high - low) if high > low else 0.0
            rows = np.clip(np.floor((rows - low) * unit + 0.5), 0, WHITE).astype(np.uint8)
        images = rows.reshape(len(rows), *self.image_shape_)
        if not self._guessed:
            return images
        missing = [max(0, step.least_side - side) for side in self.image_shape_[:2]]
        return np.pad(images, ((0, 0), (0, missing[0]), (0, missing[1])))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


class Pixels(StepTransformer):
    """The pixels themselves.

    Parameters
    ----------
    image_shape : tuple of int, optional
        (h, w) or (h, w, c) of rows; by default those of images (n, h, w) or (n, h, w, c) are their
        own, and rows are square grey images, or else single lines.
    """

    _step_name = "pixels"

    def __init__(self, *, image_shape: tuple[int, ...] | None = None) -> None:
        self.image_shape = image_shape


class Deskew(StepTransformer):
    """Slanted strokes set upright by their moments, in grey images, bright on dark.

    Parameters
    ----------
    image_shape : tuple of int, optional
        (h, w) of rows; by default they are square images, or else single lines.
    """

    _step_name = "deskew"

    def __init__(self, *, image_shape: tuple[int, ...] | None = None) -> None:
        self.image_shape = image_shape


class Hog(StepTransformer):
    """Histograms of oriented gradients over a pyramid of grids.

    Parameters
    ----------
    cells : int, default=8
        Cells across and down of the finest grid.
    levels : int, default=2
        Grids, each of half as many cells.
    orientations : int, default=9
        Directions that are told apart.
    signed : bool, default=True
        Whether an edge from dark to bright differs from one from bright to dark.
    colour : bool, default=False
        Count every colour, instead of the strongest at a pixel.
    image_shape : tuple of int, optional
        (h, w) or (h, w, c) of rows; by default they are square grey images, or else single lines.
    """

    _step_name = "hog"

    def __init__(
        self,
        *,
        cells: int = 8,
        levels: int = 2,
        orientations: int = 9,
        signed: bool = True,
        colour: bool = False,
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.cells = cells
        self.levels = levels
        self.orientations = orientations
        self.signed = signed
        self.colour = colour
        self.image_shape = image_shape


class Patches(StepTransformer):
    """Responses to whitened patches of the training images, pooled over a grid.

    Parameters
    ----------
    filters : int, default=256
        How many patches images are compared with.
    size : int, default=7
        The side of a patch in pixels.
    grid : int, default=4
        Cells across and down over which responses are summed.
    threshold : float, default=0.25
        What a response must exceed, either way.
    by : {"random", "kmeans"}, default="random"
        How patches are found: drawn at random, or as the centres of spherical k-means over many.
    image_shape : tuple of int, optional
        (h, w) or (h, w, c) of rows; by default they are square grey images, or else single lines.
    random_state : int, RandomState or None, default=None
        Seeds the draw of patches; None is a fixed seed, so that equal input gives equal bits.

    Examples
    --------
    >>> import imlogit
    >>> from sklearn.pipeline import make_pipeline
    >>> images = imlogit.load("mnist-5k")
    >>> patches = imlogit.features.Patches(filters=16, image_shape=(28, 28))
    >>> model = make_pipeline(patches, imlogit.LogisticRegression(C=0.1, tol=1e-3))
    >>> rows = images.images.reshape(len(images), -1)
    >>> model = model.fit(rows[::10], images.labels[::10])
    >>> bool(model.score(rows[1::10], images.labels[1::10]) > 0.8)
    True
    """

    _step_name = "patches"

    def __init__(
        self,
        *,
        filters: int = 256,
        size: int = 7,
        grid: int = 4,
        threshold: float = 0.25,
        by: str = "random",
        image_shape: tuple[int, ...] | None = None,
        random_state: Any = None,
    ) -> None:
        self.filters = filters
        self.size = size
        self.grid = grid
        self.threshold = threshold
        self.by = by
        self.image_shape = image_shape
        self.random_state = random_state


class Onnx(StepTransformer):
    """What an image network in an ONNX file says: a frozen backbone, run by onnxruntime.

    Parameters
    ----------
    file : str
        The network's.
    output : str, default=""
        Which of its outputs; empty for the last that pooling makes.
    size : str, default=""
        What images are brought to, as in "224" or "224x160"; here and below empty for what the
        file says, or a ``preprocessor_config.json`` beside it.
    mean, std : str, default=""
        Of pixels / 255: one number, or three as in "0.485:0.456:0.406".
    layout : {"auto", "NCHW", "NHWC"}, default="auto"
    order : {"auto", "rgb", "bgr"}, default="auto"
    batch : int, default=0
        Images a call; 0 is 8, or 64 on a GPU.
    sha256 : str, default=""
        The file's, if another is to be refused.
    image_shape : tuple of int, optional
        (h, w) or (h, w, c) of rows; by default they are square grey images, or else single lines.
    """

    _step_name = "onnx"

    def __init__(
        self,
        file: str = "",
        *,
        output: str = "",
        size: str = "",
        mean: str = "",
        std: str = "",
        layout: str = "auto",
        order: str = "auto",
        batch: int = 0,
        sha256: str = "",
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.file = file
        self.output = output
        self.size = size
        self.mean = mean
        self.std = std
        self.layout = layout
        self.order = order
        self.batch = batch
        self.sha256 = sha256
        self.image_shape = image_shape


def _are_images(X: Any) -> bool:
    return isinstance(X, np.ndarray) and X.ndim in (3, 4)


def _seed_of(random_state: Any) -> int:
    """Return the seed that a random state says; None is 0."""
    if random_state is None or isinstance(random_state, (int, np.integer)):
        return int(random_state or 0)
    return int(check_random_state(random_state).randint(2**31 - 1))
