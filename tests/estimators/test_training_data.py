"""Prepared data: any kind of matrix holds the rows, and a fit that fails leaves no trace."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.model_selection import KFold

from imlogit.engines.table import open_engine
from imlogit.errors import (
    DataError,
    ImlogitError,
    KindError,
    ParameterError,
    PixelScaleWarning,
    TooLargeError,
)
from imlogit.estimators.fits import Fit, fit_all
from imlogit.estimators.folds import split_rows
from imlogit.estimators.logistic import LogisticRegression as Model
from imlogit.estimators.logistic_cv import LogisticRegressionCV as ModelCV
from imlogit.estimators.logistic_cv import _Judge
from imlogit.estimators.pixels import fit_scale
from imlogit.estimators.training_data import prepare
from imlogit.evaluation.bootstrap_scores import Scored, by_name, score_each

from helpers.matrices import Halves


def test_fits_folds_and_scores_ask_the_matrix(rng):
    matrix = Halves(rng.normal(size=(90, 5)))
    labels = rng.integers(0, 3, 90)
    model = ModelCV([0.1, 1.0], scoring="accuracy", engine="numba")
    of_array = prepare(model, matrix.whole(), labels, None)
    figures = []
    for data in (of_array, replace(of_array, rows=matrix)):
        splits = split_rows(KFold(3), data, {}, None)
        fits = [Fit(1.0), *(Fit(1.0, s.times, 0, s.test) for s in splits)]
        whole, *folds = fit_all(model, data, fits)
        judge = _Judge(model, data, splits, np.ones(1), lambda m, X, y: m.score(X, y), {})
        scored = [judge._scored(*pair) for pair in zip(splits, folds, strict=True)]
        models = whole.coef[None], whole.intercept[None]
        accuracy = score_each(model, Scored.training(data), *models, by_name("accuracy"))
        figures.append((whole.coef, scored, accuracy["accuracy"]))
    for of_one, of_other in zip(*figures, strict=True):
        np.testing.assert_array_equal(of_one, of_other)


def test_pixels_are_looked_for_in_every_block(rng, monkeypatch):
    monkeypatch.setattr("imlogit.engines.matrix.BLOCK_BYTES", 1000)
    levels = rng.integers(0, 256, (300, 2)).astype(float)
    with pytest.warns(PixelScaleWarning, match="whole numbers up to 255 of"):
        fit_scale(Halves(levels), "auto")
    levels[-1] = 0.5
    assert fit_scale(Halves(levels), "auto") == 1.0


@pytest.mark.parametrize(
    ("fit", "kind", "parameter"),
    [
        (lambda X, y: Model(C=-1).fit(X, y), ParameterError, "C"),
        (lambda X, y: Model(max_iter=0.5).fit(X, y), ParameterError, "max_iter"),
        (lambda X, y: Model(engine="abacus").fit(X, y), ParameterError, "engine"),
        (lambda X, y: Model(random_state="x").fit(X, y), ParameterError, "random_state"),
        (lambda X, y: Model(class_weight="x").fit(X, y), ParameterError, "class_weight"),
        (lambda X, y: Model(pixel_scale=0).fit(X, y), ParameterError, "pixel_scale"),
        (lambda X, y: Model(standardize="yes").fit(X, y), ParameterError, "standardize"),
        (lambda X, y: Model(normalize="l1").fit(X, y), ParameterError, "normalize"),
        (lambda X, y: ModelCV(normalize=2).fit(X, y), ParameterError, "normalize"),
        (lambda X, y: Model(standardize=True).fit(X * 1e300, y), TooLargeError, "standardize"),
        (lambda X, y: Model(C=1e300).fit(X, y, np.full(9, 1e300)), TooLargeError, "C"),
        (lambda X, y: Model().fit(X * 1e300, y), TooLargeError, None),
        (lambda X, y: Model().fit(X * np.nan, y), DataError, None),
        (lambda X, y: Model().fit([*X, [1]], [*y, 1]), DataError, None),
        (lambda X, y: Model().fit(X, y[:3]), DataError, None),
        (lambda X, y: Model().fit(X, y * 0), DataError, None),
        (lambda X, y: Model().fit(X, y, np.ones(2)), DataError, None),
        (lambda X, y: Model().fit(csr_array(X), y), KindError, None),
        (lambda X, y: Model().fit(X, y).predict(X[:, :1]), DataError, None),
        (lambda X, y: ModelCV(cv=1).fit(X, y), ParameterError, "cv"),
        (lambda X, y: ModelCV(cv=[1, 2]).fit(X, y), KindError, "cv"),
        (lambda X, y: ModelCV(cv=KFold(50)).fit(X, y), ParameterError, "cv"),
        (lambda X, y: ModelCV(Cs="x").fit(X, y), ParameterError, "Cs"),
        (lambda X, y: ModelCV(scoring="x").fit(X, y), ParameterError, "scoring"),
        (lambda X, y: ModelCV(rule="x").fit(X, y), ParameterError, "rule"),
    ],
)
def test_what_a_user_gives_wrong_is_an_error_of_our_own(rng, fit, kind, parameter):
    with pytest.raises(ImlogitError) as caught:
        fit(rng.normal(size=(9, 2)), np.arange(9) % 2)
    assert isinstance(caught.value, kind)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize("kind", [Model, ModelCV])
def test_after_a_refit_that_failed(rng, kind):
    x = rng.normal(size=(60, 3))
    y = x[:, 0] > 0
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    model = kind().fit(frame, y)
    before, p = dict(vars(model)), model.predict_proba(frame)
    with pytest.raises(ValueError, match="one class only"):
        model.fit(rng.normal(size=(60, 5)), np.zeros(60))
    assert vars(model) == before
    np.testing.assert_array_equal(model.predict_proba(frame), p)
    with pytest.raises(ValueError, match="5 features"):
        model.predict(rng.normal(size=(2, 5)))


def test_names_of_features_go_with_the_fit_that_had_them(rng):
    x = rng.normal(size=(40, 2))
    model = Model().fit(pd.DataFrame(x, columns=["a", "b"]), x[:, 0] > 0)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    model.fit(x, x[:, 0] > 0)
    assert not hasattr(model, "feature_names_in_")


def test_no_kernel_reads_past_the_weights(rng):
    with (
        open_engine("numba", rng.normal(size=(10, 4))) as engine,
        pytest.raises(ValueError, match="3 weights for 4 features"),
    ):
        engine.multiply(np.ones((1, 3)))
