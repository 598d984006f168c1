"""A saved model on images of another source: what is said where they do not fit."""

import numpy as np
import pytest

import imlogit
from imlogit.data.image_set import ImageSet
from imlogit.errors import DataError


def image_set(shape, names=("cat", "dog")):
    images = np.arange(8, dtype=np.uint8).repeat(np.prod(shape)).reshape(8, *shape)
    labels = np.arange(8) % len(names)
    return ImageSet(images, labels, names, n_train=8, name="these", origin="made by hand")


def model_of(images):
    names = np.array(images.class_names)[images.labels]
    return imlogit.LogisticRegression().fit(images.images, names)


@pytest.mark.parametrize(
    ("model", "given", "hint"),
    [
        ((10, 12), (40, 30), "size=(10, 12) brings them to it."),
        ((10, 12), (10, 12, 3), "grey=True brings them to it."),
        ((10, 12), (40, 30, 3), "size=(10, 12) and grey=True bring them to it."),
        ((10, 12, 3), (40, 30, 3), "size=(10, 12) brings them to it."),
        ((10, 12, 3), (10, 12), "images of 10 x 12."),
        ((10, 12, 3), (40, 30), "images of 40 x 30."),
        ((120,), (40, 30), "images of 40 x 30."),
    ],
)
def test_the_models_own_size_is_advised(model, given, hint):
    trained, others = image_set(model if len(model) > 1 else (10, 12)), image_set(given)
    fitted = model_of(trained)
    if len(model) == 1:
        rows = trained.images.reshape(8, -1)
        fitted = imlogit.LogisticRegression().fit(rows, trained.labels)
    with pytest.raises(DataError) as refused:
        imlogit.evaluate(fitted, others)
    assert str(refused.value).endswith(hint)
    assert refused.value.parameter == "size"


def test_photos_of_digits_are_for_predict():
    fitted = model_of(image_set((28, 28), ("3", "7")))
    with pytest.raises(DataError, match=r"predict takes prepare='digit'\.$"):
        imlogit.evaluate(fitted, image_set((40, 30), ("3", "7")))
