"""Bootstrap intervals of scores: they hold the figure, and cover the truth."""

import math

import numpy as np
import pytest

from imlogit.evaluation import score_intervals
from imlogit.evaluation.score_intervals import MOST_ROWS
from imlogit.evaluation.scores import NAMES, score

from helpers.probabilities import draw_answers


@pytest.mark.parametrize("n_classes", [2, 5])
def test_every_figure_has_an_interval_that_holds_it(rng, n_classes):
    codes = rng.integers(0, n_classes, 500)
    p = rng.dirichlet(np.ones(n_classes), 500) + np.eye(n_classes)[codes] * 0.5
    p /= p.sum(axis=1, keepdims=True)
    found = score(codes, p, origin="test", intervals=True)
    assert found.origin == "test"
    for name in NAMES:
        one = found[name]
        assert one.low <= one.value <= one.high, name
        assert one.high - one.low < 0.4, name
        assert one.interval in ("Wilson", "DeLong", "bootstrap")
    assert score(codes, p, origin="test", intervals=True).to_dict() == found.to_dict()
    assert found["accuracy"].interval == "Wilson"
    assert found["roc_auc"].interval == ("DeLong" if n_classes == 2 else "bootstrap")


def test_intervals_of_many_images_are_as_narrow_as_they_should_be(rng):
    """More images than the bootstrap draws from: the spread is scaled."""
    n = 4 * MOST_ROWS
    codes, p = draw_answers(rng, n)
    found = score(codes, p, ["log_loss"], intervals=True)["log_loss"]
    terms = -np.log(p[np.arange(n), codes])
    expected = 2 * 1.96 * terms.std() / math.sqrt(n)
    assert found.high - found.low == pytest.approx(expected, rel=0.2)


def test_intervals_of_many_images_are_about_the_figure_of_all(rng, monkeypatch):
    """Of more images than are drawn from: the figure of those is not the figure of all."""
    monkeypatch.setattr(score_intervals, "MOST_ROWS", 400)
    truth = score(*draw_answers(rng, 200_000))
    names = ["average_precision", "brier", "log_loss"]
    hits = dict.fromkeys(names, 0)
    for _ in range(100):
        found = score(*draw_answers(rng, 4000), names, intervals=True)
        for name in names:
            assert found[name].low < found[name].value < found[name].high
            hits[name] += found[name].low <= truth[name].value <= found[name].high
    assert all(87 <= count <= 100 for count in hits.values()), hits


def test_intervals_cover_the_truth(rng):
    """In about 95 of 100 samples; benchmarks.checks simulates more of them."""
    truth = score(*draw_answers(rng, 200_000))
    names = ["balanced_accuracy", "roc_auc", "average_precision", "brier"]
    hits = dict.fromkeys(names, 0)
    for _ in range(100):
        found = score(*draw_answers(rng, 600), names, intervals=True)
        for name in names:
            hits[name] += found[name].low <= truth[name].value <= found[name].high
    assert all(87 <= count <= 100 for count in hits.values()), hits
