"""Areas under curves, against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from imlogit.evaluation.curve_areas import area_terms, areas, curve_points
from imlogit.evaluation.scores import score

from helpers.probabilities import two_columns


@given(
    positive=st.lists(st.booleans(), min_size=2, max_size=60).filter(lambda y: len(set(y)) == 2),
    data=st.data(),
)
def test_areas_with_ties_agree_with_scikit_learn(positive, data):
    codes, n = np.array(positive, dtype=int), len(positive)
    p = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))) / 5
    found = score(codes, two_columns(p))
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(codes, p))
    assert found["average_precision"].value == pytest.approx(
        metrics.average_precision_score(codes, p)
    )


def test_terms_are_what_an_image_moves_the_areas_by(rng):
    """Against scikit-learn's areas where the image counts a little more."""
    positive, scores = rng.random(60) < 0.3, np.round(rng.random(60), 1)  # with ties
    found, weight = area_terms(positive, scores), 1e-5
    assert areas(positive, scores) == pytest.approx((found.roc_auc, found.average_precision))
    for image in range(60):
        counts = np.ones(60)
        counts[image] += weight
        for function, area, terms in (
            (metrics.roc_auc_score, found.roc_auc, found.roc_auc_terms),
            (
                metrics.average_precision_score,
                found.average_precision,
                found.average_precision_terms,
            ),
        ):
            moved = function(positive, scores, sample_weight=counts) - area
            assert moved / weight == pytest.approx(terms[image], abs=1e-5)


@given(
    positive=st.lists(st.booleans(), min_size=2, max_size=60).filter(lambda y: len(set(y)) == 2),
    data=st.data(),
)
def test_points_of_curves_agree_with_scikit_learn(positive, data):
    codes, n = np.array(positive, dtype=int), len(positive)
    p = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n))) / 5
    found = curve_points(codes == 1, p)
    false, true, _ = metrics.roc_curve(codes, p, drop_intermediate=False)
    assert found.false_positive_rate == pytest.approx(false[1:])
    assert found.recall == pytest.approx(true[1:])
    precision, _, _ = metrics.precision_recall_curve(codes, p)
    assert found.precision == pytest.approx(precision[-2::-1])
