"""Where descents begin, and that more rows do not make more steps."""

import numpy as np
import pytest

from imlogit.core.regression import regression
from imlogit.core.starts.start import first_points, fit_base_rate, subset_size
from imlogit.engines.table import open_engine

from helpers.known_problems import blobs
from helpers.regressions import fit


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [(1000, 8000), (60_000, 8000), (120_000, 8000), (600_000, 40_000), (3_000_000, 200_000)],
)
def test_the_subset_grows_with_the_rows(n_rows, expected):
    assert subset_size(n_rows) == expected


@pytest.mark.parametrize(("n", "d", "n_classes"), [(300, 5, 2), (16_000, 2, 3)])
def test_few_rows_begin_at_the_base_rate(rng, n, d, n_classes):
    x, y = blobs(rng, n, d, n_classes)
    one = regression(y, n_classes, np.ones(n), 1.0)
    with open_engine("numba", x) as engine:
        (point,) = first_points(engine, [one], 0)
    assert not point.weights.any()
    np.testing.assert_array_equal(point.b, fit_base_rate(one).b)


def test_more_weights_than_twice_the_subset_holds_begin_at_the_base_rate(rng):
    """So few rows are told apart without an error, whatever is true of all."""
    x = rng.integers(0, 256, (16_100, 1700), dtype=np.uint8)
    one = regression(np.arange(16_100) % 10, 10, np.ones(16_100), 1.0)
    with open_engine("numba", x, 1 / 255) as engine:
        (point,) = first_points(engine, [one], 0)
    assert not point.weights.any()


@pytest.mark.parametrize("penalty", [1.0, np.inf])
def test_a_subset_leads_near_the_optimum(rng, penalty):
    """But not without a penalty, as it may be separable where all rows are not."""
    x, y = blobs(rng, 20_000, 10, 3)
    one = regression(y, 3, np.ones(20_000), penalty)
    with open_engine("numba", x) as engine:
        (point,) = first_points(engine, [one], 0)
    best = fit("numba", x, y, penalty)
    apart = np.linalg.norm(point.weights - best.weights) / np.linalg.norm(best.weights)
    if np.isfinite(penalty):
        assert apart < 0.15
    else:
        assert not point.weights.any()


def test_a_large_subset_begins_at_a_smaller_one_of_its_own(rng, monkeypatch):
    """So few steps from the base rate would not lead near the optimum of so many rows."""
    x = rng.normal(size=(40_000, 20))
    y = (x.sum(axis=1) + rng.normal(size=40_000) > 0).astype(int)
    one = regression(y, 2, np.ones(40_000), 1.0)
    best = fit("numba", x, y)
    monkeypatch.setattr("imlogit.core.starts.start.SUBSET_STEPS", 2)
    distances = []
    for rows in (3000, 600):
        monkeypatch.setattr("imlogit.core.starts.start.SUBSET_ROWS", rows)
        monkeypatch.setattr("imlogit.core.starts.start.SUBSET_SHARE", 3000 / 40_000)
        with open_engine("numba", x) as engine:
            (point,) = first_points(engine, [one], 0)
        distances.append(np.linalg.norm(x @ (point.weights - best.weights).T))

    assert distances[1] < 0.8 * distances[0]


def test_the_base_rate_is_the_optimum_without_weights(rng):
    y = rng.integers(0, 4, 300)
    costs = rng.integers(0, 3, 300) * 1.0
    found = fit("reference", np.zeros((300, 1)), y, weights=costs, tol=1e-12)
    known = fit_base_rate(regression(y, 4, costs, 1.0))
    np.testing.assert_allclose(found.intercept, known.b, atol=1e-9)
    assert found.certificate.objective == pytest.approx(known.objective)


@pytest.mark.parametrize(("d", "n_classes"), [(20, 4), (20, 26), (25, 40)])
def test_ten_times_the_rows_take_about_as_many_steps(d, n_classes):
    """Exact steps, one factor a class, and tied intercepts."""
    rng = np.random.default_rng(0)
    x, y = blobs(rng, 40_000, d, n_classes)
    x = x.astype(np.float32)
    few, many = (fit("numba", x[:n], y[:n], 0.1).certificate for n in (4000, 40_000))
    assert few.converged
    assert many.converged
    assert many.iterations <= 2 * few.iterations
