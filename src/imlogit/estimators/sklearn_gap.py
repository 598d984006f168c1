"""Other libraries' fits: how far they are from the optimum of the objective they share."""

from __future__ import annotations

from typing import Any

import numpy as np

from imlogit.core.appraise import appraise
from imlogit.estimators.fits import Fit, Models
from imlogit.estimators.logistic import LogisticRegression
from imlogit.estimators.training_data import prepare

# The intercept of this solver is penalised, which is another objective.
OTHER_OBJECTIVE = "liblinear"
# None is no penalty: of that objective nothing is known here.
RIDGE = ("l2", "deprecated")


def last_step(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return the classifier inside searches and pipelines, and the features that reach it."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    if hasattr(estimator, "steps"):
        return estimator[-1], estimator[:-1].transform(X) if len(estimator) > 1 else X
    return estimator, X


def relative_gap(model: Any, X: Any, y: Any) -> float | None:
    """Return a bound on how far a fitted model's objective is above the minimum, as a share of it.

    Parameters
    ----------
    model : estimator
        scikit-learn's LogisticRegression or LogisticRegressionCV, fitted with a ridge penalty.
    X : array-like, shape (n, n_features)
        What it was fitted on, without row weights.
    y : array-like, shape (n,)

    Returns
    -------
    float or None
        None for any other model, of whose objective nothing is known.
    """
    if not _has_ridge_objective(model):
        return None
    each = np.unique(np.ravel(getattr(model, "C_", getattr(model, "C", np.nan))))
    if len(each) > 1 or not np.isfinite(each).all():  # one C a class, in older versions
        return None
    C = float(each[0])
    many = len(model.classes_) > 2
    ours = LogisticRegression(
        C,
        class_weight=model.class_weight,
        fit_intercept=model.fit_intercept,
        multi_class="ovr" if getattr(model, "multi_class", "") == "ovr" else "multinomial",
        pixel_scale=1.0,
    )
    data = prepare(ours, np.asarray(X), y, None)
    if not np.array_equal(data.classes, model.classes_):
        return None
    regressions = Models(ours, data, [Fit(C)])
    n = model.coef_.shape[0]
    if many and n < len(model.classes_):
        return None
    parts = np.split(np.asarray(model.coef_, dtype=float), len(regressions))
    intercepts = np.split(np.broadcast_to(np.asarray(model.intercept_, float), n), len(regressions))
    with data.open("auto") as engine:
        found = [
            appraise(engine, regressions[k], parts[k], intercepts[k].copy())
            for k in range(len(regressions))
        ]
    return sum(one.gap for one in found) / sum(one.objective for one in found)


def _has_ridge_objective(model: Any) -> bool:
    ours = type(model).__module__.startswith("sklearn.linear_model")
    named = type(model).__name__ in ("LogisticRegression", "LogisticRegressionCV")
    if not (ours and named and hasattr(model, "coef_")):
        return False
    # one number, or for each class one, or None, by version and by use_legacy_attributes
    ratios = [
        ratio
        for name in ("l1_ratio", "l1_ratio_")
        for ratio in np.ravel(np.asarray(getattr(model, name, None), dtype=object))
        if ratio is not None
    ]
    ridge = model.penalty in RIDGE and not any(ratios)
    return bool(ridge and model.solver != OTHER_OBJECTIVE)
