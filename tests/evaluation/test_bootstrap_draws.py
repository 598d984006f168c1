"""The bootstrap's draws of rows."""

import numpy as np
import pytest

from imlogit.errors import ParameterError
from imlogit.evaluation.bootstrap_draws import draw_replicates


def test_every_replicate_draws_as_many_rows_as_there_are():
    draws = draw_replicates(20, 300, None, 0)
    assert {drawn.dtype for drawn in draws} == {np.dtype(np.uint8)}
    assert {int(drawn.sum()) for drawn in draws} == {300}
    # a row is left out with a probability of 1 / e
    assert np.mean([(drawn == 0).mean() for drawn in draws]) == pytest.approx(1 / np.e, abs=0.02)


@pytest.mark.parametrize(
    ("how", "name"),
    [((np.zeros((3, 2)), 0), "groups"), ((None, "seed"), "random_state")],
    ids=["groups in two columns", "a seed that is none"],
)
def test_what_scikit_learn_refuses_is_an_error_of_our_own(how, name):
    with pytest.raises(ParameterError) as refused:
        draw_replicates(2, 3, *how)
    assert refused.value.parameter == name
