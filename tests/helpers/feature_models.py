"""Models of features, with weights that nobody fitted."""

import numpy as np
from PIL import Image

from imlogit.features.chain import Chain
from imlogit.model.fields import SavedModel

CERTIFICATE = {
    "C": "1.0",
    "fit_intercept": True,
    "gap": 1e-7,
    "iterations": 9,
    "max_gradient": None,
    "objective": 3.5,
    "passes": 20,
    "relative_gap": 3e-8,
    "status": "converged",
    "tol": 1e-6,
}


def colour_images(n, shape=(22, 20)):
    """Return smooth pictures in colour."""
    small = np.random.default_rng(0).integers(0, 256, (n, 4, 4, 3), np.uint8)
    size = shape[::-1]
    return np.stack([np.asarray(Image.fromarray(one).resize(size)) for one in small])


def feature_model(text, images, n_classes=10, seed=0):
    """Return a model of steps that are fitted to images; its answers spread over the classes."""
    rng = np.random.default_rng(seed)
    features = Chain.parse(text).fit(images)
    rows = features.transform(images) * features.scale
    coef = rng.normal(size=(n_classes if n_classes > 2 else 1, features.n_features))
    coef *= 2 / max((rows @ coef.T).std(), 1e-9)
    described, arrays = features.to_parts()
    return SavedModel(
        coef=coef,
        intercept=-(rows @ coef.T).mean(axis=0),
        classes=tuple(map(str, range(n_classes))),
        classes_dtype="str",
        image_shape=images.shape[1:],
        pixel_scale=features.scale,
        fitted_dtype="uint8",
        multi_class="multinomial",
        data_name=None,
        data_sha256=None,
        positive=None,
        certificate=CERTIFICATE,
        versions={},
        features=described,
        feature_arrays=arrays,
    )
