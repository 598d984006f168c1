"""What an estimator becomes by a fit, and what is said where that is not proved."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

from sklearn.exceptions import ConvergenceWarning

from imlogit.core.certificate import Certificate
from imlogit.estimators.training_data import C_of, Prepared
from imlogit.system.callers import caller_level

if TYPE_CHECKING:
    from imlogit.estimators.fits import Fitted
    from imlogit.estimators.logistic import LogisticRegression


def adopt(estimator: LogisticRegression, data: Prepared, fitted: Fitted) -> None:
    """Make an estimator the fitted model that a fit has found."""
    adopt_data(estimator, data)
    estimator.coef_ = fitted.coef
    estimator.intercept_ = fitted.intercept
    estimator.n_iter_ = fitted.n_iter
    estimator.certificate_ = fitted.certificate
    estimator.certificates_ = fitted.certificate.columns or (fitted.certificate,)
    if hasattr(estimator, "C"):
        estimator.C_ = C_of(estimator, data)
        estimator.alpha_ = 1.0 / (estimator.C_ * float(data.weights.sum()))


def adopt_data(estimator: LogisticRegression, data: Prepared) -> None:
    """Tell an estimator what it is fitted on, which decides what it can predict on."""
    many = 0 if data.indicators is None else data.indicators.shape[1]
    estimator.classes_ = [data.classes] * many if many else data.classes
    estimator.n_features_in_ = data.rows.shape[1]
    if data.feature_names is not None:
        estimator.feature_names_in_ = data.feature_names
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    estimator.threshold_ = None
    estimator.image_shape_ = data.image_shape
    estimator.pixel_scale_ = data.scale
    estimator.normalize_ = data.normalize
    estimator.fitted_dtype_ = str(data.rows.values)


def warn_unless_converged(certificate: Certificate, parts_are: str = "classes") -> None:
    """Raise scikit-learn's ConvergenceWarning, with the reason, where the gap is not reached."""
    if certificate.converged:
        return
    parts = certificate.columns or (certificate,)
    short = [c for c in parts if not c.converged]
    which = f" for {len(short)} of {len(parts)} {parts_are}" if certificate.columns else ""
    gap = f"Relative gap {certificate.relative_gap:.2g}, tol {certificate.tol:g}"
    warnings.warn(
        f"not converged{which} ({certificate.status}): {certificate.reason}"
        + ("" if math.isnan(certificate.gap) else f". {gap}"),
        ConvergenceWarning,
        stacklevel=caller_level(),
    )
