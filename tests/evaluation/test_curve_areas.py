"""Areas under curves, against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

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
