"""Intervals of mean losses: Wilson's where they come to it, and wide where nothing was seen."""

import math

import numpy as np
import pytest

from imlogit.core.loss import log_losses
from imlogit.evaluation.intervals import wilson
from imlogit.evaluation.tilting import mean_loss

from helpers.probabilities import draw_answers, two_columns


def test_one_probability_for_all_is_wilsons_interval(monkeypatch):
    """Without the skewness, which Wilson leaves out, and at the variance that the model has."""
    monkeypatch.setattr("imlogit.evaluation.tilting.MOST_SKEWNESS", 0.0)
    p, codes = two_columns(np.full(400, 0.1)), (np.arange(400) < 37).astype(int)
    losses = log_losses(p)
    of_no, of_yes = losses[0]
    expected = [of_no + end * (of_yes - of_no) for end in wilson(37, 400)]
    assert mean_loss(losses, p, codes) == pytest.approx(expected, rel=1e-5)


def test_what_no_sample_shows_the_probabilities_do():
    """Twenty images that are right, each at 0.9: some of them could have been wrong."""
    p, codes = two_columns(np.full(20, 0.1)), np.zeros(20, dtype=int)
    low, high = mean_loss(log_losses(p), p, codes)
    assert low == pytest.approx(-math.log(0.9))
    assert 0.9 * low + 0.1 * -math.log(0.1) < high < 0.7 * low + 0.3 * -math.log(0.1)


@pytest.mark.parametrize("wrong", [0, 1, 30])
def test_a_model_that_is_sure_of_everything(wrong):
    codes = np.zeros(30, dtype=int)
    p = two_columns((np.arange(30) < wrong) * 1.0)
    losses = log_losses(p)
    low, high = mean_loss(losses, p, codes)
    assert low <= losses[:, 0].mean() <= high
    assert 1 < high - low < 15


def test_losses_that_no_label_changes_have_no_interval():
    p = two_columns(np.full(20, 0.5))
    assert all(map(math.isnan, mean_loss(log_losses(p), p, np.arange(20) % 2)))


def test_of_many_images_it_is_the_normal_interval(rng):
    n = 40_000
    codes, p = draw_answers(rng, n)
    losses = log_losses(p)
    own = losses[np.arange(n), codes]
    half = 1.959964 * own.std() / math.sqrt(n)
    low, high = mean_loss(losses, p, codes)
    assert (low, high) == pytest.approx((own.mean() - half, own.mean() + half), abs=0.05 * half)
    # but for what skewness adds
    assert high - own.mean() > own.mean() - low
