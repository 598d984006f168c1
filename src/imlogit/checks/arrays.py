"""Checks of anyone's arrays and scikit-learn estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from imlogit.checks.estimator import predictor_of
from imlogit.checks.finding import Findings
from imlogit.checks.material import LabelledRows, Material, White
from imlogit.checks.table import run_checks
from imlogit.engines.matrix import as_matrix
from imlogit.engines.memory_map import check_maps
from imlogit.errors import KindError, ParameterError

# Rows of integers from 0 to 255 are taken for square images of at least this side.
SMALLEST_SIDE = 8
BRIGHTEST = 255


def check_arrays(
    X_train: Any,
    y_train: ArrayLike,
    X_test: Any = None,
    y_test: ArrayLike | None = None,
    estimator: Any = None,
    positive: Any = None,
    *,
    cv: Any = None,
) -> Findings:
    """Check training and test data, and a classifier, for mistakes that make its figures wrong.

    Parameters
    ----------
    X_train, X_test : array-like or DataFrame, shape (n, n_features), (n, h, w) or (n, h, w, c)
        uint8 images, or rows of features. Rows that hold the pixels of square images, as
        integers from 0 to 255 or divided by 255, are looked at as images, too.
    y_train, y_test : array-like, shape (n,)
        Labels of any type.
    estimator : estimator, optional
        Any scikit-learn classifier, pipeline or search over C. One that is fitted is scored on
        the test part and, if it is a logistic regression, its distance from the optimum is
        computed.
    positive : optional
        The label looked for, where the estimator tells one from all others. What that was fitted
        on may be True and False, 1 and 0, 1 and -1 or any two names; ``y_train`` may be the
        labels themselves, or already whether they are the one looked for.
    cv : int, splitter or None
        How the training part is to be cross-validated.

    Returns
    -------
    Findings
        One for every check; ``print`` shows those that failed.

    Raises
    ------
    ParameterError
        For a test part without labels or the reverse.
    DataError
        For a memory map whose file was cut short.
    KindError
        For sparse input, and several columns of labels.
    """
    return run_checks(material_of(X_train, y_train, X_test, y_test, estimator, positive, cv=cv))


def material_of(
    X_train: Any,
    y_train: ArrayLike,
    X_test: Any = None,
    y_test: ArrayLike | None = None,
    estimator: Any = None,
    positive: Any = None,
    *,
    cv: Any = None,
) -> Material:
    """Return what checks look at of arrays and an estimator, as `check_arrays` takes them."""
    if (X_test is None) != (y_test is None):
        raise ParameterError("give X_test and y_test, or neither", parameter="y_test")
    if any(issparse(X) for X in (X_train, X_test)):
        raise KindError("sparse input is not taken: give arrays, as X.toarray() makes them")
    check_maps(X_train, X_test, y_train, y_test)
    rows = [_whole(X) for X in (X_train, X_test) if X is not None]
    labels = [np.asarray(y).ravel() for y in (y_train, y_test) if y is not None]
    names = ("training", "test")
    parts = [
        LabelledRows(name, as_matrix(seen), y, np.arange(len(seen)))
        for name, seen, y in zip(names, _as_images(rows), labels, strict=False)
    ]
    if any(np.ndim(y) == 2 and np.shape(y)[1] > 1 for y in (y_train, y_test) if y is not None):
        raise KindError(
            "check_arrays takes one label a row: give each column of several labels by itself, as "
            "y_train[:, 0]"
        )
    sound = all(len(part.rows) == len(part.labels) for part in parts)
    predictor = None
    if estimator is not None and sound:
        predictor = predictor_of(estimator, X_train, labels[0], X_test, positive)
    return Material(
        parts[0],
        parts[1] if len(parts) > 1 else None,
        positive=positive,
        predictor=predictor,
        shuffled=_is_shuffled(cv),
        white=_white(rows, estimator),
    )


def _whole(X: Any) -> NDArray[Any]:
    """Return an array; True and False are white and black."""
    rows = np.asarray(X)
    return rows * np.uint8(BRIGHTEST) if rows.dtype == bool else rows


def _white(rows: list[NDArray[Any]], estimator: Any) -> White | None:
    """Return what a model takes for white: 255 where it divides uint8 pixels by that."""
    scales = estimator is None or hasattr(estimator, "pixel_scale")
    automatic = getattr(estimator, "pixel_scale", "auto") == "auto"
    pixels = all(part.dtype == np.uint8 for part in rows)
    if not (scales and automatic and pixels):
        return None
    return White(BRIGHTEST, "pixel_scale=1/{}")


def _is_shuffled(cv: Any) -> bool | None:
    """Whether folds hold every class; numbers of folds mean stratified ones in scikit-learn."""
    if cv is None:
        return None
    by_class = isinstance(cv, int) or "Stratified" in type(cv).__name__
    return by_class or bool(getattr(cv, "shuffle", False)) or "Shuffle" in type(cv).__name__


def _as_images(rows: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return rows that hold square images' pixels as images, and others as they are."""
    for factor in (1, BRIGHTEST):
        images = [_square(part, factor) for part in rows]
        found = [image for image in images if image is not None]
        if len(found) == len(rows):
            return found
    return rows


def _square(rows: NDArray[Any], factor: int) -> NDArray[np.uint8] | None:
    if rows.ndim != 2 or not rows.size or rows.dtype.kind not in "uif":
        return None
    side = round(rows.shape[1] ** 0.5)
    if side < SMALLEST_SIDE or side * side != rows.shape[1]:
        return None
    scaled = rows if rows.dtype == np.uint8 and factor == 1 else rows * float(factor)
    if factor > 1 and float(np.max(rows)) > 1:
        return None
    pixels = np.clip(np.rint(scaled), 0, BRIGHTEST)
    if factor == 1 and float(pixels.max()) <= 1 and rows.dtype != np.uint8:
        return None
    if not np.allclose(pixels, scaled, rtol=0, atol=1e-3):
        return None
    return pixels.astype(np.uint8).reshape(len(rows), side, side)
