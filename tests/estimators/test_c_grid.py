"""The grid of values of C: where each fit begins, which is never after it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlogit.core.starts.start import Blend
from imlogit.estimators.c_grid import fits_along
from imlogit.estimators.folds import Fold

GRIDS = {
    "dense": np.geomspace(1e-4, 1e2, 45),
    "dense, not in order": np.random.default_rng(0).permutation(np.geomspace(1e-4, 1e2, 45)),
    "scikit-learn's": np.geomspace(1e-4, 1e4, 10),
    "far apart": np.array([1e-6, 1.0, 1e6]),
    "one": np.array([1.0]),
    "twice the same": np.array([1.0, 1.0, 2.0, 2.0, 2.0]),
    "with inf": np.array([0.1, 1.0, 10.0, np.inf]),
}


def folds(n):
    return [Fold(np.arange(5), np.arange(5, 9), np.ones(9, np.uint8)) for _ in range(n)]


def begin(fit, values):
    """Where a fit begins, if each earlier one came to a known value."""
    return sum(share * values[place] for place, share in zip(*Blend.of(fit.start), strict=True))


@pytest.mark.parametrize("n_folds", [1, 3])
@pytest.mark.parametrize("grid", GRIDS)
def test_every_value_has_its_fits_and_they_begin_at_earlier_ones(grid, n_folds):
    Cs = GRIDS[grid]
    fits, places = fits_along(Cs, folds(n_folds))
    each = 1 if n_folds == 1 else n_folds + 1
    assert sorted(place for of in places for place in of) == list(range(len(Cs) * each))
    for C, of in zip(Cs, places, strict=True):
        assert [fits[place].C for place in of] == [C] * each
        assert (fits[of[0]].times is None) == (n_folds > 1)
    for number, fit in enumerate(fits):
        if fit.start is not None:
            assert max(fit.start.places) < number
            assert np.isfinite(fit.start.shares).all()
            assert sum(fit.start.shares) == pytest.approx(1)


def test_the_first_fit_alone_has_no_start():
    fits, _ = fits_along(GRIDS["dense"], folds(1))
    assert [fit.start is None for fit in fits] == [True] + [False] * 44


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=3))
def test_between_others_a_polynomial_in_log_c_is_met(coefficients):
    """Of degree two: fits beyond those before them have three, others more."""
    Cs = GRIDS["dense"]
    fits, _ = fits_along(Cs, folds(1))
    values = [np.polyval(coefficients, np.log10(fit.C)) for fit in fits]
    known = [number for number, fit in enumerate(fits) if fit.start and len(fit.start.places) > 2]
    assert len(known) > 40
    for number in known:
        assert begin(fits[number], values) == pytest.approx(values[number], abs=1e-8)


def test_folds_begin_where_all_rows_do_but_for_what_sets_them_apart():
    Cs = GRIDS["dense"]
    fits, places = fits_along(Cs, folds(2))
    apart = {place: (0.0, 0.7, -0.2)[k] for of in places for k, place in enumerate(of)}
    values = [np.sin(np.log10(fit.C)) + apart[number] for number, fit in enumerate(fits)]
    for first, *of_folds in places:
        for place in of_folds:
            assert fits[place].start.is_near
            if len(fits[place].start.places) > 1:
                assert begin(fits[place], values) == pytest.approx(values[place])
        assert fits[of_folds[0]].start.places[0] == first


def test_what_is_far_away_says_nothing_but_where_to_begin():
    fits, _ = fits_along(GRIDS["far apart"], folds(1))
    assert [fit.start for fit in fits] == [None, Blend((0,), (1.0,)), Blend((1,), (1.0,))]
