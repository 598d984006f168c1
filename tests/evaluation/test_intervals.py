"""Wilson's and DeLong's intervals by hand and by definition, and percentiles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from imlogit.evaluation.intervals import delong, percentiles, wilson, wilson_low

from helpers.probabilities import draw_answers


def test_wilsons_interval_by_hand():
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    successes, trials = np.array([81, 15, 0, 20, 1]), np.array([263, 148, 20, 20, 1])
    ends = [wilson(*pair).low for pair in zip(successes.tolist(), trials.tolist(), strict=True)]
    assert wilson_low(successes, trials) == pytest.approx(ends, abs=1e-15)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@given(trials=st.integers(1, 10**7), data=st.data())
def test_wilsons_interval_holds_the_share(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    mirrored = wilson(trials - successes, trials)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-12)


def test_delongs_interval_by_its_definition(rng):
    codes, p = draw_answers(rng, 300)
    scores = np.round(p[:, 1], 2)  # with ties
    one, other = scores[codes == 1][:, None], scores[codes == 0]
    order = (one > other) + 0.5 * (one == other)
    area = order.mean()
    variance = order.mean(axis=1).var(ddof=1) / len(one)
    variance += order.mean(axis=0).var(ddof=1) / len(other)
    half = 1.959964 * math.sqrt(variance) / (area * (1 - area))
    expected = expit(logit(area) - half), expit(logit(area) + half)
    assert delong(codes == 1, scores) == pytest.approx(expected, abs=1e-7)


def test_an_area_without_variance():
    positive = np.arange(40) < 10
    assert delong(positive, positive * 1.0) == wilson(10, 10)
    assert delong(positive, ~positive * 1.0) == wilson(0, 10)
    assert all(map(math.isnan, delong(np.ones(3, dtype=bool), np.arange(3.0))))


def test_percentiles_of_what_is_defined(rng):
    draws = rng.normal(size=(9, 2, 3))
    found = percentiles(np.concatenate([draws, np.full((1, 2, 3), np.nan)]), 0.8)
    np.testing.assert_allclose(found.low, np.percentile(draws, 10, axis=0))
    np.testing.assert_allclose(found.high, np.percentile(draws, 90, axis=0))
    assert all(map(math.isnan, percentiles(np.array([1.0, np.nan]))))
