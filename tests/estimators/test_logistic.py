"""LogisticRegression: pixels, scikit-learn's ways, and errors that say what to do."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as PeerRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from imlogit import LogisticRegression, cross_validate
from imlogit.errors import PixelScaleWarning

from helpers.engines import ENGINE_NAMES
from helpers.known_problems import (
    GLMNET_C,
    GLMNET_COEF,
    GLMNET_INTERCEPT,
    GLMNET_X,
    GLMNET_Y,
    SEPARATED_COEF,
    SEPARATED_X,
    SEPARATED_Y,
)


@pytest.fixture(scope="module")
def fitted(few):
    return LogisticRegression().fit(*few)


@pytest.fixture
def blobs(rng):
    y = rng.integers(0, 3, 150)
    return rng.normal(size=(150, 4)) + 2 * np.eye(3, 4)[y], y


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_known_answers(engine):
    model = LogisticRegression(GLMNET_C, tol=1e-16, engine=engine).fit(GLMNET_X, GLMNET_Y)
    np.testing.assert_allclose(model.coef_[0], GLMNET_COEF, atol=1e-8)
    assert model.intercept_[0] == pytest.approx(GLMNET_INTERCEPT, abs=1e-8)
    assert model.certificate_.converged
    model = LogisticRegression(tol=1e-16, engine=engine).fit(SEPARATED_X, SEPARATED_Y)
    np.testing.assert_allclose(model.coef_[0], SEPARATED_COEF, atol=1e-8)


def test_attributes(fitted):
    assert fitted.coef_.shape == (1, 784)
    assert fitted.intercept_.shape == fitted.n_iter_.shape == (1,)
    assert fitted.classes_.tolist() == [False, True]
    assert fitted.n_features_in_ == 784
    assert fitted.image_shape_ == (28, 28)
    assert fitted.certificate_.relative_gap <= 1e-6


def test_images_and_rows_are_the_same(few, fitted):
    images, y = few
    by_rows = LogisticRegression().fit(images.reshape(len(images), -1), y)
    np.testing.assert_array_equal(by_rows.coef_, fitted.coef_)
    assert by_rows.image_shape_ is None
    in_colour = images.reshape(-1, 14, 14, 4)
    np.testing.assert_array_equal(LogisticRegression().fit(in_colour, y).coef_, fitted.coef_)
    for other in (images.reshape(len(images), -1), images[..., None]):
        np.testing.assert_array_equal(
            fitted.decision_function(other), fitted.decision_function(images)
        )


def test_pixels_are_scaled_and_never_modified(few, fitted):
    images, y = few
    before = images.copy()
    as_floats = LogisticRegression(tol=1e-10).fit(images / 255, y)
    exact = LogisticRegression(tol=1e-10).fit(images, y)
    np.testing.assert_allclose(exact.coef_, as_floats.coef_, atol=1e-4)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fitted_on_uint8_predicts_on_floats_up_to_one(few, fitted, dtype):
    images, _ = few
    scaled = (images / 255).astype(dtype)
    np.testing.assert_allclose(
        fitted.decision_function(scaled), fitted.decision_function(images), atol=1e-4
    )


def test_fitted_on_uint8_refuses_unscaled_floats(few, fitted):
    with pytest.raises(ValueError, match=r"uint8.*float64 up to 255"):
        fitted.predict(few[0].astype(float))


def test_fitted_on_floats_refuses_uint8(few):
    images, y = few
    model = LogisticRegression().fit(images / 255, y)
    with pytest.raises(ValueError, match=r"float64.*uint8"):
        model.predict(images)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_any_layout_gives_the_same_fits_and_is_not_written(blobs, tmp_path, engine):
    x, y = blobs
    np.save(tmp_path / "x.npy", x)
    read_only = x.copy()
    read_only.flags.writeable = False
    layouts = [read_only, np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x[::-1].copy()[::-1]]
    layouts += [np.load(tmp_path / "x.npy", mmap_mode="r"), x.astype(">f8")]
    model = LogisticRegression(engine=engine)
    expected = cross_validate(model, x, y, cv=2)
    for layout in layouts:
        found = cross_validate(model, layout, y, cv=2)
        np.testing.assert_array_equal(found.estimator.coef_, expected.estimator.coef_)
        np.testing.assert_array_equal(found.probabilities, expected.probabilities)
        np.testing.assert_array_equal(layout, x)
    single = cross_validate(model, x.astype(np.float32), y, cv=2)
    np.testing.assert_allclose(single.probabilities, expected.probabilities, atol=1e-5)


def test_an_explicit_scale_holds_for_every_type(few, fitted):
    images, y = few
    model = LogisticRegression(pixel_scale=1 / 255).fit(images.astype(int), y)
    np.testing.assert_allclose(model.coef_, fitted.coef_, atol=0.05)
    np.testing.assert_array_equal(model.predict(images), model.predict(images.astype(float)))


@pytest.mark.parametrize("scale", ["by hand", 0, -1, np.nan, np.inf, None, True])
def test_scales_that_are_none(few, scale):
    with pytest.raises(ValueError, match="pixel_scale=.*'auto' or a positive number"):
        LogisticRegression(pixel_scale=scale).fit(*few)


def test_whole_numbers_that_look_like_pixels_warn_once(few):
    images, y = few
    with pytest.warns(PixelScaleWarning, match=r"astype\('uint8'\)") as caught:
        LogisticRegression(tol=1e-2).fit(images.astype(np.int64), y)
    assert [w.filename for w in caught if w.category is PixelScaleWarning] == [__file__]


@pytest.mark.parametrize("change", [lambda x: x % 17, lambda x: x / 255, lambda x: x - 128.0])
def test_other_numbers_do_not_warn(few, change):
    images, y = few
    with warnings.catch_warnings():
        warnings.simplefilter("error", PixelScaleWarning)
        LogisticRegression(tol=1e-2).fit(change(images.astype(float)), y)


def test_probabilities(few, fitted):
    images, _ = few
    p = fitted.predict_proba(images)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-fitted.decision_function(images))))
    np.testing.assert_allclose(np.exp(fitted.predict_log_proba(images)), p)
    np.testing.assert_array_equal(fitted.predict(images), p[:, 1] > 0.5)


def test_three_classes_one_against_the_rest(blobs):
    x, y = blobs
    names = np.array(["ant", "bee", "cat"])[y]
    model = LogisticRegression(multi_class="ovr", tol=1e-12).fit(x, names)
    assert model.coef_.shape == (3, 4)
    assert model.classes_.tolist() == ["ant", "bee", "cat"]
    for code, name in enumerate(model.classes_):
        alone = LogisticRegression(tol=1e-12).fit(x, names == name)
        np.testing.assert_allclose(model.coef_[code], alone.coef_[0], rtol=1e-9)
    p = model.predict_proba(x)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    margins = model.decision_function(x)
    shares = 1 / (1 + np.exp(-margins))
    np.testing.assert_allclose(p, shares / shares.sum(axis=1, keepdims=True))
    assert len(model.certificate_.columns) == 3
    assert model.score(x, names) > 0.7


def test_three_classes_by_the_softmax_are_scikit_learns(blobs):
    x, y = blobs
    model = LogisticRegression(0.5).fit(x, y)
    peer = PeerRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(x, y)
    np.testing.assert_allclose(model.coef_, peer.coef_, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(x), peer.predict_proba(x), atol=1e-5)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(x)), model.predict_proba(x))
    np.testing.assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-12)
    assert model.n_iter_.shape == (1,)


@pytest.mark.parametrize("multi_class", ["multinomial", "ovr"])
def test_far_from_every_class_is_still_a_probability(blobs, multi_class):
    model = LogisticRegression(1e4, multi_class=multi_class).fit(*blobs)
    p = model.predict_proba(np.full((1, 4), -1e6))
    assert np.isfinite(p).all()
    assert p.sum() == pytest.approx(1)


def test_class_weight_is_sample_weight(few):
    images, y = few
    by_class = LogisticRegression(class_weight={False: 1, True: 2}, tol=1e-9).fit(images, y)
    by_row = LogisticRegression(tol=1e-9).fit(images, y, sample_weight=y + 1)
    np.testing.assert_array_equal(by_class.coef_, by_row.coef_)


def test_balanced_gives_both_sides_the_same_weight(few):
    images, y = few
    balanced = LogisticRegression(class_weight="balanced").fit(images, y)
    share = y.mean()
    by_row = LogisticRegression().fit(
        images, y, sample_weight=np.where(y, 0.5 / share, 0.5 / (1 - share))
    )
    np.testing.assert_allclose(balanced.coef_, by_row.coef_, atol=1e-3)


def test_balanced_counts_weighted_rows_as_repeated(blobs, rng):
    x, y = blobs
    y, times = y == 0, rng.integers(0, 4, len(y))
    weighted = LogisticRegression(class_weight="balanced").fit(x, y, sample_weight=times)
    repeated = LogisticRegression(class_weight="balanced").fit(
        np.repeat(x, times, axis=0), np.repeat(y, times)
    )
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)


def test_works_with_scikit_learns_tools(few):
    images, y = few
    rows = images.reshape(len(images), -1)
    names = np.where(y, "two", "other")
    assert cross_val_score(LogisticRegression(), rows, names, cv=3).mean() > 0.9
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(1e-2))
    assert pipeline.fit(rows, names).score(rows, names) > 0.95
    search = GridSearchCV(LogisticRegression(), {"C": [1e-3, 1e-1]}, cv=2).fit(rows, names)
    assert search.best_params_["C"] in (1e-3, 1e-1)


def test_clone_and_pickle(few, fitted):
    assert clone(fitted).get_params() == fitted.get_params()
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(few[0]), fitted.predict_proba(few[0]))


def test_data_frames_keep_their_names(blobs):
    frame = pd.DataFrame(blobs[0], columns=list("abcd"))
    model = LogisticRegression().fit(frame, pd.Series(blobs[1]))
    assert model.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(model.predict(frame), model.predict(frame[list("abcd")]))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("dcba")])


def test_equal_input_gives_equal_bits(few, fitted):
    np.testing.assert_array_equal(LogisticRegression().fit(*few).coef_, fitted.coef_)


def test_not_converged_warns_and_says_why(few):
    with pytest.warns(ConvergenceWarning, match=r"max_iter.*raise max_iter.*Relative gap"):
        model = LogisticRegression(max_iter=1).fit(*few)
    assert not model.certificate_.converged


def test_a_loose_tolerance_converges_in_few_steps(few):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        model = LogisticRegression(tol=1e6, max_iter=1).fit(*few)
    assert model.certificate_.converged


def test_separable_without_penalty_warns():
    with pytest.warns(ConvergenceWarning, match="separated.*finite C$"):
        LogisticRegression(np.inf).fit(SEPARATED_X, SEPARATED_Y)


def test_separable_at_a_huge_c_converges():
    assert LogisticRegression(1e10).fit(SEPARATED_X, SEPARATED_Y).certificate_.converged


def bad(kind):
    x, y = SEPARATED_X.copy(), SEPARATED_Y
    if kind in ("nan", "inf"):
        x[3, 1] = float(kind)
    return {
        "nan": (x, y),
        "inf": (x, y),
        "one class": (x, np.ones(8)),
        "one row": (x[:1], y[:1]),
        "no features": (x[:, :0], y),
        "lengths": (x, y[:7]),
        "overflow": (x * 1e300, y),
    }[kind]


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nan", "NaN"),
        ("inf", "infinity"),
        ("one class", "one class only"),
        ("one row", "one class only|1 sample"),
        ("no features", "0 feature"),
        ("lengths", "inconsistent numbers of samples"),
        ("overflow", "too large"),
    ],
)
def test_bad_data(kind, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegression().fit(*bad(kind))


@pytest.mark.timeout(10)
def test_features_of_1e100_give_an_answer():
    model = LogisticRegression().fit(SEPARATED_X * 1e100, SEPARATED_Y)
    assert np.isfinite(model.coef_).all()


def test_sparse_input_is_refused():
    with pytest.raises(TypeError, match=r"dense"):
        LogisticRegression().fit(scipy.sparse.csr_array(SEPARATED_X), SEPARATED_Y)


def test_a_class_without_weight():
    with pytest.raises(ValueError, match="class 1 has no row with a positive weight"):
        LogisticRegression().fit(SEPARATED_X, SEPARATED_Y, sample_weight=1 - SEPARATED_Y)


def test_negative_weights():
    with pytest.raises(ValueError, match="[Nn]egative"):
        LogisticRegression().fit(SEPARATED_X, SEPARATED_Y, sample_weight=-np.ones(8))


@pytest.mark.parametrize(
    "parameters",
    [
        {"C": 0},
        {"C": "strong"},
        {"C": np.nan},
        {"tol": 0},
        {"max_iter": 0},
        {"max_iter": 1.5},
        {"max_iter": np.inf},
        {"max_iter": np.nan},
        {"fit_intercept": "False"},
        {"multi_class": "auto"},
        {"engine": "abacus"},
    ],
)
def test_parameters_out_of_range(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        LogisticRegression(**parameters).fit(SEPARATED_X, SEPARATED_Y)


def test_images_of_another_shape_are_refused(few, fitted):
    with pytest.raises(ValueError, match=r"shape 28 x 28 and got images of shape 14 x 56"):
        fitted.predict(few[0].reshape(-1, 14, 56))


@pytest.mark.parametrize("dtype", ["int64", "uint16", "int8"])
def test_fitted_on_uint8_refuses_other_whole_numbers(few, fitted, dtype):
    with pytest.raises(ValueError, match=rf"uint8 pixels.*got {dtype}"):
        fitted.predict((few[0] > 99).astype(dtype))


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf])
def test_class_weights_that_are_none(value):
    with pytest.raises(ValueError, match=r"class_weight gives class 0 the weight"):
        LogisticRegression(class_weight={0: value}).fit(SEPARATED_X, SEPARATED_Y)


@pytest.mark.parametrize(("C", "weight"), [(1e308, 1e5), (np.inf, 1e308), (1e300, 1e300)])
def test_costs_that_overflow(C, weight):
    with pytest.raises(ValueError, match=r"C=.* times the row weights overflows"):
        LogisticRegression(C).fit(SEPARATED_X, SEPARATED_Y, np.full(8, weight))


@pytest.mark.parametrize("weight", [1e-300, 1e-30, 1e30])
def test_weights_of_any_size_give_an_answer(weight):
    model = LogisticRegression().fit(SEPARATED_X, SEPARATED_Y, np.full(8, weight))
    assert np.isfinite(model.coef_).all()


def test_another_number_of_pixels(fitted):
    with pytest.raises(ValueError, match="64 features.*784"):
        fitted.predict(np.zeros((2, 64), dtype=np.uint8))


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_without_a_penalty_the_softmax_has_scikit_learns_weights(rng, fit_intercept):
    """Any shift of all classes is an optimum: the one whose classes add up to zero is taken."""
    x = rng.normal(size=(200, 4))
    y = (x[:, :3] + rng.gumbel(size=(200, 3))).argmax(axis=1)
    ours = LogisticRegression(C=np.inf, fit_intercept=fit_intercept).fit(x, y)
    theirs = PeerRegression(C=np.inf, fit_intercept=fit_intercept, tol=1e-10, max_iter=1000)
    theirs.fit(x, y)
    np.testing.assert_allclose(ours.coef_.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-6)
