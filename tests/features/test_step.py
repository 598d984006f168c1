"""One suite for every step."""

import numpy as np
import pytest

from imlogit.errors import DataError
from imlogit.features.chain import Chain
from imlogit.features.table import STEPS

from helpers.networks import written
from helpers.tools import need

TEXTS = {
    "pixels": ["pixels"],
    "deskew": ["deskew"],
    "hog": ["hog:cells=4", "hog:cells=3,levels=1,signed=no,colour=yes"],
    "patches": [
        *("patches:filters=5,size=4,grid=3", "patches:filters=300,grid=1"),
        "patches:filters=5,size=4,grid=3,by=kmeans",
    ],
    "onnx": ["onnx:net.onnx,size=12"],
}
ALL = [text for texts in TEXTS.values() for text in texts]


def images_for(text, grey, colour):
    return grey if text == "deskew" else colour


def test_every_step_is_tried():
    assert set(TEXTS) == set(STEPS)


@pytest.fixture(scope="module", params=ALL)
def case(request, grey, colour, tmp_path_factory):
    images = images_for(request.param, grey, colour)
    (step,) = Chain.parse(request.param).steps
    if request.param.startswith("onnx"):
        need("onnxruntime")
        folder = tmp_path_factory.mktemp("network")
        written(folder, sides=("n", 3, "h", "w"))
        step = step.at(folder / "net.onnx")
    return step, images, step.fit(images, seed=0)


def test_it_makes_what_it_says(case):
    step, images, fitted = case
    made = fitted.transform(images)
    assert made.shape == (len(images), *fitted.output_shape)
    assert made.dtype == fitted.dtype
    assert fitted.scale == (1 / 255 if fitted.dtype == np.uint8 else 1)
    assert made.std() > (1 if fitted.dtype == np.uint8 else 0.1)
    assert len({one.tobytes() for one in made}) > len(made) // 2
    assert {name: one.shape for name, one in fitted.arrays.items()} == {
        name: kind.shape for name, kind in step.array_kinds(fitted.input_shape).items()
    }


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_bits_do_not_depend_on_threads(case, monkeypatch, threads):
    step, images, fitted = case
    monkeypatch.setenv("IMLOGIT_NUM_THREADS", "1")
    alone = fitted.transform(images)
    monkeypatch.setenv("IMLOGIT_NUM_THREADS", str(threads))
    again = step.fit(images, seed=0)
    assert np.array_equal(again.transform(images), alone)
    for name, array in fitted.arrays.items():
        assert np.array_equal(again.arrays[name], array)


def test_rows_do_not_depend_on_their_neighbours(case):
    _, images, fitted = case
    some = [41, 3, 3]
    assert np.array_equal(fitted.transform(images[some]), fitted.transform(images)[some])


def test_evidence_adds_up(case):
    _, images, fitted = case
    weights = np.random.default_rng(0).normal(size=fitted.n_features)
    shares = fitted.evidence(images[:3], weights)
    assert shares.shape == images[:3].shape
    margins = fitted.transform(images[:3]).reshape(3, -1) @ weights * fitted.scale
    if not fitted.adds_up:
        assert np.ptp(shares, axis=(1, 2, 3)).min() > 0
        return
    np.testing.assert_allclose(shares.reshape(3, -1).sum(axis=1), margins, atol=1e-9)


def test_images_of_another_shape_or_type_are_refused(case):
    _, images, fitted = case
    with pytest.raises(DataError, match="got images of shape 19 x 22"):
        fitted.transform(images[:, 1:])
    with pytest.raises(DataError, match="take images of uint8, and got float64"):
        fitted.transform(images / 255)


def test_one_channel_may_be_named(case, grey):
    step, *_ = case
    named = grey[..., None]
    one, other = (step.fit(some, seed=0).transform(some) for some in (grey, named))
    assert np.array_equal(one.ravel(), other.ravel())


@pytest.mark.parametrize("text", [t for t in ALL if t.startswith(("hog", "patches"))])
def test_images_too_small_are_refused(text, grey):
    with pytest.raises(DataError, match="or more, and these are 3 x 22"):
        Chain.parse(text).fit(np.ascontiguousarray(grey[:, :3]))


def test_no_images_are_no_features(case):
    _, images, fitted = case
    assert fitted.transform(images[:0]).shape == (0, *fitted.output_shape)
