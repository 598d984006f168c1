"""Prepared data: whatever kind of matrix holds the rows, all that is fitted on them agrees."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import KFold

import imlogit
from imlogit.estimators.fits import Fit, fit_all
from imlogit.estimators.folds import split_rows
from imlogit.estimators.logistic_cv import _Judge
from imlogit.estimators.pixels import fit_scale
from imlogit.estimators.training_data import prepare
from imlogit.evaluation.bootstrap_scores import Scored, by_name, score_each

from helpers.matrices import Halves


def test_fits_folds_and_scores_ask_the_matrix(rng):
    matrix = Halves(rng.normal(size=(90, 5)))
    labels = rng.integers(0, 3, 90)
    model = imlogit.LogisticRegressionCV([0.1, 1.0], scoring="accuracy", engine="numba")
    of_array = prepare(model, matrix.whole(), labels, None)
    figures = []
    for data in (of_array, replace(of_array, rows=matrix)):
        splits = split_rows(KFold(3), data, None, None)
        fits = [Fit(1.0), *(Fit(1.0, s.times, 0, s.test) for s in splits)]
        whole, *folds = fit_all(model, data, fits)
        judge = _Judge(model, data, splits, np.ones(1), lambda m, X, y: m.score(X, y), False)
        scored = [judge._scored(*pair) for pair in zip(splits, folds, strict=True)]
        models = whole.coef[None], whole.intercept[None]
        accuracy = score_each(model, Scored.training(data), *models, by_name("accuracy"))
        figures.append((whole.coef, scored, accuracy["accuracy"]))
    for of_one, of_other in zip(*figures, strict=True):
        np.testing.assert_array_equal(of_one, of_other)


def test_pixels_are_looked_for_in_every_block(rng, monkeypatch):
    monkeypatch.setattr("imlogit.engines.matrix.BLOCK_BYTES", 1000)
    levels = rng.integers(0, 256, (300, 2)).astype(float)
    with pytest.warns(imlogit.errors.PixelScaleWarning, match="whole numbers up to 255 of"):
        fit_scale(Halves(levels), "auto")
    levels[-1] = 0.5
    assert fit_scale(Halves(levels), "auto") == 1.0
