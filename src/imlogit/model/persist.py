"""Fitted models: estimators as values that can be saved, and back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imlogit.arrays import Pixels
from imlogit.core.certificate import Certificate
from imlogit.data.image_set import ImageSet
from imlogit.errors import KindError, ModelFileError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.estimators.pixels import PIXEL_SCALE
from imlogit.model.fields import SavedModel
from imlogit.model.file import read, write
from imlogit.model.fingerprints import fingerprints_of
from imlogit.system.atomic import refuse_replacing

if TYPE_CHECKING:
    from imlogit.features.chain import FittedChain

# The model's, in a run's folder.
FILE_NAME = "model.imlogit"
# What a step is called that is a function, and no file holds.
FUNCTION = "python"
# The folder of the network whose output it takes, beside it.
BACKBONE = "backbone"
# What the labels of a model file may be, by the kind of NumPy's types.
_KINDS = {"U": "str", "i": "int", "u": "int", "f": "float", "b": "bool"}


def save_model(
    estimator: LogisticRegression,
    path: str | os.PathLike[str],
    *,
    image_set: ImageSet | None = None,
    positive: str | None = None,
    force: bool = False,
) -> None:
    """Save a fitted model to a file that holds nothing executable.

    Parameters
    ----------
    estimator : LogisticRegression
        Fitted.
    path : path-like
        Written in one step; on any error what was there stays.
    image_set : ImageSet, optional
        What the model was fitted on: its name, its hash, how it was brought to one size, what its
        classes are called and fingerprints of its training part are kept.
    positive : str, optional
        The label looked for: where the classes are False and True, what True is called; of two
        other classes, the second.
    force : bool, default=False
        Replace a file that is there.

    Raises
    ------
    KindError
        For another kind of model, such as a pipeline.
    sklearn.exceptions.NotFittedError
        For a model that is not fitted.
    ModelFileError
        For labels that are neither text, numbers nor booleans, weights that are not finite, and a
        positive label that is not the second of two.
    OutputError
        If the path exists, or cannot be written.
    """
    model = saved_model_of(estimator, image_set=image_set, positive=positive)
    if not force:
        refuse_replacing(path)
    write(path, model)


def load_model(path: str | os.PathLike[str]) -> LogisticRegression:
    """Load a fitted model.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    LogisticRegression
        Fitted; it predicts bit for bit what the saved one predicted. Of the parameters that
        only steer a fit, C, tol, fit_intercept and multi_class are kept; ``standardize`` is in the
        weights already.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, altered, of a later format, or not a model file, and for
        a model that makes features of images.
    """
    return estimator_of(read(path))


def open_model(
    model: LogisticRegression | SavedModel | str | os.PathLike[str],
    backbone: str | os.PathLike[str] | None = None,
) -> SavedModel:
    """Return a model as a value, whether it is one, an estimator, a model file or a run's folder.

    Parameters
    ----------
    model : LogisticRegression, SavedModel or path-like
    backbone : path-like, optional
        Where the network lies whose output the model takes, if it does and the network is not
        beside it.

    Raises
    ------
    ModelFileError
        As `load_model` and `save_model`.
    """
    if isinstance(model, (str, os.PathLike)):
        path = Path(model) / FILE_NAME if Path(model).is_dir() else Path(model)
        found = read(path)
        beside = _beside(path, found)
        return (
            found
            if beside is None and backbone is None
            else replace(found, maker=backbone or beside)
        )
    found = model if isinstance(model, SavedModel) else saved_model_of(model)
    return found if backbone is None else replace(found, maker=backbone)


def refuse_function(model: SavedModel) -> None:
    """Refuse to save a model of features that a function of Python makes.

    Raises
    ------
    ModelFileError
    """
    steps = [] if model.features is None else model.features["steps"]
    for step in steps:
        if step["name"] == FUNCTION:
            name = step["parameters"]["function"]
            raise ModelFileError(
                f"The features are made by a function of Python, {name}, which no model file "
                "holds: save the features with numpy.save, and fit them with imlogit.linear_probe."
            )


def backbone_of(model: SavedModel) -> str | None:
    """Return the name of the file of the network whose output a model takes, if it does."""
    steps = [] if model.features is None else model.features["steps"]
    named = [step["parameters"].get("file") for step in steps if step["name"] == "onnx"]
    # whoever made the file may have named what lies elsewhere
    return Path(named[0]).name if named and isinstance(named[0], str) else None


def _beside(path: Path, model: SavedModel) -> Path | None:
    """Return where the network of a model lies, if it is beside the model's file."""
    name = backbone_of(model)
    places = [] if name is None else [path.parent / BACKBONE / name, path.parent / name]
    return next((place for place in places if place.is_file()), None)


def saved_model_of(
    estimator: LogisticRegression,
    *,
    image_set: ImageSet | None = None,
    positive: str | None = None,
    class_names: Sequence[str] | None = None,
    fitted_on: Pixels | None = None,
    features: FittedChain | None = None,
) -> SavedModel:
    """Return a fitted estimator as a value: all that a model file holds.

    Parameters
    ----------
    estimator : LogisticRegression
        Fitted.
    image_set, positive
        As of `save_model`.
    class_names : sequence of str, optional
        What the classes are called, in the order of ``classes_``, where the estimator was fitted
        on their codes; of any number of labels a row, what these are, which else are numbered.
    fitted_on : ndarray of uint8, shape (n, h, w) or (n, h, w, c), optional
        The images of the fit; by default the training part of ``image_set``.
    features : FittedChain, optional
        What made of those images the rows that the estimator was fitted on.

    Raises
    ------
    KindError
    sklearn.exceptions.NotFittedError
    ModelFileError
        As `save_model`.
    """
    from sklearn.utils.validation import check_is_fitted

    _check_is_ours(estimator)
    check_is_fitted(estimator)
    many = isinstance(estimator.classes_, list)
    known = np.arange(len(estimator.classes_)) if many else estimator.classes_
    labels = known if class_names is None else class_names
    # as Python's own types: NumPy's text may be an array of objects
    classes = [one.item() if isinstance(one, np.generic) else one for one in labels]
    if fitted_on is None and image_set is not None:
        fitted_on = image_set.train.images
    described, arrays = (None, {}) if features is None else features.to_parts()
    C = estimator.C_ if hasattr(estimator, "C_") else estimator.C  # chosen, or given
    return SavedModel(
        coef=estimator.coef_,
        intercept=estimator.intercept_,
        classes=tuple(classes),
        classes_dtype=_KINDS.get(np.asarray(classes).dtype.kind, str(known.dtype)),
        image_shape=estimator.image_shape_ if features is None else features.input_shape,
        pixel_scale=estimator.pixel_scale_,
        # of the images, whatever their features are
        fitted_dtype=estimator.fitted_dtype_ if features is None else "uint8",
        multi_class=estimator.multi_class,
        data_name=image_set.name if image_set is not None else None,
        data_sha256=image_set.sha256 if image_set is not None else None,
        positive=positive,
        threshold=estimator.threshold_,
        normalize=estimator.normalize_,
        fit=image_set.fit if image_set is not None else None,
        rest=_rest(classes, image_set, positive),
        fingerprints=None if fitted_on is None else fingerprints_of(fitted_on),
        features=described,
        feature_arrays=arrays,
        multi_label=True if many else None,
        maker=features,
        certificate=estimator.certificate_.to_dict()
        | {"C": str(float(C)), "fit_intercept": bool(estimator.fit_intercept)},
        versions=_versions(),
    )


def _rest(
    classes: list[Any], image_set: ImageSet | None, positive: str | None
) -> tuple[str, ...] | None:
    """Return the labels that are not looked for, where the model does not have them as classes."""
    if image_set is None or positive not in image_set.class_names or classes != [False, True]:
        return None
    return tuple(name for name in image_set.class_names if name != positive) or None


def _check_is_ours(estimator: Any) -> None:
    if not isinstance(estimator, LogisticRegression):
        kind = type(estimator)
        raise KindError(
            "a model file holds an imlogit.LogisticRegression, and this is a "
            f"{kind.__module__.partition('.')[0]}.{kind.__name__}: fit one, or of a pipeline give "
            "its last step"
        )


def estimator_of(model: SavedModel) -> LogisticRegression:
    """Return the fitted estimator that a saved model describes.

    Raises
    ------
    ModelFileError
        For a model that makes features of images, which an estimator does not.
    """
    if model.features is not None:
        steps = "+".join(step["name"] for step in model.features["steps"])
        raise ModelFileError(
            f"The model makes features of images ({steps}), which an estimator does not: give the "
            "file to imlogit.predict, evaluate or explain, or fit with features='pixels'."
        )
    certificate = Certificate.from_dict(model.certificate)
    estimator = LogisticRegression(
        C=float(model.certificate["C"]),
        fit_intercept=model.certificate.get("fit_intercept", True),
        pixel_scale=_pixel_scale(model),
        tol=certificate.tol,
        multi_class=model.multi_class,
        normalize=model.normalize,
    )
    estimator.classes_ = np.array(model.classes)
    if model.multi_label:  # which of them a row has
        estimator.classes_ = [np.array([0, 1]) for _ in model.classes]
    estimator.coef_ = model.coef
    estimator.intercept_ = model.intercept
    estimator.n_iter_ = np.full(len(model.coef), certificate.iterations, dtype=np.int32)
    estimator.n_features_in_ = model.coef.shape[1]
    estimator.certificate_ = certificate
    estimator.threshold_ = model.threshold
    estimator.image_shape_ = model.image_shape
    estimator.pixel_scale_ = model.pixel_scale
    estimator.normalize_ = model.normalize
    estimator.fitted_dtype_ = model.fitted_dtype
    return estimator


def _pixel_scale(model: SavedModel) -> float | str:
    """Return "auto" where that is the scale of the fit, else the scale that was given."""
    pixels = model.fitted_dtype == "uint8" and model.normalize is None
    automatic = PIXEL_SCALE if pixels else 1.0
    return "auto" if model.pixel_scale == automatic else model.pixel_scale


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from imlogit import __version__

    others = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "numba")}
    return {"imlogit": __version__} | others


def describe(model: SavedModel) -> dict[str, Any]:
    """Return everything in a model file but the weights and fingerprints, for a program."""
    described = {
        field.name: getattr(model, field.name)
        for field in fields(model)
        if field.name not in ("coef", "intercept", "fingerprints", "feature_arrays", "maker")
    }
    return described | {
        "n_features": model.coef.shape[1],
        "intercept": model.intercept.tolist(),
    }
