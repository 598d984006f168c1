"""Warnings point at the caller's line, however deep in the package they arise."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from imlogit import LogisticRegression, LogisticRegressionCV, bootstrap, cross_validate
from imlogit.errors import PixelScaleWarning, ZeroRowsWarning

X = np.random.default_rng(0).integers(1, 255, (40, 3))
Y = np.arange(40) % 2
ZEROS = np.where(np.arange(40)[:, None] == 7, 0.0, X)
SHORT = {"C": 1e3, "max_iter": 1, "tol": 1e-9}
WAYS = {
    "fit": lambda model, rows: model.fit(rows, Y),
    "cross_validate": lambda model, rows: cross_validate(model, rows, Y, cv=2),
    "bootstrap": lambda model, rows: bootstrap(model, rows, Y, n=2),
    "choice of C": lambda model, rows: LogisticRegressionCV(
        Cs=[1.0, 2.0], cv=2, **{k: v for k, v in model.get_params().items() if k in MEANT}
    ).fit(rows, Y),
}
MEANT = ("max_iter", "tol", "normalize")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("kind", "options", "rows"),
    [
        (ConvergenceWarning, SHORT, X / 1.5),
        (PixelScaleWarning, {}, X),
        (ZeroRowsWarning, {"normalize": "l2"}, ZEROS),
    ],
)
def test_the_line_is_the_callers(way, kind, options, rows):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        WAYS[way](LogisticRegression(**options), rows)
    places = {one.filename for one in caught if issubclass(one.category, kind)}
    assert places == {__file__}
