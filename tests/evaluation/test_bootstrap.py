"""Bootstrap by row counts against refits on the drawn rows, and intervals by hand."""

import sys
import warnings

import numpy as np
import pytest
from sklearn import metrics
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning

from imlogit import FitInterrupted, LogisticRegression, LogisticRegressionCV, bootstrap
from imlogit.errors import DataError, ParameterError
from imlogit.evaluation.bootstrap_draws import draw_replicates
from imlogit.evaluation.scores import NAMES, score


@pytest.fixture(scope="module")
def drawn(small):
    return bootstrap(LogisticRegression(), *small, n=20, scores=NAMES)


def test_each_replicate_is_its_refit(few):
    images, y = few
    weights = 1.0 + np.arange(500) % 3
    model = LogisticRegression(tol=1e-10, class_weight="balanced")
    found = bootstrap(model, images, y, n=3, sample_weight=weights, scores=())
    assert found.scores == {}
    for times, coef, intercept in zip(found.times, found.coef, found.intercept, strict=True):
        rows = np.repeat(np.arange(500), times)
        assert len(rows) == 500
        model.fit(images[rows], y[rows], weights[rows])
        np.testing.assert_allclose(coef, model.coef_, atol=1e-5)
        np.testing.assert_allclose(intercept, model.intercept_, rtol=1e-5)
    model.fit(images, y, weights)
    np.testing.assert_allclose(found.estimator.coef_, model.coef_, atol=1e-5)


def test_intervals_are_percentiles_of_the_replicates(small):
    found = bootstrap(LogisticRegression(), *small, n=20, confidence=0.8)
    accuracy = found.scores["accuracy"]
    for low, high, values in (
        (*found.coef_interval, found.coef),
        (*found.intercept_interval, found.intercept),
        (accuracy.low, accuracy.high, accuracy.values),
    ):
        np.testing.assert_allclose(low, np.percentile(values, 10, axis=0))
        np.testing.assert_allclose(high, np.percentile(values, 90, axis=0))
    assert found.n == len(found.certificates) == 20
    assert found.undefined == ()
    assert found.coef_interval.low.shape == (1, 49)
    assert found.intercept_interval.high.shape == (1,)


def test_out_of_bag_means_not_drawn(small, drawn):
    images, y = small
    flat = images.reshape(500, -1) / 255
    for k, times in enumerate(drawn.times):
        outside = np.setdiff1d(np.arange(500), np.repeat(np.arange(500), times))
        margins = flat[outside] @ drawn.coef[k, 0] + drawn.intercept[k, 0]
        p = 1 / (1 + np.exp(-margins))
        expected = score(y[outside].astype(int), np.stack([1 - p, p], axis=1))
        for name in NAMES:
            assert drawn.scores[name].values[k] == pytest.approx(expected[name].value)
    for found in drawn.scores.values():
        assert found.value == pytest.approx(np.nanmean(found.values))
        assert found.low <= found.value <= found.high


def test_test_images_are_scored_by_all_models(small):
    images, y = small
    inside = np.arange(500) % 5 > 0
    x, labels = images[~inside], y[~inside]
    found = bootstrap(
        LogisticRegression(), images[inside], y[inside], n=5, test=(x, labels), scores=["log_loss"]
    )
    loss = found.scores["log_loss"]
    model = found.estimator
    assert loss.value == pytest.approx(metrics.log_loss(labels, model.predict_proba(x)))
    for k, value in enumerate(loss.values):
        model.coef_, model.intercept_ = found.coef[k], found.intercept[k]
        assert value == pytest.approx(metrics.log_loss(labels, model.predict_proba(x)))


def test_replicates_that_lack_a_class_are_named_and_left_out(rare):
    images, labels = rare
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = bootstrap(LogisticRegression(1e-2), images, labels, n=30)
    lacking = [k for k, times in enumerate(found.times) if not times[[7, 20]].any()]
    assert 0 < len(lacking) < 15
    assert found.undefined == tuple((k, "two") for k in lacking)
    assert {k for k, c in enumerate(found.certificates) if c.status == "undefined"} == {*lacking}
    assert np.isnan(found.coef[lacking, 2]).all()
    kept = np.delete(found.coef, lacking, axis=0)
    assert not np.isnan(kept).any()
    low, high = found.coef_interval
    np.testing.assert_allclose(low[2], np.percentile(kept[:, 2], 2.5, axis=0))
    np.testing.assert_allclose(high[2], np.percentile(kept[:, 2], 97.5, axis=0))
    assert np.isfinite(low).all()
    assert np.flatnonzero(np.isnan(found.scores["accuracy"].values)).tolist() == lacking


def test_balanced_classes_may_be_lacking(rare):
    found = bootstrap(LogisticRegression(1e-2, class_weight="balanced"), *rare, n=30, scores=())
    assert {name for _, name in found.undefined} == {"two"}
    defined = np.delete(found.coef, [k for k, _ in found.undefined], axis=0)
    assert np.isfinite(defined).all()


def test_one_against_the_rest_keeps_the_classes_that_are_there(rare):
    found = bootstrap(LogisticRegression(1e-2, multi_class="ovr"), *rare, n=30, scores=())
    lacking = [replicate for replicate, _ in found.undefined]
    assert not np.isnan(found.coef[lacking, :2]).any()
    np.testing.assert_allclose(
        found.intercept_interval.low[:2], np.percentile(found.intercept[:, :2], 2.5, axis=0)
    )


def test_an_interval_needs_two_replicates():
    # one row of the other class: most draws of three rows lack a class
    x, y = np.array([[0.0], [1.0], [2.0]]), np.array([0, 0, 1])
    found = bootstrap(LogisticRegression(), x, y, n=2, random_state=3)
    assert {label for _, label in found.undefined} == {1}
    assert np.isnan(found.coef_interval.low).all()
    assert np.isnan(found.scores["accuracy"].low)


def test_weights_decide_who_is_lacking(rare):
    images, labels = rare
    weights = np.where(np.arange(60) == 7, 0.0, 1.0)
    found = bootstrap(LogisticRegression(1e-2), images, labels, n=10, sample_weight=weights)
    assert [k for k, _ in found.undefined] == np.flatnonzero(found.times[:, 20] == 0).tolist()


def test_groups_are_drawn_whole(small):
    groups = np.array([f"patient {k % 25}" for k in range(500)])
    found = bootstrap(LogisticRegression(), *small, n=5, groups=groups, scores=())
    for times in found.times:
        of_group = [set(times[groups == group]) for group in set(groups)]
        assert all(len(counts) == 1 for counts in of_group)
        assert sum(counts.pop() for counts in of_group) == 25


def test_counts_take_a_byte_a_row(drawn):
    assert drawn.times.dtype == np.uint8
    assert (drawn.times.sum(axis=1) == 500).all()
    assert drawn.times.mean(axis=0).std() == pytest.approx(1 / np.sqrt(20), rel=0.2)
    (large,) = draw_replicates(1, 2, None, np.random.RandomState(0))
    assert large.sum() == 2


def test_equal_seeds_equal_bits(small, drawn):
    again = bootstrap(LogisticRegression(), *small, n=20, random_state=0)
    np.testing.assert_array_equal(again.times, drawn.times)
    np.testing.assert_array_equal(again.coef, drawn.coef)
    np.testing.assert_array_equal(again.coef_interval, drawn.coef_interval)
    others = [
        bootstrap(LogisticRegression(random_state=1), *small, n=2, scores=()),
        bootstrap(LogisticRegression(), *small, n=2, random_state=1, scores=()),
    ]
    assert (others[0].times == others[1].times).all()
    assert (others[0].times != drawn.times[:2]).any()


def test_the_estimator_is_not_modified(small):
    model = LogisticRegression()
    bootstrap(model, *small, n=2)
    assert not hasattr(model, "coef_")


@pytest.mark.once
def test_intervals_cover_what_made_the_data():
    rng = np.random.default_rng(5)
    truth, covered = np.array([1.0, -0.5, 0.0]), []
    for _ in range(20):
        x = rng.normal(size=(250, 3))
        y = rng.random(250) < 1 / (1 + np.exp(-(x @ truth + 0.3)))
        found = bootstrap(LogisticRegression(100.0), x, y, n=50, scores=())
        (low,), (high,) = found.coef_interval
        covered += [*((low <= truth) & (truth <= high))]
        covered += [found.intercept_interval.low[0] <= 0.3 <= found.intercept_interval.high[0]]
    # 0.95 is promised for many replicates and many rows
    assert 0.85 <= np.mean(covered) <= 0.99


def test_progress_counts_all_columns(small):
    seen = []
    bootstrap(LogisticRegression(), *small, n=4, observe=seen.append)
    assert {news.total for news in seen} == {5}
    assert seen[-1].done == 5


def test_a_fit_short_of_its_gap_warns(few):
    with pytest.warns(ConvergenceWarning, match=r"for \d of 4 columns \(max_iter\)") as caught:
        bootstrap(LogisticRegression(1e3, max_iter=1, tol=1e-9), *few, n=3)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("finished", "n_left"), [((), None), ((0, 1), None), ((1, 2, 3), None), ((0, 2, 3, 5), 3)]
)
def test_ctrl_c_keeps_what_is_finished(small, monkeypatch, finished, n_left):
    # the package's name for it is the function
    home = sys.modules["imlogit.evaluation.bootstrap"]
    fit_all = home.fit_all

    def interrupted(estimator, data, fits, *, observe=None):
        found = fit_all(estimator, data, fits, observe=observe)
        raise FitInterrupted([one if k in finished else None for k, one in enumerate(found)])

    monkeypatch.setattr(home, "fit_all", interrupted)
    with pytest.raises(FitInterrupted) as stop:
        bootstrap(LogisticRegression(), *small, n=6)
    partial = stop.value.partial
    if n_left is None:
        assert partial is None
        return
    monkeypatch.undo()
    whole = bootstrap(LogisticRegression(), *small, n=6)
    kept = [k - 1 for k in finished[1:]]
    assert partial.n == n_left
    np.testing.assert_array_equal(partial.times, whole.times[kept])
    np.testing.assert_array_equal(partial.coef, whole.coef[kept])
    np.testing.assert_allclose(
        partial.coef_interval.low, np.percentile(whole.coef[kept], 2.5, axis=0)
    )
    assert partial.scores == {}


def test_ctrl_c_while_scoring_keeps_the_fits(small, drawn):
    def interrupted(labels, probabilities):
        raise KeyboardInterrupt

    with pytest.raises(FitInterrupted) as stop:
        bootstrap(LogisticRegression(), *small, n=20, scores=[interrupted])
    np.testing.assert_array_equal(stop.value.partial.coef, drawn.coef)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"n": 1}, "n=1 replicates: give a whole number of at least 2"),
        ({"n": 2.5}, "n=2.5"),
        ({"n": True}, "n=True"),
        ({"confidence": 1.0}, "confidence=1.0 must be a number between 0 and 1"),
        ({"confidence": 95}, "confidence=95"),
        ({"confidence": float("nan")}, "confidence=nan"),
        ({"scores": ["accurracy"]}, "not known. Did you mean 'accuracy'. Choose from accuracy, "),
        ({"scores": ["f1", "f1"]}, "two scores are called 'f1'"),
        ({"test": np.zeros((3, 7, 7))}, r"a pair of images and labels, \(X, y\)"),
        ({"groups": np.zeros(500)}, "one group only"),
        ({"groups": np.arange(499)}, "499 groups for 500 rows"),
    ],
)
def test_what_makes_no_sense(small, how, message):
    with pytest.raises(ParameterError, match=message):
        bootstrap(LogisticRegression(), *small, **how)


def test_test_images_that_do_not_fit(small):
    images, y = small
    model = LogisticRegression()
    with pytest.raises(DataError, match=r"hold '2'.* training labels: False, True"):
        bootstrap(model, images, y, n=2, test=(images[:3], ["2", "2", "3"]))
    with pytest.raises(DataError, match="images of shape 28 x 28"):
        bootstrap(model, images, y, n=2, test=(np.zeros((2, 28, 28), np.uint8), y[:2]))
    with pytest.raises(DataError, match="inconsistent"):
        bootstrap(model, images, y, n=2, test=(images[:3], y[:2]))


@pytest.mark.parametrize("other", [DummyClassifier(), LogisticRegressionCV()])
def test_other_estimators_are_refused(small, other):
    with pytest.raises(TypeError, match=rf"not {type(other).__name__}:.*scikit-learn"):
        bootstrap(other, *small)
