"""Scores of many replicates over the same images, a few at a time."""

import numpy as np

from imlogit import LogisticRegression, bootstrap
from imlogit.evaluation import bootstrap_scores
from imlogit.evaluation.scores import NAMES


def test_models_are_scored_block_by_block(small, monkeypatch):
    drawn = bootstrap(LogisticRegression(), *small, n=20, scores=NAMES)
    monkeypatch.setattr(bootstrap_scores, "MOST_BYTES_OF_MARGINS", 8 * 500 * 3)
    again = bootstrap(LogisticRegression(), *small, n=20, scores=NAMES)
    for name in NAMES:
        np.testing.assert_allclose(again.scores[name].values, drawn.scores[name].values, rtol=1e-12)


def test_any_function_is_a_score(rare):
    seen = []

    def share_of_even(labels, probabilities):
        assert probabilities.shape == (len(labels), 3)
        seen.append(set(labels))
        return (labels == "even").mean()

    model = LogisticRegression(1e-2, random_state=4)
    found = bootstrap(model, *rare, n=10, scores=[share_of_even, "accuracy"])
    assert list(found.scores) == ["share_of_even", "accuracy"]
    assert 0.3 < found.scores["share_of_even"].value < 0.7
    assert set().union(*seen) <= {"even", "odd", "two"}
    assert list(bootstrap(model, *rare, n=2, scores="f1").scores) == ["f1"]
