"""Anyone's arrays: what is taken for images, data frames, and no test part."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression as Peer

from imlogit import check_arrays
from imlogit.checks.finding import Status
from imlogit.errors import KindError, ParameterError

from helpers.findings import failed_codes, scaled_rows


def test_embeddings_are_not_taken_for_images(rng):
    rows = rng.normal(size=(60, 64))
    found = check_arrays(rows, np.arange(60) % 2, rows[:5] + 1, [0, 1, 0, 1, 0])
    assert found["image-constant"].status is Status.NOT_APPLICABLE


def test_data_frames_and_a_missing_test_part(parts):
    images, digits, test, truth = parts
    frame, other = pd.DataFrame(scaled_rows(images)), pd.DataFrame(scaled_rows(test))
    assert failed_codes(check_arrays(frame, pd.Series(digits), other, pd.Series(truth))) == set()
    with pytest.raises(ParameterError, match="give X_test and y_test"):
        check_arrays(images, digits, test)


def test_sparse_rows_are_refused_in_words():
    with pytest.raises(KindError, match="sparse input is not taken"):
        check_arrays(csr_array(np.eye(4)), [0, 1, 0, 1])


@pytest.mark.parametrize("nothing", [None, np.array([None, None, None]), 0.0, [0.0, 0.0]])
def test_a_ratio_that_is_none_or_zero_is_a_ridge_penalty(nothing):
    x, y = load_iris(return_X_y=True)
    search = Peer(max_iter=2000).fit(x, y)
    search.l1_ratio_ = nothing
    assert check_arrays(x, y, estimator=search)["not-converged"].status is Status.PASSED


def test_a_lasso_has_no_distance_that_is_known():
    x, y = load_iris(return_X_y=True)
    search = Peer(max_iter=2000).fit(x, y)
    search.l1_ratio_ = np.array([0.5, 0.5, 0.5])
    assert check_arrays(x, y, estimator=search)["not-converged"].status is Status.NOT_APPLICABLE
