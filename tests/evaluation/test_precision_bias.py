import numpy as np
from sklearn.metrics import average_precision_score

from imlogit.evaluation.label_scores import mean_average_precision
from imlogit.evaluation.precision_bias import precision_bias

N, L, RATE, APART = 300, 40, 0.03, 1.5


def drawn(rng, n, n_labels):
    labels = (rng.random((n, n_labels)) < RATE).astype(np.intp)
    return labels, APART * labels + rng.standard_normal(labels.shape)


def test_intervals_of_rare_labels_hold_what_many_rows_say():
    """Nine rows a label: their mean average precision is 0.06 too large, thrice its deviation."""
    rng = np.random.default_rng(5)
    labels, scores = drawn(rng, 200_000, 1)
    truth = average_precision_score(labels[:, 0], scores[:, 0])
    found = [mean_average_precision(*drawn(rng, N, L), intervals=True) for _ in range(12)]
    assert np.mean([one.value for one in found]) > truth + 0.03
    assert sum(one.low < truth < one.high for one in found) >= 10
    assert max(one.high - one.low for one in found) < 0.2


def test_of_many_rows_and_of_a_perfect_order_there_is_no_bias():
    labels = (np.arange(3000) % 2)[:, None]
    rng = np.random.default_rng(0)
    assert precision_bias(labels, labels + rng.random(labels.shape)) == 0
    rare = (np.arange(40) % 8 == 0).astype(np.intp)[:, None]
    assert precision_bias(rare, rare + 0.5 * rng.random(rare.shape)) == 0
    assert precision_bias(rare[:8], rng.random((8, 1))) == 0  # a single row tells nothing of it
