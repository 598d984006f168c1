"""What the tests of checks share: two parts of the embedded images."""

import numpy as np
import pytest


@pytest.fixture
def parts(embedded):
    """600 images to train on, 1,000 others to test on, with the digits as integers."""
    order = np.random.default_rng(0).permutation(len(embedded))
    train, test = order[:600], order[600:1600]
    return (
        embedded.images[train],
        embedded.labels[train],
        embedded.images[test],
        embedded.labels[test],
    )
