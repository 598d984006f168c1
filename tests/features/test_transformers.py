import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import imlogit
from imlogit.errors import DataError, ParameterError
from imlogit.features import Deskew, Hog, Onnx, Patches, Pixels

from helpers.networks import written
from helpers.tools import need

FEW = [
    Pixels(),
    Deskew(),
    Hog(cells=2, levels=1),
    Patches(filters=4, size=2, grid=1),
    Onnx("net.onnx", size="6"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a network."""
    folder = tmp_path_factory.mktemp("network")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def provide(step, home):
    """Write the network that a step needs, if it does, or skip the test."""
    if isinstance(step, Onnx) and not (home / "net.onnx").exists():
        need("onnxruntime")
        written(home, sides=("n", 1, "h", "w"))


@parametrize_with_checks(FEW)
def test_conforms(estimator, check, home):
    provide(estimator, home)
    check(estimator)


@pytest.mark.parametrize("step", FEW, ids=lambda one: type(one).__name__)
def test_rows_and_images_give_the_same(step, grey, home):
    provide(step, home)
    rows = grey.reshape(len(grey), -1)
    of_images = step.fit_transform(grey)
    step = clone(step).set_params(image_shape=(20, 22))
    assert np.array_equal(of_images, step.fit(rows).transform(rows))
    assert of_images.dtype == step.fitted_.dtype
    assert step.get_feature_names_out().size == of_images.shape[1]


def test_floats_up_to_one_are_taken_as_pixels(grey):
    whole = grey.copy()
    whole.flat[:2] = 0, 255
    step = Patches(filters=4)
    assert np.array_equal(step.fit_transform(whole), step.fit_transform(whole / 255))


def test_a_pipeline_learns(grey):
    labels = np.arange(len(grey)) % 2
    bright = grey // 2 + (labels[:, None, None] * np.tri(*grey.shape[1:]) * 100).astype(np.uint8)
    model = make_pipeline(Hog(cells=4), imlogit.LogisticRegression())
    assert model.fit(bright, labels).score(bright, labels) == 1


def test_what_cannot_be_is_refused(grey, colour):
    with pytest.raises(DataError, match=r"image_shape=\(3, 3\) has 9 values"):
        Pixels(image_shape=(3, 3)).fit(grey)
    with pytest.raises(DataError, match="fitted on images of shape 20 x 22"):
        Pixels().fit(grey).transform(grey.reshape(-1, 22, 20))
    with pytest.raises(DataError, match="grey images"):
        Deskew().fit(colour)
    with pytest.raises(DataError, match="10 x 10 or more, and these are 8 x 8"):
        Patches(image_shape=(8, 8)).fit(np.zeros((3, 64), np.uint8))
    with pytest.raises(ParameterError, match="filters=0 must be a whole number from 1"):
        Patches(filters=0).fit(grey)
