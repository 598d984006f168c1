"""Where a fit begins that is given another model: at that one's weights, class by class."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.starts.start import Start
from imlogit.errors import DataError, KindError
from imlogit.estimators.training_data import Prepared


def points_of(start: Any, data: Prepared, *, one_by_one: bool, intercept: bool) -> list[Start]:
    """Return where the regressions of one fit begin.

    Parameters
    ----------
    start : LogisticRegression, SavedModel or path-like
        Fitted, or the file of one.
    data : Prepared
    one_by_one : bool
        Whether there is a regression for each class.
    intercept : bool

    Raises
    ------
    KindError
        For what is no model.
    DataError
        For a model of another number of features or, where rows have any number of labels, of
        labels.
    ModelFileError
        For a file that is none, or of a model that makes features of images.
    """
    if isinstance(start, (str, os.PathLike)):
        # a room above this one, by the public face alone
        import imlogit

        start = imlogit.load_model(start)
    coef, b, classes = _parts(start)
    d = data.rows.shape[1]
    if coef.shape[1] != d:
        raise DataError(
            f"start is a model of {coef.shape[1]} features, and X has {d}: a fit can only start "
            "from a model of the same features",
            parameter="start",
        )
    if isinstance(classes, list) != (data.indicators is not None):
        raise DataError(
            "start and y differ in kind: one has a column for each label, the other classes",
            parameter="start",
        )
    if data.indicators is not None:
        if len(coef) != data.indicators.shape[1]:
            raise DataError(
                f"start is a model of {len(coef)} labels, and y has {data.indicators.shape[1]}",
                parameter="start",
            )
        weights, intercepts = coef, b
    else:
        weights, intercepts = _by_class(coef, b, classes, data.classes)
        if len(data.classes) == 2:
            weights, intercepts = weights[1:] - weights[:1], intercepts[1:] - intercepts[:1]
    scale = float(getattr(start, "pixel_scale_", getattr(start, "pixel_scale", data.scale)))
    weights, intercepts = data.in_engine_units(weights * (scale / data.scale), intercepts)
    intercepts = intercepts if intercept else np.zeros_like(intercepts)
    if one_by_one:
        pairs = zip(weights, intercepts, strict=True)
        return [Start(w[None], one[None]) for w, one in pairs]
    return [Start(weights, intercepts, preconditioner=getattr(start, "preconditioner", None))]


def _parts(start: Any) -> tuple[Floats, Floats, Any]:
    """Return the weights, the intercepts and the classes of a model."""
    for names in (("coef_", "intercept_", "classes_"), ("coef", "intercept", "classes")):
        if all(hasattr(start, name) for name in names):
            coef, b, classes = (getattr(start, name) for name in names)
            if getattr(start, "multi_label", None):
                classes = list(classes)
            return np.asarray(coef, np.float64), np.asarray(b, np.float64), classes
    raise KindError(
        f"start is no fitted model but {type(start).__name__}: give a fitted LogisticRegression, "
        "or a model file",
        parameter="start",
    )


def _by_class(coef: Floats, b: Floats, known: Any, classes: Any) -> tuple[Floats, Floats]:
    """Return the weights of each class, zero for those that the model does not know."""
    if len(coef) == 1:  # the margin of the second class against the first
        coef, b = np.concatenate([-coef, coef]) / 2, np.concatenate([-b, b]) / 2
    places = {_plain(name): place for place, name in enumerate(known)}
    weights, intercepts = np.zeros((len(classes), coef.shape[1])), np.zeros(len(classes))
    for k, name in enumerate(classes):
        place = places.get(_plain(name))
        if place is not None:
            weights[k], intercepts[k] = coef[place], b[place]
    return weights, intercepts


def _plain(name: Any) -> Any:
    return name.item() if isinstance(name, np.generic) else name
