"""Numbers of every kind through the estimators, and those that no model can be fitted on."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

import imlogit
from imlogit.errors import DataError
from imlogit.estimators.logistic import LogisticRegression as Model
from imlogit.system.shards import ShardedRows

from helpers.kinds import KINDS, bfloat16, mapped


@pytest.fixture
def exact(rng):
    """Numbers that eight bits of digits hold, and labels."""
    x = rng.integers(-128, 128, (300, 8)) / 64.0
    return x, (x[:, 0] + rng.normal(size=300) > 0).astype(int)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_as_good_as_its_copy(exact, tmp_path, kind):
    x, y = exact
    features = KINDS[kind](x, tmp_path)
    model, copy = Model(tol=1e-9).fit(features, y), Model(tol=1e-9).fit(x, y)
    np.testing.assert_allclose(model.coef_, copy.coef_, atol=1e-5)
    np.testing.assert_allclose(
        model.predict_proba(features), model.predict_proba(x.copy()), atol=1e-14
    )
    assert imlogit.cross_validate(model, features, y, cv=3).probabilities.shape == (300, 2)


def test_bfloat16_is_read_as_float32(exact):
    pytest.importorskip("ml_dtypes")
    x, y = exact
    model = Model().fit(bfloat16(x), y)
    assert model.fitted_dtype_ == "float32"
    np.testing.assert_array_equal(model.coef_, Model().fit(x.astype(np.float32), y).coef_)
    np.testing.assert_array_equal(model.predict(bfloat16(x)), model.predict(x))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16])
def test_images_of_any_layout_are_rows_where_they_are(rng, order, dtype):
    images = np.asarray(rng.integers(0, 256, (90, 4, 3)).astype(dtype), order=order)
    y = np.arange(90) % 3
    model = Model(pixel_scale=1 / 255).fit(images, y)
    rows = Model(pixel_scale=1 / 255).fit(np.ascontiguousarray(images).reshape(90, 12), y)
    assert (model.image_shape_, model.n_features_in_) == ((4, 3), 12)
    np.testing.assert_array_equal(model.coef_, rows.coef_)
    np.testing.assert_array_equal(model.predict_proba(images[::2]), rows.predict_proba(
        np.ascontiguousarray(images[::2]).reshape(45, 12)
    ))  # fmt: skip


@pytest.mark.parametrize("kind", ["float16", "Fortran", "strided", "mapped Fortran"])
def test_neither_fits_nor_predictions_copy_all(rng, tmp_path, kind):
    x = KINDS[kind](rng.integers(-8, 8, (60_000, 300)) / 8.0, tmp_path)
    y = np.arange(len(x)) % 2
    model = Model(max_iter=2, tol=0.5, engine="numba").fit(x[:500], y[:500])
    for job in (lambda: model.fit(x, y), lambda: model.predict(x)):
        tracemalloc.start()
        job()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.7 * x.size * 4


@pytest.mark.parametrize("parameters", [{"standardize": True}, {"normalize": "l2"}])
def test_scaled_rows_are_no_copy_either(rng, parameters):
    x = rng.integers(0, 256, (90_000, 300), dtype=np.uint8)
    y = np.arange(len(x)) % 2
    model = Model(max_iter=2, tol=0.5, engine="numba", **parameters).fit(x[:500], y[:500])
    tracemalloc.start()
    model.fit(x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.7 * x.size * 4


def test_a_splitter_sees_the_array_itself(exact, tmp_path):
    x, y = exact
    x = mapped(np.asfortranarray(x), tmp_path)

    class Splitter:
        def split(self, X, y):
            assert X is x
            yield np.arange(100, 300), np.arange(100)

    for normalize in (None, "l2"):
        imlogit.cross_validate(Model(normalize=normalize), x, y, cv=Splitter())


HOLDERS = {
    "float64": lambda x: x,
    "float16": lambda x: x.astype(np.float16),
    "Fortran": np.asfortranarray,
    "list": lambda x: x.tolist(),
    "frame": pd.DataFrame,
    "objects": lambda x: x.astype(object),
}


@pytest.mark.parametrize("scaled", [{}, {"standardize": True}, {"normalize": "l2"}])
@pytest.mark.parametrize("holder", HOLDERS)
def test_rows_that_are_not_finite_are_listed(exact, monkeypatch, holder, scaled):
    monkeypatch.setattr("imlogit.engines.matrix.BLOCK_BYTES", 1000)
    x, y = exact
    sound = Model(**scaled).fit(x, y)
    x[[5, 250], [0, 3]] = np.nan
    x[77, 2] = -np.inf
    message = (
        r"NaN in 2 of 300 rows \(5, 250\) and infinity in 1 of 300 rows \(77\), counted from 0"
    )
    for job in (Model(**scaled).fit, lambda X, _: sound.predict(X)):
        with pytest.raises(DataError, match=message) as caught:
            job(HOLDERS[holder](x), y)
        assert "\n" not in str(caught.value)


def test_of_many_rows_the_first_are_listed(exact):
    x, y = exact
    x[:, 1] = np.nan
    with pytest.raises(DataError, match=r"300 of 300 rows \(0, 1, 2, .*, 9 and 290 more\)"):
        Model().fit(x, y)


def test_float16_that_overflowed_says_what_it_holds(exact):
    x, y = exact
    with np.errstate(over="ignore"):
        halves = (x * 1e5).astype(np.float16)
    with pytest.raises(DataError, match="infinity in .*float16 holds numbers up to 65504"):
        Model().fit(halves, y)
    large = (x * 3e4).astype(np.float16)
    assert Model().fit(large, y).certificate_.converged


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_float32_of_1e30_arrives_and_proves_what_rounding_lets(exact):
    """Rounding hides the optimum's gap, and the certificate says so, not that it converged."""
    x, y = exact
    large = (x * 1e30).astype(np.float32)
    model, without_penalty = Model().fit(large, y), Model(C=np.inf).fit(x, y)
    assert model.certificate_.status == "rounding"
    assert model.certificate_.objective == pytest.approx(without_penalty.certificate_.objective)
    np.testing.assert_allclose(
        model.predict_proba(large), without_penalty.predict_proba(x), atol=1e-6
    )


@pytest.mark.parametrize("scaled", [{"standardize": True}, {"normalize": "l2"}])
def test_float32_of_1e30_scaled_is_as_any_other(exact, scaled):
    x, y = exact
    large = (x * 1e30).astype(np.float32)
    model, expected = Model(**scaled).fit(large, y), Model(**scaled).fit(x, y)
    assert model.certificate_.converged
    np.testing.assert_allclose(model.predict_proba(large), expected.predict_proba(x), atol=1e-5)


def test_nothing_of_nothing(exact):
    x, y = exact
    for empty, message in ((x[:0], r"0 sample\(s\).*minimum of 1"), (x[:, :0], r"0 feature\(s\)")):
        with pytest.raises(DataError, match=message):
            Model().fit(np.asfortranarray(empty), y[: len(empty)])


def test_images_in_shards_are_fitted_where_they_are(rng):
    images = rng.integers(0, 256, (60, 4, 5), dtype=np.uint8)
    shards, y = ShardedRows([images[:25], images[25:]]), images[:, 0, 0] > 120
    model, whole = Model().fit(shards, y), Model().fit(images, y)
    np.testing.assert_array_equal(model.coef_, whole.coef_)
    assert model.image_shape_ == (4, 5)
    np.testing.assert_array_equal(model.predict_proba(shards), whole.predict_proba(images))
    with pytest.raises(DataError, match="3 x 5"):
        model.predict(ShardedRows([images[:, :3], images[:, :3]]))
