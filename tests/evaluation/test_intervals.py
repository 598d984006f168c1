"""Wilson's and Tango's intervals by hand and by definition, and percentiles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from scipy.stats import binom

from imlogit.evaluation.intervals import (
    difference_of_shares,
    effective,
    percentiles,
    wilson,
    wilson_of_each,
)


def test_wilsons_interval_by_hand():
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    # of one success Poisson's end in the place of 0.0061
    assert wilson(1, 29) == pytest.approx((-np.log(0.95) / 29, 0.1718), abs=5e-5)
    assert wilson(1, 1) == pytest.approx((0.0513, 1.0), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
    each = wilson_of_each(np.array([81, 15, 0]), np.array([263, 148, 20]))
    assert each.low == pytest.approx([0.2553, 0.0624, 0.0], abs=5e-5)
    assert each.high == pytest.approx([0.3662, 0.1605, 0.1611], abs=5e-5)


@given(trials=st.integers(1, 10**7), data=st.data())
def test_wilsons_interval_holds_the_share(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1
    mirrored = wilson(trials - successes, trials)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize("trials", [1, 2, 3, 4, 5, 8, 20, 200])
def test_a_proportions_interval_holds_whatever_the_share(trials):
    shares = np.r_[np.geomspace(1e-5, 0.5, 2000), np.linspace(0.01, 0.99, 981)]
    successes = np.arange(trials + 1)
    low, high = wilson_of_each(successes, np.full(trials + 1, trials))
    chances = binom.pmf(successes[:, None], trials, shares)
    held = (low[:, None] <= shares) & (shares <= high[:, None])
    # Wilson's own holds in 79 of 100 samples of one trial, and in 84 of many
    assert (chances * held).sum(axis=0).min() > (0.94 if trials <= 2 else 0.87)


def test_so_many_trials_as_a_figure_is_worth():
    # of 40 independent trials it is Wilson's interval, whatever caution is taken
    assert effective(0.3, 0.3 * 0.7 / 40, 40, 2.0) == pytest.approx(wilson(12, 40))
    # with four times the variance, of 10; without a variance to see, of as many as were expected
    assert effective(0.3, 0.3 * 0.7 / 10, 40, 0.0) == pytest.approx(wilson(3, 10))
    assert effective(1.0, 0.0, 40, 1.0) == wilson(40, 40)


@pytest.mark.parametrize(("gained", "lost", "trials"), [(12, 2, 50), (3, 3, 20), (0, 4, 400)])
def test_tangos_interval_by_its_definition(gained, lost, trials):
    """Where the score test of the difference, at its most likely other parameter, is at 5%."""

    def statistic(difference):
        def surprise(other):
            with np.errstate(divide="ignore", invalid="ignore"):
                shares = other + difference, other, 1 - 2 * other - difference
                return -xlogy((gained, lost, trials - gained - lost), shares).sum()

        bounds = max(0.0, -difference), (1 - difference) / 2
        other = minimize_scalar(surprise, bounds=bounds, options={"xatol": 1e-12}).x
        variance = (2 * other + difference - difference**2) / trials
        return ((gained - lost) / trials - difference) / math.sqrt(variance)

    low, high = difference_of_shares(gained, lost, trials)
    assert (statistic(low), statistic(high)) == pytest.approx((1.959964, -1.959964), abs=1e-3)


def test_tangos_interval_where_nothing_differs():
    low, high = difference_of_shares(0, 0, 20)
    assert -low == high == pytest.approx(3.8415 / (20 + 3.8415), abs=1e-4)
    assert difference_of_shares(20, 0, 20).high == 1.0
    assert difference_of_shares(20, 0, 20).low == pytest.approx(1 - 2 * 3.8415 / 23.84, abs=0.02)


def test_percentiles_of_what_is_defined(rng):
    draws = rng.normal(size=(9, 2, 3))
    found = percentiles(np.concatenate([draws, np.full((1, 2, 3), np.nan)]), 0.8)
    np.testing.assert_allclose(found.low, np.percentile(draws, 10, axis=0))
    np.testing.assert_allclose(found.high, np.percentile(draws, 90, axis=0))
    assert all(map(math.isnan, percentiles(np.array([1.0, np.nan]))))
