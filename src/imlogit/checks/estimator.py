"""What is known of anyone's fitted classifier, and what its answers mean for the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from imlogit.checks.material import FittedModel, Optimality, equal, tally
from imlogit.estimators.logistic_cv import GridEdge
from imlogit.estimators.sklearn_gap import last_step, relative_gap


def predictor_of(
    estimator: Any, X: Any, y: NDArray[Any], X_test: Any, positive: Any
) -> FittedModel:
    """Return what is known of a classifier.

    Parameters
    ----------
    estimator : estimator
        Fitted or not.
    X, X_test : array-like
        What it was fitted on, and what it is to be tested on or None.
    y : ndarray, shape (n,)
        The training labels.
    positive : object or None
        The label looked for.
    """
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return FittedModel(len(np.unique(y.astype(str))))
    model, features = last_step(estimator, X)
    targets = _targets(y, positive)
    meanings = _meanings(estimator, model.classes_, X, y, targets, positive)
    predicted = None
    if X_test is not None and meanings is not None:
        predicted = _translated(estimator.predict(X_test), model.classes_, meanings)
    fitted_on = _fitted_on(model.classes_, y, targets, meanings)
    optimality = _optimality(model, features, fitted_on)
    return FittedModel(len(model.classes_), predicted, optimality, *_grid(estimator))


def _targets(y: NDArray[Any], positive: Any) -> NDArray[Any]:
    if positive is None or (y.dtype == bool and str(positive) not in ("True", "False")):
        return y
    return equal(y, positive)


def _meanings(
    estimator: Any,
    classes: NDArray[Any],
    X: Any,
    y: NDArray[Any],
    targets: NDArray[Any],
    positive: Any,
) -> NDArray[Any] | None:
    """Return for each class of a classifier which target it means; None if that is not known.

    Labels mean themselves. What two classes of other names mean is told by the training rows.
    """
    if targets is not y and (len(classes) > 2 or _same_labels(classes, y)):
        direct = equal(classes, positive)
        # y == 0 as 1 and 0, where 0 and 1 are the labels
        swapped = _may_be_answers(classes, direct) and _is_worse_than_swapped(
            estimator, classes, X, targets, direct
        )
        return ~direct if swapped else direct
    if _same_labels(classes, targets) or (len(classes) > 2 and targets is y):
        return classes
    values = tally(targets)[0]
    if len(classes) != 2 or len(values) != 2:
        return None
    swapped = _is_worse_than_swapped(estimator, classes, X, targets, values)
    return values[::-1] if swapped else values


def _same_labels(classes: NDArray[Any], labels: NDArray[Any]) -> bool:
    """Whether a classifier's classes are some labels; True and False are not 1 and 0."""
    return {(isinstance(one, bool), one) for one in classes.tolist()} == {
        (isinstance(one, bool), one) for one in labels.tolist()
    }


def _may_be_answers(classes: NDArray[Any], direct: NDArray[np.bool_]) -> bool:
    """Whether the larger of two numbers may stand for yes, though the label is the smaller."""
    return len(classes) == 2 and classes.dtype.kind in "iuf" and bool(direct[0])


def _is_worse_than_swapped(
    estimator: Any,
    classes: NDArray[Any],
    X: Any,
    targets: NDArray[Any],
    meanings: NDArray[Any],
) -> bool:
    """Whether two classes are more often right for training rows the other way round.

    By the mean over both targets, which an answer that is given too often does not move; else by
    the share of all rows.
    """
    right = _translated(estimator.predict(X), classes, meanings) == targets
    each = [float(right[targets == one].mean()) for one in meanings if (targets == one).any()]
    balanced = sum(each) / max(len(each), 1)
    return balanced < 0.5 or (balanced == 0.5 and float(right.mean()) < 0.5)


def _translated(predicted: Any, classes: NDArray[Any], meanings: NDArray[Any]) -> NDArray[Any]:
    places = {one: place for place, one in enumerate(classes.tolist())}
    return meanings[[places[one] for one in np.asarray(predicted).tolist()]]


def _fitted_on(
    classes: NDArray[Any], y: NDArray[Any], targets: NDArray[Any], meanings: NDArray[Any] | None
) -> NDArray[Any] | None:
    """Return the training labels as the classifier had them; None where that is not known."""
    if len(classes) > 2 and _same_labels(classes, y):
        return y
    if meanings is None:
        return None
    places = {one: place for place, one in enumerate(meanings.tolist())}
    if len(places) < len(classes) or not set(targets.tolist()) <= set(places):
        return None
    found: NDArray[Any] = classes[[places[one] for one in targets.tolist()]]
    return found


def _optimality(model: Any, X: Any, fitted_on: NDArray[Any] | None) -> Optimality | None:
    certificate = getattr(model, "certificate_", None)
    if certificate is not None:
        return Optimality(certificate.status, certificate.relative_gap)
    gap = None if fitted_on is None else relative_gap(model, X, fitted_on)
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
