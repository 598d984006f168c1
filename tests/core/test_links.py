"""Probabilities and their logarithms, also of margins that are far from each other."""

import numpy as np
import pytest

from imlogit.core.links import ONE_VS_REST, SIGMOID, SOFTMAX, log_probabilities, probabilities


@pytest.mark.parametrize("link", [SIGMOID, SOFTMAX, ONE_VS_REST])
def test_logarithms_are_those_of_the_probabilities(link, rng):
    margins = 3 * rng.normal(size=(50, 1 if link == SIGMOID else 4))
    p = probabilities(margins, link)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(log_probabilities(margins, link), np.log(p), rtol=1e-12)


@pytest.mark.parametrize("link", [SIGMOID, SOFTMAX, ONE_VS_REST])
@pytest.mark.filterwarnings("error")
def test_logarithms_of_what_underflows(link):
    margins = np.array([[1000.0]] if link == SIGMOID else [[1000.0, 0.0, -1000.0]])
    logs = log_probabilities(margins, link)[0]
    expected = {
        SIGMOID: [-1000, 0],
        SOFTMAX: [0, -1000, -2000],
        ONE_VS_REST: [-np.log(1.5), -np.log(3), -1000 - np.log(1.5)],
    }
    np.testing.assert_allclose(logs, expected[link], rtol=1e-12)
