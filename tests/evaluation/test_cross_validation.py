"""Cross-validation by zero weights against refits on copies."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GroupKFold, LeaveOneOut, RepeatedKFold, ShuffleSplit

from imlogit import LogisticRegression, LogisticRegressionCV, cross_validate
from imlogit.estimators.folds import split_rows
from imlogit.estimators.training_data import prepare
from imlogit.evaluation.scores import score


@pytest.fixture(scope="module")
def checked(few):
    return cross_validate(LogisticRegression(), *few, cv=4)


def refit(few, fold, **how):
    images, y = few
    return LogisticRegression(**how).fit(images[fold.train], y[fold.train])


def test_each_fold_is_its_refit_within_the_certificates(few, checked):
    images, _ = few
    for fold in checked.folds:
        alone = refit(few, fold)
        gaps = np.sqrt(2 * fold.certificate.gap) + np.sqrt(2 * alone.certificate_.gap)
        # margins differ by no more than the weights do, times the longest image
        longest = np.linalg.norm(images.reshape(len(images), -1) / 255, axis=1).max()
        ours = checked.probabilities[fold.test]
        np.testing.assert_allclose(
            ours, alone.predict_proba(images[fold.test]), atol=0.25 * 2 * gaps * longest
        )


def test_tightly_solved_folds_equal_their_refits(few):
    images, _ = few
    checked = cross_validate(LogisticRegression(0.01, tol=1e-10), *few, cv=3)
    for fold in checked.folds:
        expected = refit(few, fold, C=0.01, tol=1e-10).predict_proba(images[fold.test])
        np.testing.assert_allclose(checked.probabilities[fold.test], expected, atol=1e-5)


def test_the_full_fit_comes_with_it(few, checked):
    alone = LogisticRegression().fit(*few)
    np.testing.assert_array_equal(checked.estimator.coef_, alone.coef_)


def test_every_image_is_held_out_once(few, checked):
    held_out = np.concatenate([fold.test for fold in checked.folds])
    assert sorted(held_out) == list(range(500))
    assert not np.isnan(checked.probabilities).any()
    assert checked.pooled.n == 500
    for fold in checked.folds:
        assert not set(fold.train) & set(fold.test)
        assert fold.certificate.converged


def test_scores_are_those_of_the_held_out_rows(few, checked):
    codes = few[1].astype(int)
    for fold in checked.folds:
        held_out = checked.probabilities[fold.test]
        again = score(codes[fold.test], held_out, origin="out-of-fold")
        assert again.to_dict() == fold.scores.to_dict()
    values = [fold.scores["accuracy"].value for fold in checked.folds]
    assert checked.mean("accuracy") == pytest.approx(np.mean(values))
    assert checked.std("accuracy") == pytest.approx(np.std(values, ddof=1))
    assert (checked.predictions == few[1]).mean() == checked.pooled["accuracy"].value


def test_folds_are_stratified_and_shuffled_by_the_seed(few):
    shares = [
        few[1][fold.test].mean() for fold in cross_validate(LogisticRegression(), *few, cv=5).folds
    ]
    assert max(shares) - min(shares) < 0.02
    folds = [
        cross_validate(LogisticRegression(random_state=seed), *few, cv=2).folds[0].test.tolist()
        for seed in (0, 0, 1)
    ]
    assert folds[0] == folds[1] != folds[2]


def test_any_splitter(few):
    images, y = few
    model = LogisticRegression(1e-3)
    groups = np.arange(500) % 10
    grouped = cross_validate(model, images, y, groups=groups, cv=GroupKFold(3))
    for fold in grouped.folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
    even, odd = np.arange(0, 500, 2), np.arange(1, 500, 2)
    by_hand = [(even, odd), (odd, even)]
    assert len(cross_validate(model, images, y, cv=by_hand).folds) == 2
    few_rows = np.r_[0:10, 100:110]
    alone = cross_validate(model, images[few_rows], y[few_rows], cv=LeaveOneOut())
    assert len(alone.folds) == 20


def test_rows_held_out_never_or_twice(few):
    images, y = few
    once = cross_validate(
        LogisticRegression(1e-3), images, y, cv=ShuffleSplit(1, test_size=0.3, random_state=0)
    )
    assert np.isnan(once.probabilities[:, 0]).sum() == 350
    assert once.pooled.n == len(once.predictions) == 150
    twice = cross_validate(
        LogisticRegression(1e-3),
        images,
        y,
        cv=RepeatedKFold(n_splits=2, n_repeats=2, random_state=0),
    )
    assert len(twice.folds) == 4
    np.testing.assert_allclose(twice.probabilities.sum(axis=1), 1)


def test_weights_and_class_weights_hold_in_the_folds(few):
    images, y = few
    weights = 1.0 + np.arange(500) % 3
    checked = cross_validate(
        LogisticRegression(class_weight="balanced", tol=1e-12),
        images,
        y,
        sample_weight=weights,
        cv=2,
    )
    for fold in checked.folds:
        alone = LogisticRegression(class_weight="balanced", tol=1e-12).fit(
            images[fold.train], y[fold.train], weights[fold.train]
        )
        np.testing.assert_allclose(
            checked.probabilities[fold.test], alone.predict_proba(images[fold.test]), atol=1e-5
        )


def test_many_classes(embedded):
    images, labels = embedded.images[::10], embedded.labels[::10]
    checked = cross_validate(LogisticRegression(1e-2), images, labels, cv=2)
    assert checked.probabilities.shape == (500, 10)
    assert checked.pooled["accuracy"].value > 0.7
    alone = LogisticRegression(1e-2).fit(
        images[checked.folds[0].train], labels[checked.folds[0].train]
    )
    test = checked.folds[0].test
    np.testing.assert_allclose(
        checked.probabilities[test], alone.predict_proba(images[test]), atol=2e-3
    )


def test_the_estimator_is_not_modified(few):
    model = LogisticRegression()
    cross_validate(model, *few, cv=2)
    assert not hasattr(model, "coef_")


def test_progress_counts_all_columns(few):
    seen = []
    cross_validate(LogisticRegression(), *few, cv=2, observe=seen.append)
    assert {news.total for news in seen} == {3}
    assert [news.done for news in seen] == sorted(news.done for news in seen)
    assert seen[-1][0] == 3


@pytest.mark.parametrize("cv", [1, 51, -2])
def test_numbers_of_folds_that_are_none(few, cv):
    with pytest.raises(ValueError, match=rf"cv={cv} folds: .*smallest class, which has 50"):
        cross_validate(LogisticRegression(), *few, cv=cv)


def test_rows_drawn_twice_count_twice(few):
    images, y = few
    drawn = np.random.default_rng(0).integers(0, 400, 400)
    test = np.arange(400, 500)
    model = LogisticRegression(1e-2, tol=1e-10)
    y = np.random.default_rng(1).permutation(y)
    checked = cross_validate(model, images, y, cv=[(drawn, test)])
    alone = LogisticRegression(1e-2, tol=1e-10).fit(images[drawn], y[drawn])
    np.testing.assert_allclose(
        checked.probabilities[test], alone.predict_proba(images[test]), atol=1e-5
    )
    assert np.isnan(checked.std("accuracy"))


def test_rows_both_trained_on_and_held_out_are_refused(few):
    rows = np.arange(500)
    with pytest.raises(ValueError, match=r"fold 1 of 1 trains on 500 of the rows.*not seen"):
        cross_validate(LogisticRegression(), *few, cv=[(rows, rows)])


@pytest.mark.parametrize("cv", [None, True, 3.0, "five"])
def test_folds_that_are_no_folds(few, cv):
    with pytest.raises(ValueError, match=f"cv={cv!r}"):
        cross_validate(LogisticRegression(), *few, cv=cv)


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        ([], "gives no folds"),
        ([(np.arange(500), [])], "fold 1 of 1 holds no row out"),
        ([(np.arange(400), [500])], "rows that are none of the 500: index 500"),
        ([(np.ones(499, bool), [499])], "rows that are none of the 500"),
    ],
)
def test_rows_that_are_no_folds(few, cv, message):
    with pytest.raises(ValueError, match=message):
        cross_validate(LogisticRegression(), *few, cv=cv)


def test_masks_are_rows_and_counts_take_a_byte_a_row(few):
    inside = np.arange(500) % 5 > 0
    masks = cross_validate(LogisticRegression(1e-3), *few, cv=[(inside, ~inside)])
    indices = [(np.flatnonzero(inside), np.flatnonzero(~inside))]
    expected = cross_validate(LogisticRegression(1e-3), *few, cv=indices)
    np.testing.assert_array_equal(masks.probabilities, expected.probabilities)
    data = prepare(LogisticRegression(), *few, None)
    (only,) = split_rows([(inside, ~inside)], data, {}, None)
    assert only.times.dtype == np.uint8


@pytest.mark.parametrize("other", [DummyClassifier(), LogisticRegressionCV()])
def test_other_estimators_are_refused(few, other):
    with pytest.raises(TypeError, match=rf"not {type(other).__name__}:.*scikit-learn"):
        cross_validate(other, *few)


def test_a_fold_that_lacks_a_class(few):
    images, y = few
    order = np.argsort(y, kind="stable")
    with pytest.raises(
        ValueError, match=r"training part of fold 2 of 2 has no image of class True"
    ):
        cross_validate(
            LogisticRegression(),
            images[order],
            y[order],
            cv=[
                (np.arange(0, 500, 2), np.arange(1, 500, 2)),
                (np.arange(100), np.arange(100, 500)),
            ],
        )
