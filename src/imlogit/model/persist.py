"""Fitted models on disk: `save_model` and `load_model` between estimators and `.imlogit` files."""

from __future__ import annotations

from dataclasses import fields
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.core.certificate import Certificate
from imlogit.data.image_set import ImageSet
from imlogit.errors import ModelFileError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.estimators.pixels import PIXEL_SCALE
from imlogit.model.fields import SavedModel
from imlogit.model.file import read, write

# What the labels of a model file may be, by the kind of NumPy's types.
_KINDS = {"U": "str", "i": "int", "u": "int", "f": "float", "b": "bool"}


def save_model(
    estimator: LogisticRegression,
    path: str | PathLike[str],
    *,
    image_set: ImageSet | None = None,
    positive: str | None = None,
) -> None:
    """Save a fitted model to a file that holds nothing executable.

    Parameters
    ----------
    estimator : LogisticRegression
        Fitted.
    path : path-like
        Replaced in one step; on any error what was there stays.
    image_set : ImageSet, optional
        What the model was fitted on: its name and its hash are kept.
    positive : str, optional
        The label looked for, where the classes are False and True.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        For a model that is not fitted.
    ModelFileError
        For labels that are neither text, numbers nor booleans, or weights that are not finite.
    OutputError
        If the file cannot be written.
    """
    write(path, to_file(estimator, image_set=image_set, positive=positive))


def load_model(path: str | PathLike[str]) -> LogisticRegression:
    """Load a fitted model.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    LogisticRegression
        Fitted; it predicts bit for bit what the saved one predicted. Of the parameters that
        only steer a fit, C, tol, fit_intercept and multi_class are kept.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, altered, of a later format, or not a model file.
    """
    return from_file(read(path))


def to_file(
    estimator: LogisticRegression,
    *,
    image_set: ImageSet | None = None,
    positive: str | None = None,
) -> SavedModel:
    """Return what a model file holds of a fitted estimator."""
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    classes = _plain(estimator.classes_)
    C = estimator.C_ if hasattr(estimator, "C_") else estimator.C  # chosen, or given
    return SavedModel(
        coef=estimator.coef_,
        intercept=estimator.intercept_,
        classes=tuple(classes),
        classes_dtype=_KINDS.get(np.asarray(classes).dtype.kind, str(estimator.classes_.dtype)),
        image_shape=estimator.image_shape_,
        pixel_scale=estimator.pixel_scale_,
        fitted_dtype=estimator.fitted_dtype_,
        multi_class=estimator.multi_class,
        data_name=image_set.name if image_set is not None else None,
        data_sha256=image_set.sha256 if image_set is not None else None,
        positive=positive,
        threshold=estimator.threshold_,
        certificate=estimator.certificate_.to_dict()
        | {"C": str(float(C)), "fit_intercept": bool(estimator.fit_intercept)},
        versions=_versions(),
    )


def from_file(content: SavedModel) -> LogisticRegression:
    """Return the fitted estimator that a model file describes.

    Raises
    ------
    ModelFileError
        If its certificate does not say what was fitted.
    """
    try:
        certificate = Certificate.from_dict(content.certificate)
        C = float(content.certificate["C"])
        fit_intercept = bool(content.certificate.get("fit_intercept", True))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"the certificate of the model is incomplete ({error!r}). Fit and save the model again."
        ) from error
    estimator = LogisticRegression(
        C=C,
        fit_intercept=fit_intercept,
        pixel_scale=_pixel_scale(content),
        tol=certificate.tol,
        multi_class=content.multi_class,
    )
    estimator.classes_ = np.array(content.classes)
    estimator.coef_ = content.coef
    estimator.intercept_ = content.intercept
    estimator.n_iter_ = np.full(len(content.coef), certificate.iterations, dtype=np.int32)
    estimator.n_features_in_ = content.coef.shape[1]
    estimator.certificate_ = certificate
    estimator.threshold_ = content.threshold
    estimator.image_shape_ = content.image_shape
    estimator.pixel_scale_ = content.pixel_scale
    estimator.fitted_dtype_ = content.fitted_dtype
    return estimator


def _pixel_scale(content: SavedModel) -> float | str:
    """Return "auto" where that is the scale of the fit, else the scale that was given."""
    automatic = PIXEL_SCALE if content.fitted_dtype == "uint8" else 1.0
    return "auto" if content.pixel_scale == automatic else content.pixel_scale


def _plain(classes: NDArray[Any]) -> list[Any]:
    """Return labels as Python's own types; NumPy's text may be an array of objects."""
    plain: list[Any] = classes.tolist()
    return plain


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from imlogit import __version__

    others = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "numba")}
    return {"imlogit": __version__} | others


def describe(content: SavedModel) -> dict[str, Any]:
    """Return everything in a model file but the weights, for a program."""
    described = {
        field.name: getattr(content, field.name)
        for field in fields(content)
        if field.name not in ("coef", "intercept")
    }
    return described | {
        "n_features": content.coef.shape[1],
        "intercept": content.intercept.tolist(),
    }
