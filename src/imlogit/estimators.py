"""`LogisticRegression`: scikit-learn's conventions around the core."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from imlogit.core.certificate import Certificate, combine
from imlogit.core.columns import Columns, Floats, binary_columns
from imlogit.core.contract import Engine
from imlogit.core.solver import Settings, Solution, solve
from imlogit.engines.table import open_engine
from imlogit.pixels import (
    DTYPES,
    as_rows,
    check_image_shape,
    check_integers,
    fit_scale,
    predict_scale,
)

MULTI_CLASS = ("ovr",)


class LogisticRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """L2-penalised logistic regression at its exact optimum, with a proof.

    Minimises ``C * sum_i s_i log(1 + exp(-y_i (x_i . w + b))) + |w|^2 / 2``, scikit-learn's
    objective, until the duality gap is at most ``tol`` times the objective.

    Parameters
    ----------
    C : float, default=1.0
        Inverse of the penalty's strength; ``inf`` for no penalty.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes; "balanced" makes both sides of each column weigh the same.
    fit_intercept : bool, default=True
        The intercept is not penalised.
    tol : float, default=1e-6
        The relative duality gap at which a fit is done.
    max_iter : int, default=200
        The most steps over all rows.
    random_state : int, RandomState or None, default=None
        Seeds the draw of rows for the preconditioner: it changes the path, and the result only
        within the certificate. None is a fixed seed, so that equal input gives equal bits.
    multi_class : {"ovr"}, default="ovr"
        More than two classes are fitted one against the rest.
    engine : {"auto", "numba", "reference"}, default="auto"
        What adds up over the images.
    pixel_scale : "auto" or float, default="auto"
        What features are multiplied by. "auto" takes uint8 as pixels, times 1/255, and
        everything else as it is.

    Attributes
    ----------
    coef_ : ndarray of float64, shape (1, n_features) or (n_classes, n_features)
        In units of the scaled features.
    intercept_ : ndarray of float64, shape (1,) or (n_classes,)
    classes_ : ndarray, shape (n_classes,)
    n_iter_ : ndarray of int32, shape (1,) or (n_classes,)
        Steps over all rows.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (n_features_in_,)
        Only where ``X`` has feature names that are all strings.
    certificate_ : Certificate
        What is proved about the fit.
    image_shape_ : tuple of int, or None
        The shape of one image, if the fit was given images rather than rows.

    Examples
    --------
    >>> import imlogit
    >>> images = imlogit.load("mnist-5k")
    >>> model = imlogit.LogisticRegression().fit(images.images, images.labels == 2)
    >>> model.certificate_.converged
    True
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        class_weight: dict[Any, float] | str | None = None,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        max_iter: int = 200,
        random_state: Any = None,
        multi_class: str = "ovr",
        engine: str = "auto",
        pixel_scale: float | str = "auto",
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.multi_class = multi_class
        self.engine = engine
        self.pixel_scale = pixel_scale

    def fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like, shape (n, n_features), (n, h, w) or (n, h, w, c)
            uint8, float32 and float64 are read in place; other types become float64.
        y : array-like, shape (n,)
        sample_weight : array-like, shape (n,), optional
            Not negative; 2 is the same as the row twice.

        Returns
        -------
        LogisticRegression
            Itself.

        Raises
        ------
        ValueError
            For nan or infinity, a single class, a class without positive weight, lengths that
            differ, parameters out of range, or features whose squares overflow.
        TypeError
            For sparse input.

        Warns
        -----
        ConvergenceWarning
            If the gap did not reach ``tol``; `certificate_` says why.
        """
        data = prepare(self, X, y, sample_weight)
        with data.open(self.engine) as engine:
            solutions = solve_columns(engine, columns_of(self, data), settings_of(self))
        adopt(self, data, solutions)
        warn_unless_converged(self.certificate_)
        return self

    def decision_function(self, X: Any) -> Floats:
        """Return the margins ``x . w + b``, shape (n,), or (n, n_classes) for more than two.

        Raises
        ------
        ValueError
            For another number of features or shape of image than the model was fitted on, nan
            or infinity, or features whose scale cannot be that of the fit.
        """
        check_is_fitted(self)
        rows, image_shape = as_rows(X)
        check_image_shape(image_shape, self.image_shape_)
        check_integers(X, self.pixel_scale, self.fitted_dtype_)
        rows = validate_data(self, rows, dtype=list(DTYPES), order="C", reset=False)
        scale = predict_scale(rows, self.pixel_scale, self.pixel_scale_, self.fitted_dtype_)
        with open_engine(self.engine, rows, scale) as engine:
            margins: Floats = engine.multiply(self.coef_).T + self.intercept_
        return margins[:, 0] if len(self.classes_) == 2 else margins

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable class of each image, shape (n,)."""
        margins = self.decision_function(X)
        best = (margins > 0).astype(int) if margins.ndim == 1 else margins.argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, shape (n, n_classes), in the order of classes_."""
        return probabilities(self.decision_function(X))

    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithm of the probability of each class, shape (n, n_classes)."""
        margins = self.decision_function(X)
        if margins.ndim == 1:
            return np.stack([log_expit(-margins), log_expit(margins)], axis=1)
        logs: Floats = np.log(probabilities(margins))
        return logs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


@dataclass(frozen=True, eq=False)
class Prepared:
    """Validated training data: what is the same for every column.

    Attributes
    ----------
    rows : ndarray of uint8, float32 or float64, shape (n, d)
    scale : float
        What the features are multiplied by.
    classes : ndarray, shape (n_classes,)
    codes : ndarray of intp, shape (n,)
        Each row's index into ``classes``.
    weights : ndarray of float64, shape (n,)
        The row weights.
    image_shape : tuple of int, or None
    """

    rows: NDArray[np.generic]
    scale: float
    classes: NDArray[Any]
    codes: NDArray[np.intp]
    weights: Floats
    image_shape: tuple[int, ...] | None

    def open(self, engine: str) -> Engine:
        """Open an engine over the rows."""
        return open_engine(engine, self.rows, self.scale)


def prepare(
    estimator: LogisticRegression, X: Any, y: ArrayLike, sample_weight: ArrayLike | None
) -> Prepared:
    """Validate the estimator's parameters and the training data."""
    _check_parameters(estimator)
    rows, image_shape = as_rows(X)
    rows, y = validate_data(estimator, rows, y, dtype=list(DTYPES), order="C")
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"the labels hold one class only, {shown(classes[0])}: a classifier needs at least "
            "two; compare with a label that occurs, and of the same type ('2' is not 2)"
        )
    weights = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    totals = np.bincount(codes, weights)
    if not (totals > 0).all():
        empty = shown(classes[totals <= 0][0])
        raise ValueError(f"class {empty} has no row with a positive weight")
    scale = fit_scale(rows, estimator.pixel_scale)
    return Prepared(rows, scale, classes, codes, weights, image_shape)


def columns_of(
    estimator: LogisticRegression, data: Prepared, times: NDArray[np.integer] | int = 1
) -> Columns:
    """Return the estimator's columns: one for two classes, else one a class.

    Parameters
    ----------
    estimator : LogisticRegression
    data : Prepared
    times : ndarray of int, shape (n,), optional
        How often each row is fitted on; 0 leaves it out.
    """
    weights = data.weights * times
    n_classes = len(data.classes)
    ones = [1] if n_classes == 2 else range(n_classes)
    positive = np.stack([data.codes == code for code in ones])
    class_weight = estimator.class_weight
    if class_weight == "balanced":
        # the weight of both sides together stays what it was
        heavy = np.stack([positive @ weights, ~positive @ weights], axis=1)
        total = weights.sum()
        with np.errstate(divide="ignore"):
            of_side = total / (2 * heavy)
        weights = weights * np.where(positive, of_side[:, :1], of_side[:, 1:])
    else:
        of_class = compute_class_weight(class_weight, classes=data.classes, y=data.classes)
        for label, value in zip(data.classes, of_class, strict=True):
            if not (np.isfinite(value) and value > 0):
                raise ValueError(
                    f"class_weight gives class {shown(label)} the weight {value}: it must be a "
                    "positive number"
                )
        weights = np.broadcast_to(weights * of_class[data.codes], positive.shape)
    with np.errstate(over="ignore"):
        columns = binary_columns(positive, weights, estimator.C, intercept=estimator.fit_intercept)
        total = columns.costs.sum()
    if not np.isfinite(total):
        raise ValueError(
            f"C={estimator.C:g} times the row weights overflows float64: take smaller ones"
        )
    return columns


def settings_of(estimator: LogisticRegression) -> Settings:
    """Return the solver's settings that an estimator's parameters ask for."""
    state = estimator.random_state
    seed = 0 if state is None else check_random_state(state).randint(2**31 - 1)
    return Settings(tol=estimator.tol, max_iter=estimator.max_iter, seed=int(seed))


def solve_columns(
    engine: Engine, columns: Columns, settings: Settings, **how: Any
) -> list[Solution]:
    """Solve, with overflow as the ValueError that users of an estimator expect."""
    try:
        return solve(engine, columns, settings, **how)
    except FloatingPointError as error:
        raise ValueError(str(error)) from error


def adopt(estimator: LogisticRegression, data: Prepared, solutions: Sequence[Solution]) -> None:
    """Make an estimator the fitted model that solutions describe."""
    estimator.classes_ = data.classes
    estimator.coef_ = np.stack([s.weights for s in solutions])
    estimator.intercept_ = np.array([s.intercept for s in solutions])
    estimator.n_iter_ = np.array([s.certificate.iterations for s in solutions], dtype=np.int32)
    estimator.certificate_ = combine([s.certificate for s in solutions])
    estimator.image_shape_ = data.image_shape
    estimator.pixel_scale_ = data.scale
    estimator.fitted_dtype_ = str(data.rows.dtype)


def probabilities(margins: Floats) -> Floats:
    """Return class probabilities (n, n_classes) from margins as `decision_function` has them.

    One against the rest: each class's probability against the rest, made to add up to 1.
    """
    if margins.ndim == 1:
        return np.stack([expit(-margins), expit(margins)], axis=1)
    # in logarithms, so that a row far from every class does not become 0 / 0
    logs = log_expit(margins)
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    total: Floats = shares / shares.sum(axis=1, keepdims=True)
    return total


def warn_unless_converged(certificate: Certificate) -> None:
    """Raise scikit-learn's ConvergenceWarning, with the reason, where the gap is not reached."""
    if certificate.converged:
        return
    parts = certificate.columns or (certificate,)
    short = [c for c in parts if not c.converged]
    which = f" for {len(short)} of {len(parts)} classes" if certificate.columns else ""
    warnings.warn(
        f"not converged{which} ({certificate.status}): {certificate.reason}. "
        f"Relative gap {certificate.relative_gap:.2g}, tol {certificate.tol:g}",
        ConvergenceWarning,
        stacklevel=3,
    )


def shown(label: Any) -> str:
    """Return a label as an error message shows it: 2 and '2', not np.int64(2)."""
    return repr(label.item() if isinstance(label, np.generic) else label)


def _check_parameters(estimator: LogisticRegression) -> None:
    for name, least in (("C", 0.0), ("tol", 0.0)):
        value = getattr(estimator, name)
        if not _is_number(value) or not value > least:
            raise ValueError(f"{name}={value!r} must be a number greater than {least:g}")
    steps = estimator.max_iter
    if not _is_number(steps) or not np.isfinite(steps) or steps != int(steps) or steps < 1:
        raise ValueError(f"max_iter={steps!r} must be a whole number of at least 1")
    if not isinstance(estimator.fit_intercept, (bool, np.bool_)):
        raise ValueError(f"fit_intercept={estimator.fit_intercept!r} must be True or False")
    if estimator.multi_class not in MULTI_CLASS:
        raise ValueError(
            f"multi_class={estimator.multi_class!r} must be one of {MULTI_CLASS}: more than two "
            "classes are fitted one against the rest"
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
