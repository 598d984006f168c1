"""Images that stand apart in brightness: found where they do, and not where sets are skewed."""

import numpy as np
import pytest
from scipy.stats import kstest

from imlogit import check_arrays
from imlogit.checks.brightness import chance_of_gap, stand_apart

SETS = {
    "normal": lambda rng, n: rng.normal(100, 15, n),
    "log-normal": lambda rng, n: 40 * np.exp(0.5 * rng.standard_normal(n)),
    "log-normal, far": lambda rng, n: 8 * np.exp(1.2 * rng.standard_normal(n)),
    "log-normal darkness": lambda rng, n: 255 - 40 * np.exp(0.6 * rng.standard_normal(n)),
    "exponential": lambda rng, n: rng.exponential(20, n),
    "gamma": lambda rng, n: rng.gamma(0.5, 30, n),
    "Laplace": lambda rng, n: 120 + 12 * rng.laplace(size=n),
    "uniform": lambda rng, n: rng.uniform(10, 240, n),
    "two levels": lambda rng, n: np.where(rng.random(n) < 0.5, 50, 200) + 5 * rng.normal(size=n),
    "two levels, unequal": lambda rng, n: (
        np.where(rng.random(n) < 0.2, 220, 50) + 5 * rng.normal(size=n)
    ),
}


@pytest.mark.parametrize("kind", SETS)
def test_sets_of_any_shape_raise_no_alarm(kind):
    rng = np.random.default_rng(0)
    for n, samples in ((50, 400), (200, 400), (1000, 200), (60_000, 10)):
        alarms = sum(
            stand_apart(np.clip(SETS[kind](rng, n), 0, 255), np.arange(n) % 3).any()
            for _ in range(samples)
        )
        assert alarms <= 0.01 * samples


@pytest.mark.parametrize("level", [220, 120])
def test_a_small_class_of_another_brightness_or_spread_is_no_fault(level):
    rng = np.random.default_rng(0)
    alarms = 0
    for n in (50, 200, 1000):
        for _ in range(150):
            rare = rng.random(n) < 0.05
            mean = np.where(rare, rng.normal(level, 20, n), rng.normal(120, 4, n))
            alarms += stand_apart(np.clip(mean, 0, 255), rare.astype(int)).any()
    assert alarms <= 0.01 * 450


@pytest.mark.parametrize("odd", [0, 2, 250, 255])
@pytest.mark.parametrize("n", [200, 2000, 60_000])
def test_a_black_and_a_white_image_are_found(n, odd):
    rng = np.random.default_rng(n + odd)
    mean = rng.normal(120, 10, n)
    mean[7] = odd
    assert np.flatnonzero(stand_apart(mean, np.arange(n) % 3)).tolist() == [7]


def test_both_and_several_are_found():
    rng = np.random.default_rng(0)
    mean = rng.normal(100, 10, 2000)
    mean[:3], mean[3:6] = rng.uniform(0, 3, 3), rng.uniform(250, 255, 3)
    assert np.flatnonzero(stand_apart(mean, np.arange(2000) % 4)).tolist() == [*range(6)]


@pytest.mark.parametrize(("k", "neighbours"), [(1, 20), (1, 3), (5, 20)])
def test_the_chance_of_a_gap_is_that_of_exponential_tails(k, neighbours):
    rng = np.random.default_rng(0)
    samples = -np.sort(-rng.exponential(10, (2000, 100)), axis=1)
    chances = [chance_of_gap(sample, k, neighbours) for sample in samples]
    assert kstest(chances, "uniform").pvalue > 0.01


def test_images_alike_but_for_rounding():
    mean = np.repeat([50.0, 80.0], [300, 200])
    mean[0] += 0.1
    assert not stand_apart(mean, np.zeros(500, dtype=int)).any()


def test_the_check_names_the_images(rng):
    images = np.clip(rng.normal(rng.normal(120, 8, 300)[:, None, None], 30, (300, 8, 8)), 0, 255)
    images = images.astype(np.uint8)
    labels = np.arange(300) % 2
    parts = images[:200], labels[:200], images[200:], labels[200:]
    assert not check_arrays(*parts)["image-brightness"].failed
    images[150], images[260] = images[150] // 50, 255 - images[260] // 50
    found = check_arrays(*parts)["image-brightness"]
    assert [one.rows for one in found.exhibits] == [(("training", 150),), (("test", 60),)]
    assert found.n_affected == 2
