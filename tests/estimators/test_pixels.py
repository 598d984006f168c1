"""Pixels are pixels, whatever holds them."""

import numpy as np
import pandas as pd
import pytest

from imlogit import DataError, LogisticRegression


@pytest.fixture
def pixels(rng):
    return rng.integers(0, 256, (80, 4), dtype=np.uint8)


HOLDERS = {
    "list of arrays": list,
    "tuple": tuple,
    "DataFrame": pd.DataFrame,
    "nullable DataFrame": lambda x: pd.DataFrame(x).astype("UInt8"),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_uint8_is_scaled_in_any_container(pixels, holder):
    plain = LogisticRegression().fit(pixels, pixels[:, 0] > 99)
    held = HOLDERS[holder](pixels)
    found = LogisticRegression().fit(held, pixels[:, 0] > 99)
    assert (found.fitted_dtype_, found.pixel_scale_) == ("uint8", 1 / 255)
    np.testing.assert_array_equal(found.coef_, plain.coef_)
    np.testing.assert_array_equal(found.predict_proba(held), plain.predict_proba(pixels))


@pytest.mark.parametrize(
    "holder",
    [np.asarray, np.ndarray.tolist, pd.DataFrame, lambda x: pd.DataFrame(x).astype("Int64")],
)
def test_other_whole_numbers_are_refused_in_any_container(pixels, holder):
    model = LogisticRegression().fit(pixels, pixels[:, 0] > 99)
    with pytest.raises(DataError, match=r"predicts on uint8.*got int64"):
        model.predict(holder(pixels.astype(np.int64)))


def test_missing_values_of_nullable_pixels_are_named(pixels):
    frame = pd.DataFrame(pixels).astype("UInt8")
    frame.iloc[3, 1] = pd.NA
    with pytest.raises(ValueError, match="NaN"):
        LogisticRegression().fit(frame, pixels[:, 0] > 99)
