"""Labels and probabilities to score."""

import numpy as np
from scipy.special import expit


def two_columns(p):
    """The probabilities of two classes, from that of the positive one."""
    return np.stack([1 - np.asarray(p), np.asarray(p)], axis=1)


def draw_answers(rng, n):
    """Labels and probabilities that are a little too sure of themselves."""
    margin = rng.normal(size=n) * 2.5 - 2
    return (rng.random(n) < expit(margin)).astype(int), two_columns(expit(1.3 * margin))
