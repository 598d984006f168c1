"""A pytest plugin: scikit-learn's tests of logistic regression, with our classes for theirs.

``LogisticRegression`` and ``LogisticRegressionCV`` below are ours, and take scikit-learn's other
parameters too: what only says how to arrive at the optimum (``solver``, ``dual``, ``n_jobs``...) is
passed over, and what asks for another optimum is an error.
"""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path

import numpy as np
import sklearn.linear_model

import imlogit

OUTCOMES = "SKLEARN_TWINS_OUTCOMES"
_found: dict[str, str] = {}


class _Twin:
    """What both have in common: parameters of the way are kept, others' values looked at."""

    def _refuse_other_optima(self, l1_ratio):
        if self.penalty not in ("deprecated", "l2", None):
            raise TypeError(f"penalty={self.penalty!r}")
        if l1_ratio is not None and np.any(np.asarray(l1_ratio, dtype=float) != 0):
            raise TypeError(f"l1_ratio={l1_ratio!r}")

    def _keep(self, parameters, of):
        own = set(inspect.signature(of).parameters) & set(parameters)
        of.__init__(self, **{name: parameters[name] for name in own})
        for name in set(parameters) - own - {"self"}:
            setattr(self, name, parameters[name])


class LogisticRegression(_Twin, imlogit.LogisticRegression):
    def __init__(
        self,
        penalty="deprecated",
        *,
        C=1.0,
        l1_ratio=0.0,
        dual=False,
        tol=1e-6,
        fit_intercept=True,
        intercept_scaling=1,
        class_weight=None,
        random_state=None,
        solver="lbfgs",
        max_iter=200,
        verbose=0,
        warm_start=False,
        n_jobs=None,
        multi_class="multinomial",
        engine="auto",
        pixel_scale="auto",
        standardize=False,
        normalize=None,
    ):
        self._keep(locals(), imlogit.LogisticRegression)

    def fit(self, X, y, sample_weight=None):
        self._refuse_other_optima(self.l1_ratio)
        given = self.C
        if self.penalty is None:
            self.C = np.inf
        try:
            return super().fit(X, y, sample_weight)
        finally:
            self.C = given


class LogisticRegressionCV(_Twin, imlogit.LogisticRegressionCV):
    def __init__(
        self,
        *,
        Cs=10,
        l1_ratios=(0.0,),
        fit_intercept=True,
        cv=5,
        dual=False,
        penalty="deprecated",
        scoring="accuracy",
        solver="lbfgs",
        tol=1e-6,
        max_iter=200,
        class_weight=None,
        n_jobs=None,
        verbose=0,
        refit=True,
        intercept_scaling=1.0,
        random_state=None,
        use_legacy_attributes=False,
        rule="best",
        multi_class="multinomial",
        engine="auto",
        pixel_scale="auto",
        standardize=False,
        normalize=None,
    ):
        self._keep(locals(), imlogit.LogisticRegressionCV)

    def fit(
        self, X, y, sample_weight=None, *, groups=None, observe=None, checkpoint=None, **params
    ):
        self._refuse_other_optima(self.l1_ratios)
        if not self.refit:
            raise TypeError("refit=False")
        how = {"groups": groups, "observe": observe, "checkpoint": checkpoint}
        return super().fit(X, y, sample_weight, **how, **params)


OF_SKLEARN = {
    sklearn.linear_model.LogisticRegression: LogisticRegression,
    sklearn.linear_model.LogisticRegressionCV: LogisticRegressionCV,
}


def twin(value):
    """Return our class, or an instance of ours, in place of scikit-learn's."""
    if isinstance(value, type):
        return OF_SKLEARN.get(value, value)
    ours = OF_SKLEARN.get(type(value))
    return value if ours is None else ours(**value.get_params(deep=False))


def pytest_collection_modifyitems(items):
    """Put ours in place of theirs, in the module and among the parameters of its tests."""
    for item in items:
        for theirs, ours in OF_SKLEARN.items():
            setattr(item.module, theirs.__name__, ours)
        if hasattr(item, "callspec"):
            parameters = item.callspec.params
            parameters.update({name: twin(value) for name, value in parameters.items()})


def pytest_runtest_logreport(report):
    """Note each test's outcome, by its name and parameters."""
    if report.when == "call" or report.outcome != "passed":
        _found[report.nodeid.split("::")[-1]] = report.outcome


def pytest_sessionfinish():
    """Write the outcomes where the test looks for them."""
    Path(os.environ[OUTCOMES]).write_text(json.dumps(_found), encoding="utf-8")
