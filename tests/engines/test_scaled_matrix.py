"""Rows scaled on the way: scikit-learn's numbers, in one pass, whatever their size."""

import numpy as np
import pytest
from sklearn.preprocessing import Normalizer, StandardScaler

from imlogit.engines.matrix import as_matrix
from imlogit.engines.scaled_matrix import (
    NormalizedMatrix,
    StandardizedMatrix,
    row_norms,
    standardization_of,
)
from imlogit.errors import TooLargeError

SOME = np.array([3, 0, 77])


@pytest.fixture(params=[2**24, 200])
def block_bytes(request, monkeypatch):
    monkeypatch.setattr("imlogit.engines.matrix.BLOCK_BYTES", request.param)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@pytest.mark.usefixtures("block_bytes")
def test_standardised_rows_are_those_of_the_scaler(rng, dtype):
    rows = rng.integers(0, 200, (100, 4)).astype(dtype)
    matrix = as_matrix(rows)
    how = standardization_of(matrix, center=True)
    expected = StandardScaler().fit_transform(rows.astype(float))
    found = StandardizedMatrix(matrix, how)
    np.testing.assert_allclose(np.concatenate(list(found.blocks())), expected, atol=1e-13)
    np.testing.assert_allclose(found.take(SOME), expected[SOME], atol=1e-13)
    assert found.largest == pytest.approx(np.abs(expected).max())
    assert matrix.largest == rows.max()
    assert found.values == matrix.dtype


@pytest.mark.parametrize("offset", [0, 1e8, -1e12])
@pytest.mark.usefixtures("block_bytes")
def test_an_offset_costs_no_digits(rng, offset):
    rows = rng.integers(-50, 50, (300, 3)) / 4.0
    how = standardization_of(as_matrix(rows + offset), center=True)
    np.testing.assert_allclose(1 / how.factor, rows.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(how.offset - offset, rows.mean(axis=0), atol=1e-15 * abs(offset))


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9, 1e300])
def test_a_constant_feature_is_zero_or_stays(rng, value):
    rows = np.column_stack([np.full(50, value), rng.normal(size=50)])
    with_mean, without = (standardization_of(as_matrix(rows), center=one) for one in (True, False))
    assert not StandardizedMatrix(as_matrix(rows), with_mean).block(0, 50)[:, 0].any()
    np.testing.assert_allclose(
        StandardizedMatrix(as_matrix(rows), without).block(0, 50),
        StandardScaler(with_mean=False).fit_transform(rows) if abs(value) < 1e100 else rows
        / [1, rows[:, 1].std()],
    )  # fmt: skip


def test_a_variance_that_overflows_names_the_feature(rng):
    rows = rng.normal(size=(20, 3)) * [1, 1e200, 1]
    with pytest.raises(TooLargeError, match="feature 1"):
        standardization_of(as_matrix(rows), center=True)


def test_what_is_not_finite_is_seen_in_the_pass(rng):
    rows = rng.normal(size=(20, 3))
    rows[7, 1] = np.nan
    matrix = as_matrix(rows)
    standardization_of(matrix, center=True)
    assert np.isnan(matrix.largest)


@pytest.mark.usefixtures("block_bytes")
def test_normalised_rows_are_those_of_the_normalizer(rng):
    rows = rng.normal(size=(100, 4))
    rows[3] = 0
    found = NormalizedMatrix(as_matrix(rows))
    expected = Normalizer().fit_transform(rows)
    np.testing.assert_allclose(np.concatenate(list(found.blocks())), expected, atol=1e-15)
    np.testing.assert_allclose(found.take(SOME), expected[SOME], atol=1e-15)
    assert found.largest == 1
    np.testing.assert_array_equal(np.flatnonzero(found.norms == 0), [3])


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1, 1e160, 1e300])
def test_norms_of_any_size(size):
    x = np.array([[3.0, 4.0], [0.0, 0.0]]) * size
    np.testing.assert_allclose(
        row_norms(x), [np.hypot(*x[0]), 0], rtol=1e-3 if size < 1e-300 else 1e-14
    )


def test_norms_of_rows_that_are_not_finite():
    x = np.array([[1.0, np.nan], [np.inf, 1.0], [1.0, 0.0]])
    assert np.isfinite(row_norms(x)).tolist() == [False, False, True]
