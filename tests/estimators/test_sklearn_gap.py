"""How far scikit-learn's fits are from the optimum of the objective that is shared."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as Peer

from imlogit.estimators.sklearn_gap import relative_gap


@pytest.fixture
def data(rng):
    x = rng.normal(size=(120, 4))
    return x, x[:, 0] + rng.normal(size=120) > 0


def test_of_a_fit_at_its_optimum_and_one_that_is_not(data):
    assert relative_gap(Peer(tol=1e-10).fit(*data), *data) < 1e-8
    far = Peer().fit(*data)
    far.coef_ = far.coef_ + 1.0
    assert relative_gap(far, *data) > 1e-2


@pytest.mark.parametrize("how", [{"penalty": None}, {"C": np.inf}, {"solver": "liblinear"}])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_of_another_objective_nothing_is_known(data, how):
    assert relative_gap(Peer(**how).fit(*data), *data) is None
