"""What counts as a pixel: shapes, types and the scale that goes with them."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.engines.matrix import Matrix
from imlogit.errors import DataError, ParameterError, PixelScaleWarning
from imlogit.estimators.rows import column_types
from imlogit.system.callers import caller_level
from imlogit.system.text import by

WHITE = 255
PIXEL_SCALE = 1 / WHITE
# Whole numbers from 0 to this or less are more likely counts or codes than pixels (scikit-learn's
# own 8 x 8 digits run from 0 to 16).
LARGEST_COUNT = 16
# Floats that were scaled to [0, 1] may exceed 1 by rounding.
LARGEST_SCALED = 1 + 1e-6


def fit_scale(rows: Matrix, pixel_scale: Any) -> float:
    """Return what the features are multiplied by when a model is fitted.

    Parameters
    ----------
    rows : Matrix of uint8, float32 or float64, shape (n, d)
    pixel_scale : "auto" or float
        "auto" is 1/255 for uint8 and 1 for everything else.

    Raises
    ------
    ParameterError
        If ``pixel_scale`` is neither "auto" nor a positive number.

    Warns
    -----
    PixelScaleWarning
        If "auto" meets whole numbers 0..255 of another type than uint8.
    """
    if isinstance(pixel_scale, str) and pixel_scale == "auto":
        if rows.dtype == np.uint8:
            return PIXEL_SCALE
        if _look_like_pixels(rows):
            warnings.warn(
                f"the features are whole numbers up to {rows.largest:g} of type {rows.dtype}: if "
                "they are pixels, pass them as uint8 (X.astype('uint8')), which imlogit scales "
                "to [0, 1], or set pixel_scale=1/255; pixel_scale=1 takes them as they are",
                PixelScaleWarning,
                stacklevel=caller_level(),
            )
        return 1.0
    number = isinstance(pixel_scale, (int, float, np.number)) and not isinstance(pixel_scale, bool)
    if not (number and np.isfinite(pixel_scale) and pixel_scale > 0):
        raise ParameterError(
            f"pixel_scale={pixel_scale!r} must be 'auto' or a positive number",
            parameter="pixel_scale",
        )
    return float(pixel_scale)


def predict_scale(rows: Matrix, pixel_scale: Any, fitted_scale: float, fitted_dtype: str) -> float:
    """Return what the features are multiplied by when a fitted model predicts.

    Raises
    ------
    DataError
        If the scale of the features cannot be that of the fit; the message names both types.
    """
    if not isinstance(pixel_scale, str):
        return fitted_scale
    if fitted_dtype == "uint8":
        if rows.dtype == np.uint8:
            return PIXEL_SCALE
        largest = max((float(block.max(initial=0.0)) for block in rows.blocks()), default=0.0)
        if largest > LARGEST_SCALED:
            raise DataError(
                f"the model was fitted on uint8 pixels and predicts on uint8, or on floats up to "
                f"1; got {rows.dtype} up to {largest:g}: pass uint8, or divide by 255"
            )
        return 1.0
    if rows.dtype == np.uint8:
        raise DataError(
            f"the model was fitted on {fitted_dtype} features and got uint8 pixels, whose scale "
            f"it cannot know: convert them just as the training data were, to {fitted_dtype}"
        )
    return 1.0


def have_same_shape(given: tuple[int, ...], fitted: tuple[int, ...]) -> bool:
    """Whether images are of one shape; one channel may be left out or named."""
    return given[:2] == fitted[:2] and (given[2:] or (1,)) == (fitted[2:] or (1,))


def check_image_shape(given: tuple[int, ...] | None, fitted: tuple[int, ...] | None) -> None:
    """Refuse images of another shape than the model's."""
    if given is None or fitted is None or have_same_shape(given, fitted):
        return
    raise DataError(
        f"the model was fitted on images of shape {by(fitted)} and got images of shape "
        f"{by(given)}: resize or transpose them"
    )


def check_integers(rows: Any, pixel_scale: Any, fitted_dtype: str) -> None:
    """Refuse whole numbers other than uint8 for a model that was fitted on uint8 pixels.

    Parameters
    ----------
    rows : array or data frame, shape (n, d)
        As `as_rows` returns them.
    """
    if fitted_dtype != "uint8" or not isinstance(pixel_scale, str):
        return
    types = column_types(rows) or [str(getattr(rows, "dtype", ""))]
    if all(re.match(r"u?int\d", one) and not one.startswith("uint8") for one in types):
        raise DataError(
            f"the model was fitted on uint8 pixels and predicts on uint8, or on floats up to 1; "
            f"got {types[0]}: convert pixels with X.astype('uint8')"
        )


def _look_like_pixels(rows: Matrix) -> bool:
    # the first rows decide most cases without a look at all of them
    few = _are_bytes(rows.block(0, 256)) and rows.largest > LARGEST_COUNT
    return few and all(rows.by_block(_are_bytes))


def _are_bytes(part: NDArray[Any]) -> bool:
    whole = part.min(initial=0) >= 0 and part.max(initial=0) <= 255
    return bool(whole and (part == np.floor(part)).all())
