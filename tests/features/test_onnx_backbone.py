"""A network as a step: what it makes, beside SciPy, and what it refuses."""

import pickle

import numpy as np
import pytest

from imlogit.errors import DataError, MissingExtraError
from imlogit.features.chain import Chain, FittedChain
from imlogit.features.step import NoFeaturesError

from helpers.networks import SIDE, WIDTH, pooled_of, weights_as_inputs, written
from helpers.tools import need

onnx = need("onnx")
need("onnxruntime")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (37, SIDE, SIDE, 3), np.uint8)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return written(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def fitted(place, images):
    return Chain.parse(f"onnx:{place},mean=0.5,std=0.25").fit(images)


def test_features_are_what_scipy_computes(fitted, images):
    made = fitted.transform(images)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, pooled_of(images, mean=0.5, std=0.25), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "how",
    [
        {"sides": ("n", SIDE, SIDE, 3)},
        {"sides": (2, 3, SIDE, SIDE)},
        {"kind": "FLOAT16"},
        {"kind": "UINT8"},
        {"ir_version": 3, "opset": 9, "change": weights_as_inputs},
    ],
    ids=["last", "pairs", "half", "bytes", "old"],
)
def test_layouts_types_and_batches(tmp_path, images, how):
    made = Chain.parse(f"onnx:{written(tmp_path, **how)}").fit(images).transform(images)
    unit = 1 / 255 if how.get("kind") == "UINT8" else 1
    rtol = 5e-3 if how.get("kind") == "FLOAT16" else 1e-4
    np.testing.assert_allclose(made, pooled_of(images, std=unit), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_the_size_of_a_batch_changes_no_more_than_rounding(place, fitted, images, batch):
    other = Chain.parse(f"onnx:{place},mean=0.5,std=0.25,batch={batch}").fit(images)
    np.testing.assert_allclose(other.transform(images), fitted.transform(images), rtol=1e-5)


def test_images_are_brought_to_its_size_and_colours(tmp_path, images):
    place = written(tmp_path, sides=("n", 3, "h", "w"))
    grey = np.repeat(np.repeat(images[:3, :, :, 0], 2, axis=1), 2, axis=2)
    chain = Chain.parse(f"onnx:{place},size={SIDE}")
    shades = np.repeat(grey[..., None], 3, axis=3)
    one, other = (chain.fit(some).transform(some) for some in (grey, shades))
    np.testing.assert_array_equal(one, other)
    flat = np.full((1, 30, 20, 3), 100, np.uint8)
    expected = pooled_of(np.full((1, SIDE, SIDE, 3), 100, np.uint8))
    np.testing.assert_allclose(chain.fit(flat).transform(flat), expected, rtol=1e-5)


def test_a_model_file_holds_all_that_was_taken_and_no_folder(fitted, images, place):
    described, arrays = fitted.to_parts()
    (step,) = described["steps"]
    assert not arrays
    assert step["parameters"] == {
        "file": "net.onnx",
        "output": "pooled",
        "size": f"{SIDE}x{SIDE}",
        "mean": "0.5",
        "std": "0.25",
        "layout": "NCHW",
        "order": "rgb",
        "batch": 8,
        "sha256": fitted.steps[0].session.sha256,
    }
    again = FittedChain.from_parts(described, arrays, place)
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))
    assert again.to_parts()[0] == described


def test_another_backbone_is_refused(fitted, tmp_path):
    described, arrays = fitted.to_parts()
    with pytest.raises(DataError, match="another than that of the fit: its SHA-256 is"):
        FittedChain.from_parts(described, arrays, written(tmp_path, seed=1))
    with pytest.raises(DataError, match=r"net.onnx is not beside it: give .* backbone=\.\.\."):
        FittedChain.from_parts(described, arrays)


def nan_of_bright(_, parts):
    """The square root of what is below zero for a picture that is all white."""
    helper = onnx.helper
    parts["weights"].append(onnx.numpy_helper.from_array(np.float32(0.999), "most"))
    parts["nodes"][3:] = [
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("ReduceMean", ["images", "sides"], ["shade"], keepdims=0),
        helper.make_node("Sub", ["most", "shade"], ["room"]),
        helper.make_node("Sqrt", ["room"], ["root"]),
        helper.make_node("Unsqueeze", ["root", "one"], ["column"]),
        helper.make_node("Add", ["flat", "column"], ["pooled"]),
        helper.make_node("MatMul", ["pooled", "head"], ["logits"]),
    ]
    array = np.array([1, 2, 3])
    parts["weights"] += [
        onnx.numpy_helper.from_array(array, "sides"),
        onnx.numpy_helper.from_array(array[:1], "one"),
    ]


@pytest.fixture(scope="module")
def dazzled(tmp_path_factory):
    """A network that answers NaN of a white picture."""
    return written(tmp_path_factory.mktemp("dazzled"), change=nan_of_bright)


@pytest.mark.parametrize("row", [0, 20, 36])
def test_an_image_of_which_it_answers_nan_is_named(dazzled, images, row):
    some = images.copy()
    some[row] = 255
    chain = Chain.parse(f"onnx:{dazzled},output=pooled").fit(images)
    with pytest.raises(NoFeaturesError, match=f"image {row}: the backbone answers NaN") as caught:
        chain.transform(some)
    assert caught.value.row == row


@pytest.mark.parametrize(
    ("how", "more", "match"),
    [
        ({"sides": ("n", 3, "h", "w")}, "", "does not say which it was trained on: say so"),
        ({}, ",output=maps", r"'maps' is of shape \(8, 6, 10, 10\) for 8 images, not one vector"),
        ({"sides": (2, 3, SIDE, SIDE)}, ",batch=3", "takes 2 images a call: leave batch=3 out"),
        ({"sides": (10**6, 3, SIDE, SIDE)}, "", "takes 1,000,000 images a call, and at most"),
        ({}, ",sha256=0123", "its SHA-256 is .*, not 0123"),
        ({"sides": ("n", 1, SIDE, SIDE)}, ",mean=1:2:3", "are not of 1 channels"),
    ],
)
def test_what_does_not_suit_is_refused(tmp_path, images, how, more, match):
    with pytest.raises(DataError, match=match):
        Chain.parse(f"onnx:{written(tmp_path, **how)}{more}").fit(images)


def test_weights_that_do_not_fit_are_one_line(tmp_path, images):
    def change(_, parts):
        parts["weights"][1] = onnx.numpy_helper.from_array(np.zeros((9, 4), np.float32), "head")

    place = written(tmp_path, change=change)
    assert Chain.parse(f"onnx:{place}").fit(images).n_features == WIDTH
    with pytest.raises(DataError, match="onnxruntime cannot load it") as caught:
        Chain.parse(f"onnx:{place},output=logits").fit(images)
    assert "\n" not in str(caught.value)
    assert "onnxruntime_src" not in str(caught.value)


def test_images_of_two_channels(place):
    with pytest.raises(DataError, match="grey images or those of three colours"):
        Chain.parse(f"onnx:{place}").fit(np.zeros((3, SIDE, SIDE, 2), np.uint8))


def test_without_onnxruntime(place, images, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r'pip install "imlogit\[onnx\]"'):
        Chain.parse(f"onnx:{place}").fit(images)


def test_a_copy_opens_the_file_again(fitted, images):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(images), fitted.transform(images))
