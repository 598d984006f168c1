import numpy as np

from imlogit.features.patching.centres import patch_centres


def test_centres_are_the_directions_that_patches_lie_along_either_way():
    rng = np.random.default_rng(0)
    true = np.linalg.qr(rng.normal(size=(8, 8)))[0][:3]
    sizes = rng.uniform(1, 3, 5000) * rng.choice([-1, 1], 5000)
    patches = sizes[:, None] * true[np.arange(5000) % 3] + rng.normal(0, 0.02, (5000, 8))
    first = true + rng.normal(0, 0.2, (3, 8))
    found = patch_centres(patches, first / np.linalg.norm(first, axis=1, keepdims=True))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    np.testing.assert_allclose((found * true).sum(axis=1), 1, atol=1e-4)


def test_a_centre_without_patches_stays():
    first = np.eye(3)[[0, 1, 0]]
    patches = np.tile([[0.0, -2.0, 0.0]], (10, 1))
    np.testing.assert_array_equal(patch_centres(patches, first), np.eye(3)[[0, 1, 0]])
    np.testing.assert_array_equal(patch_centres(np.zeros((0, 3)), first), first)
