"""Rows drawn by curvature and leverage, and their copies, of every engine."""

import numpy as np
import pytest

from imlogit.engines import row_sampling
from imlogit.engines.row_sampling import sample_rows
from imlogit.engines.table import open_engine

from helpers.engines import ENGINE_NAMES


@pytest.mark.parametrize("name", ENGINE_NAMES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32])
def test_rows_are_those_asked_for_whatever_the_blocks(name, dtype, rng, monkeypatch):
    monkeypatch.setattr(row_sampling, "GATHERED_BYTES", 8 * 6 * 10)
    x = rng.integers(0, 200, (300, 6)).astype(dtype)
    asked = rng.integers(0, 300, 77)  # some twice, in no order
    with open_engine(name, x, 0.5) as engine:
        for precise in (False, True):
            found = engine.rows(asked, precise=precise)
            np.testing.assert_array_equal(found, 0.5 * x[asked].astype(found.dtype))
        assert found.dtype == np.float64
        small = engine.take(asked)
        np.testing.assert_array_equal(small.rows(np.arange(77), precise=True), found)


def rare(rng, n=3000):
    """Rows of which few have the last feature, and none the one before it."""
    x = rng.normal(size=(n, 5)).astype(np.float32)
    x[:, 3] = 2.0
    x[:, 4] = 0.0
    x[[70, 1500]] += [0, 0, 0, 0, 1]
    return x


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_leverages_are_each_feature_s_share_of_a_row(name, rng):
    x, curvature = rare(rng), rng.random(3000)
    with open_engine(name, x, 0.5) as engine:
        found = engine.leverages(curvature, penalty=0.1)
        apart = (0.5 * x - engine.center()) ** 2
        np.testing.assert_allclose(
            found, (apart / (curvature @ apart + 0.1)).sum(axis=1), rtol=1e-4, atol=1e-7
        )
        assert set(np.argsort(found)[-2:]) == {70, 1500}


@pytest.mark.parametrize("name", ENGINE_NAMES)
def test_features_are_rare_where_few_rows_have_them(name, rng):
    even, uneven = rng.normal(size=(2, 3000, 30)).astype(np.float32)
    uneven *= rng.random((3000, 30)) < np.geomspace(1, 1e-3, 30)
    for x, expected in ((even, False), (uneven, True), (np.ones((300, 3), np.float32), False)):
        with open_engine(name, x) as engine:
            assert engine.has_rare_features is expected


def test_rare_features_are_looked_for_among_few_rows(rng, monkeypatch):
    """Of wide rows fewer, or the look would take more memory than fits are given."""
    asked = []
    for n, d in ((9000, 3), (9000, 4000)):
        with open_engine("numba", np.ones((n, d), np.uint8)) as engine:
            rows = engine.rows
            monkeypatch.setattr(
                engine,
                "rows",
                lambda which, r=rows, **how: asked.append(len(which)) or r(which, **how),
            )
            assert not engine.has_rare_features
    assert 2048 <= asked[0] <= 4096
    assert 1000 <= asked[1] <= 2000


def test_leverages_have_the_same_bits_for_any_number_of_threads(rng, monkeypatch):
    x, curvature = rare(rng, 20_000), rng.random(20_000)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr("imlogit.system.threads.processor_count", lambda n=threads: n)
        with open_engine("numba", x) as engine:
            found.append(engine.leverages(curvature, penalty=1.0))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("weighted", [False, True])
def test_drawn_rows_estimate_the_sum_over_all(rng, weighted):
    """And with leverages those that alone have a feature are among them."""
    x, curvature = rare(rng), rng.random(3000)
    leverages = None
    if weighted:
        leverages = lambda h: ((x - x.mean(axis=0)) ** 2 / (h @ x**2 + 1)).sum(axis=1)  # noqa: E731
    sums = []
    for _ in range(400):
        positions = (np.arange(300) + rng.random(300)) / 300
        rows, weights = sample_rows(curvature, positions, leverages)
        sums.append(weights @ x[rows] ** 2)
        assert not weighted or {70, 1500} <= set(rows)
    wanted = curvature @ x**2
    error = np.std(sums, axis=0) / 20
    assert (np.abs(np.mean(sums, axis=0) - wanted) <= 4 * error + 1e-9 * wanted).all()
    assert not weighted or np.std(sums, axis=0)[4] < 0.5 * wanted[4]


def test_all_rows_are_taken_once_where_so_many_are_asked_for(rng):
    curvature = rng.random(50)
    rows, weights = sample_rows(curvature, np.linspace(0, 0.99, 60), lambda h: 1 / h)
    np.testing.assert_array_equal(rows, np.arange(50))
    np.testing.assert_array_equal(weights, curvature)


@pytest.mark.parametrize("leverages", [np.zeros(50), np.full(50, np.inf), np.full(50, np.nan)])
def test_leverages_that_say_nothing_change_nothing(rng, leverages):
    curvature, positions = rng.random(50), np.linspace(0, 0.99, 20)
    plain = sample_rows(curvature, positions)
    for one, other in zip(
        sample_rows(curvature, positions, lambda _: leverages), plain, strict=True
    ):
        np.testing.assert_allclose(one, other)
