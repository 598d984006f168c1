"""Thresholds: the wanted figure is reached, and nothing more of the other is given up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from imlogit.data.image_set import ImageSet
from imlogit.errors import DataError, ParameterError
from imlogit.evaluation.intervals import wilson
from imlogit.evaluation.thresholds import choose_threshold
from imlogit.model.head import head_of
from imlogit.model.persist import estimator_of
from imlogit.runs.options import TrainOptions
from imlogit.runs.train import train


def figures(positive, probability, threshold):
    called = probability >= threshold
    both = (called & positive).sum()
    return both / called.sum(), both / positive.sum()


@given(
    positive=st.lists(st.booleans(), min_size=2, max_size=40).filter(any),
    wanted=st.sampled_from(["precision", "recall"]),
    at_least=st.sampled_from([0.1, 0.5, 0.8, 0.95, 1.0]),
    data=st.data(),
)
def test_no_other_threshold_is_better(positive, wanted, at_least, data):
    n = len(positive)
    truth = np.array(positive)
    p = np.array(data.draw(st.lists(st.integers(1, 9), min_size=n, max_size=n))) / 10
    found = choose_threshold(truth, p, wanted, at_least)
    precision, recall = figures(truth, p, found.value)
    assert (found.precision.value, found.recall.value) == pytest.approx((precision, recall))
    all_of_them = [(*figures(truth, p, t), t) for t in np.unique(p)]
    place = ("precision", "recall").index(wanted)
    trials = {t: (p >= t).sum() if wanted == "precision" else truth.sum() for *_, t in all_of_them}
    sure = [
        one
        for one in all_of_them
        if wilson(round(one[place] * trials[one[2]]), trials[one[2]]).low >= at_least
    ]
    good = sure or [one for one in all_of_them if one[place] >= at_least]
    assert (found.reached, found.estimated) == (bool(sure), bool(good))
    if wanted == "recall":
        assert found.value == max(t for *_, t in good)
    elif good:
        assert recall == max(one[1] for one in good)
    else:
        assert precision == max(one[0] for one in all_of_them)


@pytest.mark.parametrize(
    ("wanted", "at_least", "n"),
    [
        ("precision", 0.9, 2000),
        ("precision", 0.95, 10_000),
        ("recall", 0.9, 500),
        ("recall", 0.95, 2000),
        ("precision", 0.99, 1000),
    ],
)
def test_reached_is_true_of_new_images(wanted, at_least, n):
    """Calibrated probabilities, whose true precision and recall at any threshold are known."""
    rng = np.random.default_rng(0)
    chance = -np.sort(-expit(4 * rng.standard_normal(500_000) - 4))
    found = np.cumsum(chance)
    true = found / (np.arange(len(chance)) + 1 if wanted == "precision" else found[-1])
    reached = kept = missed = 0
    for _ in range(200):
        p = expit(4 * rng.standard_normal(n) - 4)
        chosen = choose_threshold(rng.random(n) < p, p, wanted, at_least)
        holds = true[np.searchsorted(-chance, -chosen.value)] >= at_least
        reached += chosen.reached
        kept += chosen.reached and holds
        missed += chosen.reached and not holds
    assert missed <= 0.05 * 200
    if at_least == 0.99:  # 1,000 images hold too few to promise so much
        assert reached == 0
    else:
        assert reached >= 0.9 * 200
        assert kept >= 0.95 * reached


@pytest.mark.parametrize(
    ("wanted", "at_least", "match"),
    [("f1", 0.5, "give precision or recall"), ("recall", 0.0, "not possible")],
)
def test_what_cannot_be_wanted(wanted, at_least, match):
    with pytest.raises(ParameterError, match=match):
        choose_threshold(np.array([True, False]), np.array([0.9, 0.1]), wanted, at_least)


def test_no_positive_image():
    with pytest.raises(DataError, match="no image is positive"):
        choose_threshold(np.zeros(3, dtype=bool), np.full(3, 0.5), "recall", 0.5)


@pytest.fixture(scope="module")
def precise(embedded):
    return train(embedded, TrainOptions(folds=3, precision=0.9))


def test_a_run_keeps_the_threshold_and_scores_the_test_with_it(embedded, precise):
    chosen = precise.threshold
    assert precise.model.threshold == chosen.value
    assert chosen.reached
    assert chosen.precision.low >= 0.9
    assert chosen.value > 0.5
    images = embedded.images[precise.task.split.test]
    truth = embedded.labels[precise.task.split.test] == 2
    said = head_of(precise.model).answer(images)
    np.testing.assert_array_equal(said.labels, said.probabilities[:, 1] >= chosen.value)
    assert precise.test["accuracy"].value == (said.labels == truth).mean()
    assert precise.metrics["threshold"]["out_of_fold"]["precision"]["value"] >= 0.9
    assert "--precision 0.9" in precise.command()


def test_a_recall_is_reached_by_saying_yes_more_often(embedded):
    found = train(embedded, TrainOptions(folds=3, recall=0.95))
    assert found.threshold.recall.value >= 0.95
    assert found.threshold.value < 0.5
    # what accuracy gives up for recall is no fault of the model
    assert found.checks.ok


def test_a_refit_forgets_the_threshold(precise, few):
    images, is_two = few
    model = estimator_of(precise.model)
    assert model.threshold_ is not None
    assert model.fit(images, is_two).threshold_ is None


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"precision": 0.9, "recall": 0.9}, "cannot both"),
        ({"precision": 1.5}, "at most 1"),
        ({"recall": 0.9, "every_class": True}, "label to look for"),
    ],
)
def test_wishes_that_make_no_sense(embedded, options, match):
    with pytest.raises(ParameterError, match=match):
        train(embedded, **options)


def test_a_precision_out_of_reach_is_said(rng):
    images = rng.integers(0, 256, (80, 2, 2), dtype=np.uint8)
    noise = ImageSet(
        images=images,
        labels=rng.integers(0, 2, 80),
        class_names=("a", "b"),
        n_train=80,
        name="noise",
        origin="made for a test",
    )
    found = train(noise, TrainOptions(folds=2, precision=1.0)).threshold
    assert not found.reached
    assert not found.estimated
    assert found.precision.value < 1
