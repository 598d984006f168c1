import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from imlogit.evaluation.label_scores import mean_average_precision, told_apart

RNG = np.random.default_rng(0)
P = RNG.random((200, 4))
Y = (RNG.random((200, 4)) < P * [0.3, 0.6, 0.9, 0]).astype(np.intp)


def test_labels_that_no_row_has_are_left_out_of_the_mean():
    assert told_apart(Y).tolist() == [0, 1, 2]
    wanted = np.mean([average_precision_score(Y[:, k], P[:, k]) for k in range(3)])
    for intervals in (False, True):
        found = mean_average_precision(Y, P, intervals=intervals)
        assert found.value == pytest.approx(wanted, abs=1e-12)
    assert np.isnan(mean_average_precision(Y[:, 3:], P[:, 3:], intervals=True).value)
    assert np.isnan(mean_average_precision(1 - Y[:, 3:], P[:, 3:]).value)


def test_the_interval_is_as_wide_as_that_of_rows_drawn_again():
    """Labels that go together tell less than as many that do not: rows are drawn with all."""
    own, p = np.repeat(Y[:, :1], 6, axis=1), np.repeat(P[:, :1], 6, axis=1)
    apart = RNG.permuted(np.arange(200)[:, None].repeat(6, axis=1), axis=0)
    for rows in (np.arange(200)[:, None], apart):
        labels, said = own[rows, np.arange(6)], p[rows, np.arange(6)]
        draws = [
            mean_average_precision(labels[some], said[some]).value
            for some in RNG.integers(200, size=(300, 200))
        ]
        low, high = np.quantile(draws, [0.025, 0.975])
        found = mean_average_precision(labels, said, intervals=True)
        assert found.low < found.value < found.high
        assert 0.75 < (found.high - found.low) / (high - low) < 1.4
