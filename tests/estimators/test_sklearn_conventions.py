"""scikit-learn's own conformance checks, every one of them.

Of a single fit on every engine; of a choice of C, which is the same fits, on those that start
at once: TensorFlow's small fits would take two minutes. Nothing is covered here alone, and being
watched would make it half as long again.
"""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from imlogit import LogisticRegression, LogisticRegressionCV

from helpers.engines import INSTALLED

pytestmark = pytest.mark.no_cover


@parametrize_with_checks(
    [LogisticRegression(engine=name) for name in INSTALLED]
    + [LogisticRegressionCV(Cs=3, cv=3, engine=name) for name in INSTALLED if name != "tensorflow"]
)
@pytest.mark.filterwarnings("ignore::imlogit.errors.GridEdgeWarning")
@pytest.mark.filterwarnings("ignore::imlogit.errors.PixelScaleWarning")
def test_conforms(estimator, check):
    check(estimator)
