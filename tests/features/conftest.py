import numpy as np
import pytest


@pytest.fixture(scope="session")
def colour():
    """Smooth blobs of colour, 70 of 20 x 22: more than two blocks of rows."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:20, :22]
    at = rng.uniform(4, 16, (70, 3, 2, 1, 1))
    blobs = np.exp(-((y - at[:, :, 0]) ** 2 + (x - at[:, :, 1]) ** 2) / 20)
    return np.moveaxis((blobs * 255).astype(np.uint8), 1, -1)


@pytest.fixture(scope="session")
def grey(colour):
    return np.ascontiguousarray(colour[..., 0])
