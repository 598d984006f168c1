"""Checks of anyone's arrays and scikit-learn estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from imlogit.checks.finding import Findings
from imlogit.checks.material import FittedModel, LabelledRows, Material, Optimality, equal
from imlogit.checks.table import run_checks
from imlogit.engines.matrix import as_matrix
from imlogit.engines.memory_map import check_maps
from imlogit.errors import KindError, ParameterError
from imlogit.estimators.logistic_cv import GridEdge
from imlogit.estimators.sklearn_gap import last_step, relative_gap

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
        The label looked for, where the estimator tells one from all others.
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
        For sparse input.
    """
    if (X_test is None) != (y_test is None):
        raise ParameterError("give X_test and y_test, or neither", parameter="y_test")
    if any(issparse(X) for X in (X_train, X_test)):
        raise KindError("sparse input is not taken: give arrays, as X.toarray() makes them")
    check_maps(X_train, X_test, y_train, y_test)
    rows = [np.asarray(X) for X in (X_train, X_test) if X is not None]
    labels = [np.asarray(y).ravel() for y in (y_train, y_test) if y is not None]
    names = ("training", "test")
    parts = [
        LabelledRows(name, as_matrix(seen), y, np.arange(len(seen)))
        for name, seen, y in zip(names, _as_images(rows), labels, strict=False)
    ]
    sound = all(len(part.rows) == len(part.labels) for part in parts)
    predictor = None
    if estimator is not None and sound:
        predictor = _predictor(estimator, X_train, labels[0], X_test, positive)
    material = Material(
        parts[0],
        parts[1] if len(parts) > 1 else None,
        positive=positive,
        predictor=predictor,
        shuffled=_is_shuffled(cv),
    )
    return run_checks(material)


def _predictor(estimator: Any, X: Any, y: NDArray[Any], X_test: Any, positive: Any) -> FittedModel:
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return FittedModel(len(np.unique(y.astype(str))))
    model, features = last_step(estimator, X)
    predicted = None if X_test is None else np.asarray(estimator.predict(X_test))
    if predicted is not None and positive is not None and equal(model.classes_, positive).any():
        predicted = equal(predicted, positive)
    return FittedModel(
        len(model.classes_), predicted, _optimality(model, features, y, positive), *_grid(estimator)
    )


def _optimality(model: Any, X: Any, y: NDArray[Any], positive: Any) -> Optimality | None:
    certificate = getattr(model, "certificate_", None)
    if certificate is not None:
        return Optimality(certificate.status, certificate.relative_gap)
    known = set(model.classes_.tolist())
    targets = y if set(y.tolist()) == known else equal(y, positive)
    gap = relative_gap(model, X, targets.astype(model.classes_.dtype))
    return None if gap is None else Optimality(None, gap)


def _grid(estimator: Any) -> tuple[GridEdge | None, bool]:
    """Return at which end of its grid the best C is, and whether there was a grid."""
    if hasattr(estimator, "path_"):
        return estimator.path_.edge, True
    if hasattr(estimator, "best_params_"):
        grids = getattr(estimator, "param_grid", None) or {}
        names = [name for name in grids if name.rpartition("__")[2] == "C"] if dict(grids) else []
        if not names:
            return None, False
        values, best = grids[names[0]], estimator.best_params_[names[0]]
    elif hasattr(estimator, "Cs_"):
        values, best = estimator.Cs_, float(np.ravel(estimator.C_)[0])
    else:
        return None, False
    if len(values) < 2:
        return None, False
    return {min(values): GridEdge.LOW, max(values): GridEdge.HIGH}.get(best), True


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
