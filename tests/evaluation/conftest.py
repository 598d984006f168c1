"""What the tests of the bootstrap share: small images, and a class of two."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def small(few):
    """Every fourth pixel only, so that a fit takes no time."""
    images, y = few
    return np.ascontiguousarray(images[:, ::4, ::4]), y


@pytest.fixture
def rare(small):
    """Sixty images of three classes, one of which has two."""
    labels = np.array(["even", "odd"])[np.arange(60) % 2]
    labels[[7, 20]] = "two"
    return small[0][:60], labels
