"""``standardize`` and ``normalize``: the fit of a pipeline, by a model that needs none."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

import imlogit
from imlogit import LogisticRegression as Model
from imlogit import LogisticRegressionCV as ModelCV
from imlogit import ZeroRowsWarning

from helpers.engines import ENGINE_NAMES

TIGHT = {"tol": 1e-10}


@pytest.fixture
def data(rng):
    """Features of every size, far from zero, one of them constant."""
    x = rng.normal(size=(400, 6)) * [1, 10, 1e3, 1e-3, 5, 0] + [0, 5, 1e5, 1, -70, 0.1]
    scores = rng.normal(size=(400, 3)) + 2 * StandardScaler().fit_transform(x)[:, :3]
    return x, scores.argmax(axis=1)


def pipeline(scaler, *steps, **parameters):
    return make_pipeline(scaler, *steps, Model(**TIGHT | parameters))


@pytest.mark.parametrize("engine", ENGINE_NAMES)
@pytest.mark.parametrize("parameters", [{}, {"multi_class": "ovr"}, {"C": 1e-3}, {"C": np.inf}])
def test_standardised_is_the_pipeline_of_a_scaler(data, engine, parameters):
    x, y = data
    model = Model(standardize=True, engine=engine, **TIGHT | parameters).fit(x, y)
    expected = pipeline(StandardScaler(), **parameters).fit(x, y)
    np.testing.assert_allclose(model.predict_proba(x), expected.predict_proba(x), atol=1e-6)
    scaler, inner = expected[0], expected[1]
    np.testing.assert_allclose(model.coef_ * scaler.scale_, inner.coef_, atol=1e-5)
    assert not model.coef_[:, 5].any()
    ours, theirs = model.certificate_, inner.certificate_
    assert ours.objective == pytest.approx(theirs.objective, rel=1e-9)


def test_without_an_intercept_no_mean_is_taken_off(data):
    x, y = data
    model = Model(standardize=True, fit_intercept=False, **TIGHT).fit(x, y > 0)
    expected = pipeline(StandardScaler(with_mean=False), fit_intercept=False).fit(x, y > 0)
    assert not model.intercept_.any()
    np.testing.assert_allclose(model.predict_proba(x), expected.predict_proba(x), atol=1e-6)


def test_pixels_are_standardised_in_their_own_units(rng):
    x = rng.integers(0, 256, (300, 9), dtype=np.uint8)
    y = x[:, 0] > rng.integers(0, 256, 300)
    model = Model(standardize=True, **TIGHT).fit(x.reshape(300, 3, 3), y)
    expected = pipeline(StandardScaler()).fit(x.astype(float), y)
    assert (model.pixel_scale_, model.fitted_dtype_) == (1 / 255, "uint8")
    np.testing.assert_allclose(
        model.coef_, expected[1].coef_ / expected[0].scale_ * 255, rtol=1e-5, atol=1e-8
    )
    p = expected.predict_proba(x.astype(float))
    np.testing.assert_allclose(model.predict_proba(x.reshape(300, 3, 3)), p, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(x / 255), p, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_normalised_is_the_pipeline_of_a_normalizer(rng, engine, dtype):
    x = rng.integers(1, 200, (300, 5)).astype(dtype)
    y = (x[:, 0] > x[:, 1]).astype(int) + (x[:, 2] > 150)
    model = Model(normalize="l2", engine=engine, **TIGHT).fit(x, y)
    expected = pipeline(Normalizer()).fit(x.astype(float), y)
    assert (model.pixel_scale_, model.fitted_dtype_) == (1.0, np.dtype(dtype).name)
    np.testing.assert_allclose(model.coef_, expected[1].coef_, atol=1e-5)
    p = expected.predict_proba(x.astype(float))
    np.testing.assert_allclose(model.predict_proba(x), p, atol=1e-6)
    np.testing.assert_allclose(model.predict_proba(7e3 * x.astype(float)), p, atol=1e-6)


def test_both_normalise_first(data):
    x, y = data
    model = Model(normalize="l2", standardize=True, **TIGHT).fit(x, y)
    expected = pipeline(Normalizer(), StandardScaler()).fit(x, y)
    np.testing.assert_allclose(model.predict_proba(x), expected.predict_proba(x), atol=1e-5)


def test_rows_of_zeros_stay_and_are_listed(data):
    x, y = data
    x = x.copy()
    x[[3, 50]] = 0
    with pytest.warns(ZeroRowsWarning, match=r"2 of 400 rows are zeros \(3, 50, counted") as caught:
        model = Model(normalize="l2", **TIGHT).fit(x, y)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(model.decision_function(x)[3], model.intercept_)
    expected = pipeline(Normalizer()).fit(x, y)
    np.testing.assert_allclose(model.predict_proba(x), expected.predict_proba(x), atol=1e-6)


def test_cross_validated_with_the_statistics_of_all_rows(data):
    x, y = data
    folds = list(KFold(3, shuffle=True, random_state=1).split(x))
    scaled = StandardScaler().fit_transform(x)
    ours = ModelCV([0.1, 1.0], cv=folds, standardize=True, **TIGHT).fit(x, y)
    expected = ModelCV([0.1, 1.0], cv=folds, **TIGHT).fit(scaled, y)
    assert ours.C_ == expected.C_
    np.testing.assert_allclose(ours.scores_, expected.scores_, rtol=1e-6)
    np.testing.assert_allclose(ours.out_of_fold_, expected.out_of_fold_, atol=1e-6)
    np.testing.assert_allclose(
        ours.coefs_paths_[..., :5] * scaled_by(x)[:5], expected.coefs_paths_[..., :5], atol=1e-5
    )


def scaled_by(x):
    return StandardScaler().fit(x).scale_


@pytest.mark.parametrize("parameters", [{"standardize": True}, {"normalize": "l2"}])
def test_a_scorer_sees_rows_as_they_were_given(data, parameters):
    x, y = data
    seen = []

    def scorer(model, X, labels):
        seen.append(X)
        return model.score(X, labels)

    by_scorer = ModelCV([1.0], cv=3, scoring=scorer, **parameters).fit(x, y)
    built_in = ModelCV([1.0], cv=3, scoring="accuracy", **parameters).fit(x, y)
    np.testing.assert_array_equal(by_scorer.scores_, built_in.scores_)
    assert all((X[:, None] == x).all(axis=2).any(axis=1).all() for X in seen)


@pytest.mark.parametrize("parameters", [{"standardize": True}, {"normalize": "l2"}])
def test_replicates_are_scored_in_the_units_of_the_rows(data, parameters):
    x, y = data
    ours = imlogit.bootstrap(Model(**parameters), x, y, n=3, test=(x, y))
    scaler = StandardScaler() if "standardize" in parameters else Normalizer()
    z = scaler.fit_transform(x)
    expected = imlogit.bootstrap(Model(), z, y, n=3, test=(z, y))
    np.testing.assert_allclose(ours.scores["accuracy"].values, expected.scores["accuracy"].values)


def test_they_go_with_clones_searches_and_frames(data):
    x, y = data
    frame = pd.DataFrame(x, columns=list("abcdef"))
    model = Model(standardize=True, normalize="l2")
    assert clone(model).get_params() == model.get_params()
    search = GridSearchCV(model, {"standardize": [False, True], "normalize": [None, "l2"]}, cv=3)
    search.fit(frame, y)
    assert search.best_params_["standardize"]
    assert search.best_estimator_.feature_names_in_.tolist() == list("abcdef")
    assert search.best_estimator_.set_params(normalize="l3").predict(frame).shape == y.shape


@pytest.mark.parametrize("parameters", [{}, {"standardize": True, "normalize": "l2"}])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_any_number_of_threads_gives_the_same_bits(rng, monkeypatch, parameters, n_classes):
    x = np.asfortranarray(rng.normal(size=(20_000, 5)).astype(np.float16))
    y = (x[:, 0] * 3).astype(int).clip(0, n_classes - 1)
    found = []
    for size in (1, 3):
        monkeypatch.setattr("imlogit.system.threads.processor_count", lambda size=size: size)
        found.append(Model(engine="numba", **parameters).fit(x, y))
    np.testing.assert_array_equal(found[0].coef_, found[1].coef_)
    np.testing.assert_array_equal(*(model.predict_proba(x) for model in found))
