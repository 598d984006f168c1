import json

import numpy as np
import pytest

from imlogit.errors import DataError, ParameterError
from imlogit.features.chain import CHUNK_ROWS, Chain, FittedChain


@pytest.fixture(scope="module")
def fitted(grey):
    return Chain.parse("deskew+patches:filters=6,size=5,grid=2").fit(grey, seed=3)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("pixels", "pixels"),
        (" deskew + hog : signed = no, cells=4 ", "deskew+hog:cells=4,signed=no"),
        ("patches:threshold=0.5,filters=512", "patches:filters=512,threshold=0.5"),
        ("patches:filters=256,by=random", "patches"),
        ("patches:by=kmeans,size=6", "patches:size=6,by=kmeans"),
        ("deskew+onnx:a+b, c.onnx,size=9", "deskew+onnx:a+b, c.onnx,size=9"),
        ("onnx:x=y.onnx", "onnx:x=y.onnx"),
    ],
)
def test_a_text_is_read_and_written(text, written):
    assert str(Chain.parse(text)) == written
    assert Chain.parse(written) == Chain.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("deksew", r"'deksew', which is no step: there are .* Did you mean 'deskew'"),
        ("deskew+", "'', which is no step"),
        ("deskew:", "takes no parameters|write deskew:parameter=value"),
        ("patches:filtres=3", r"patches takes filters, .* Did you mean 'filters'"),
        ("patches:filters=0", "filters=0 must be a whole number from 1 to 65536"),
        ("patches:filters=many", "filters='many' must be a whole number"),
        ("patches:threshold=nan", "threshold=nan must be a number from 0"),
        ("patches:size=5,size=6", "gives size of patches twice"),
        ("hog:signed=maybe", "signed='maybe' must be yes or no"),
        ("onnx", "onnx without a file: write onnx:PATH"),
        ("onnx:net.onnx,maen=0", "onnx takes file, .* Did you mean 'mean'"),
        ("onnx:net.onnx,layout=CHW", "layout='CHW' must be one of auto, NCHW, NHWC"),
        ("hog+deskew", "deskew after hog, which makes features"),
        ("+".join(["deskew"] * 9), "has 9 steps"),
    ],
)
def test_what_no_chain_is_called_is_refused(text, said):
    with pytest.raises(ParameterError, match=said) as caught:
        Chain.parse(text)
    assert caught.value.parameter == "features"


def test_a_file_from_before_a_parameter_has_the_usual(fitted):
    described, arrays = fitted.to_parts()
    older = json.loads(json.dumps(described))
    assert older["steps"][1]["parameters"].pop("by") == "random"
    assert FittedChain.from_parts(older, arrays).to_parts()[0] == described


def test_parts_come_back(fitted, grey):
    described, arrays = fitted.to_parts()
    again = FittedChain.from_parts(json.loads(json.dumps(described)), arrays)
    assert np.array_equal(again.transform(grey), fitted.transform(grey))
    assert str(again) == str(fitted)


def _changed(described, arrays, where, value):
    described, arrays = json.loads(json.dumps(described)), dict(arrays)
    *path, last = where
    place = {"described": described, "arrays": arrays}
    for key in path:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return described, arrays


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("described", "steps"), [], "1 to 8 steps"),
        (("described", "steps"), "deskew", "1 to 8 steps"),
        (("described", "steps", 0), 3, "is described as 3"),
        (("described", "steps", 0, "name"), "scatter", "'scatter', which is no step"),
        (("described", "steps", 0, "name"), ["deskew"], "which is no step"),
        (("described", "steps", 0, "name"), "hog", "has the parameters"),
        (("described", "steps", 1, "version"), 99, "version 99, and this imlogit makes version 1"),
        (("described", "steps", 1, "parameters", "filters"), 7, r"filters of .* is float32 of"),
        (("described", "steps", 1, "parameters", "filters"), -7, "must be a whole number"),
        (("described", "steps", 1, "parameters", "filters"), None, "has the parameters"),
        (("described", "steps", 1, "parameters", "size"), 64, "needs images of 65 x 65"),
        (("described", "input_shape"), [20], "the image shape"),
        (("described", "input_shape"), [20, 22, 3], "grey images"),
        (("described", "input_shape"), [20, 10**9], "the image shape"),
        (("arrays", "1.filters"), None, "has the arrays"),
        (("arrays", "2.filters"), np.zeros(3), "no feature step has the arrays"),
        (("arrays", "1.offsets"), np.zeros(6), "float64 of shape"),
        (("arrays", "1.offsets"), np.full(6, np.nan, np.float32), "is not finite"),
        (("arrays", "1.ceilings"), np.full((2, 2, 12), -1, np.float32), "below 0"),
    ],
)
def test_parts_of_no_chain_are_refused(fitted, where, value, said):
    with pytest.raises(DataError, match=said) as caught:
        FittedChain.from_parts(*_changed(*fitted.to_parts(), where, value))
    assert "\n" not in str(caught.value)


def test_features_go_where_they_are_asked_to(fitted, grey, tmp_path):
    many = np.resize(grey, (CHUNK_ROWS + 5, *grey.shape[1:]))
    out = np.lib.format.open_memmap(
        tmp_path / "f.npy", "w+", np.uint8, (len(many), fitted.n_features)
    )
    assert fitted.transform(many, out) is out
    assert np.array_equal(out[CHUNK_ROWS:], fitted.transform(many[CHUNK_ROWS:]))
    with pytest.raises(DataError, match="out is of shape"):
        fitted.transform(grey, out)


def test_pixels_are_not_copied(grey):
    assert np.shares_memory(Chain.parse("pixels").fit(grey).transform(grey), grey)


def test_evidence_adds_up_through_all_steps(fitted, grey):
    weights = np.random.default_rng(1).normal(size=fitted.n_features)
    shares = fitted.evidence(grey, weights)
    assert shares.shape == grey.shape
    margins = fitted.transform(grey) @ weights * fitted.scale
    np.testing.assert_allclose(shares.sum(axis=(1, 2)), margins, atol=1e-9)


def test_the_seed_decides(fitted, grey):
    same, other = (fitted.chain.fit(grey, seed=seed).transform(grey) for seed in (3, 4))
    assert np.array_equal(same, fitted.transform(grey))
    assert not np.array_equal(same, other)
