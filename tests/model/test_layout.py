"""What feature steps learnt, in a model file: it comes back, and all else is refused by name."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import imlogit
from imlogit.errors import ModelFileError
from imlogit.evaluation.evidence import evidence_of
from imlogit.features.chain import Chain
from imlogit.model.file import decode, encode, read
from imlogit.model.head import head_of
from imlogit.model.persist import describe, load_model, open_model, saved_model_of

from helpers.model_files import parts, refuse, signed

GOLDEN = Path(__file__).parent / "golden"
SMALL = "patches:filters=1,size=2,grid=2,threshold=0.5"


@pytest.fixture(scope="module", params=["hog", "deskew+patches:filters=4"])
def model(request, embedded):
    """A model of ten digits' features, and the features."""
    images, labels = embedded.images[::10], embedded.labels[::10]
    features = Chain.parse(request.param).fit(images)
    fitted = imlogit.LogisticRegression(pixel_scale=features.scale, C=0.1)
    fitted.fit(features.transform(images), labels)
    return fitted, features, saved_model_of(fitted, fitted_on=images, features=features)


@pytest.fixture
def small():
    """The model of the golden file: of features of 4 x 4 images."""
    return replace(
        read(GOLDEN / "format1.imlogit"),
        coef=np.array([[0.5, -1.5, 0.0, 2.0, 0.25, -0.5, 1.0, -3.0]]),
        image_shape=(4, 4),
        features={
            "input_shape": [4, 4],
            "steps": [{"name": "patches", "version": 1, "parameters": dict(PARAMETERS)}],
        },
        feature_arrays={
            "0.filters": np.array([[0.5, -0.25, 1.0, -1.25]], np.float32),
            "0.offsets": np.array([0.125], np.float32),
            "0.ceilings": np.full((2, 2, 2), 1.5, np.float32),
        },
    )


PARAMETERS = {"filters": 1, "size": 2, "grid": 2, "threshold": 0.5}


def test_a_model_of_features_comes_back(model, embedded, tmp_path):
    fitted, features, saved = model
    data = encode(saved)
    back = decode(data)
    assert encode(back) == data
    assert (back.image_shape, back.fitted_dtype) == ((28, 28), "uint8")
    assert {name: a.tobytes() for name, a in back.feature_arrays.items()} == {
        name: a.tobytes() for name, a in features.to_parts()[1].items()
    }
    some = embedded.images[3:90]
    expected = fitted.predict_proba(features.transform(some))
    np.testing.assert_allclose(head_of(back).answer(some).probabilities, expected, atol=1e-13)
    assert json.loads(json.dumps(describe(back)))["features"] == features.to_parts()[0]
    assert set(safetensors.numpy.load(data)) == {"coef", "intercept", *back.feature_arrays}


def test_format_6_stays_readable(small):
    data = (GOLDEN / "format6.imlogit").read_bytes()
    assert parts(data)[1]["format"] == 6
    assert encode(small) == data
    assert encode(decode(data)) == data
    assert str(head_of(decode(data)).features) == SMALL


def test_its_evidence_adds_up_to_the_margin(model, embedded):
    fitted, features, saved = model
    head = head_of(saved)
    for image in embedded.images[5:500:99]:
        found = evidence_of(head, image, head.answer(image[None]).probabilities[0])
        margins = fitted.decision_function(features.transform(image[None]))[0]
        assert found.pixels.shape == image.shape
        assert found.pixels.sum() + found.intercept == pytest.approx(found.margin, abs=1e-12)
        apart = margins[found.toward] - margins[found.against]
        assert found.margin == pytest.approx(apart, rel=1e-9, abs=1e-9)


def test_no_estimator_is_made_of_it(model, tmp_path):
    (tmp_path / "m.imlogit").write_bytes(encode(model[2]))
    with pytest.raises(ModelFileError, match=r"makes features of images \(.*\), which an estimat"):
        load_model(tmp_path / "m.imlogit")
    assert open_model(tmp_path / "m.imlogit").features is not None


STEP = {"name": "patches", "version": 1, "parameters": PARAMETERS}


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [STEP] * 9,
        ["patches"],
        [STEP | {"more": 1}],
        [STEP | {"version": "1"}],
        [STEP | {"name": None}],
        [STEP | {"parameters": {"filters": [1]}}],
        [STEP | {"parameters": {"threshold": 1e301}}],
        {"name": "patches"},
    ],
)
def test_what_describes_no_features_is_refused(small, steps):
    header, facts, weights = parts(encode(small))
    facts["features"]["steps"] = steps
    refuse(signed(header, facts, weights), "features must be")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"image_shape": [2, 4]}, "features must be"),
        ({"image_shape": None}, "features must be"),
        ({"fitted_dtype": "float32"}, "features must be"),
        ({"features": None}, "do not hold weights"),
        ({"format": 5}, "missing or unknown: features"),
    ],
)
def test_features_without_what_they_need_are_refused(small, changes, match):
    header, facts, weights = parts(encode(small))
    refuse(signed(header, facts | changes, weights), match)


@pytest.mark.parametrize(
    ("step", "match"),
    [
        ({"name": "patchs"}, "'patchs', which is no step"),
        ({"version": 2}, "version 2, and this imlogit makes version 1"),
        ({"parameters": PARAMETERS | {"filters": 2}}, r"filters .* is float32 of shape \(1, 4\)"),
        ({"parameters": PARAMETERS | {"size": -1}}, "size=-1 must be"),
        ({"name": "hog", "parameters": {}}, "parameters"),
        ({"name": "deskew", "parameters": {}}, "has the arrays"),
    ],
)
def test_features_that_cannot_be_made_are_refused_in_one_line(small, step, match):
    header, facts, weights = parts(encode(small))
    facts["features"]["steps"][0] |= step
    model = decode(signed(header, facts, weights))
    with pytest.raises(ModelFileError, match=match) as caught:
        head_of(model)
    assert "\n" not in str(caught.value)


def test_other_weights_than_features_are_refused(small):
    with pytest.raises(ModelFileError, match="makes 8 features, and there are 7 weights"):
        head_of(replace(small, coef=np.ones((1, 7))))


def test_numbers_that_are_not_finite_are_refused(small):
    arrays = {**small.feature_arrays, "0.offsets": np.array([np.nan], np.float32)}
    with pytest.raises(ModelFileError, match="offsets .* is not finite"):
        head_of(replace(small, feature_arrays=arrays))


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("0.filters", {"dtype": "F64"}),
        ("0.filters", {"shape": [1, 5]}),
        ("0.filters", {"shape": [1, 10**18]}),
        ("0.filters", {"shape": "many"}),
        ("0.filters", {"shape": []}),
        ("0.offsets", {"data_offsets": [0, 4]}),
        ("9.filters", {"shape": [1], "dtype": "F32", "data_offsets": [0, 4]}),
        ("run_me", {"shape": [1], "dtype": "F32", "data_offsets": [0, 4]}),
    ],
)
def test_forged_arrays_are_refused(small, name, tensor):
    header, facts, weights = parts(encode(small))
    header[name] = header.get(name, {}) | tensor
    refuse(signed(header, facts, weights), "laid out|do not hold|no valid name or shape")


@pytest.mark.parametrize(
    "arrays",
    [
        {"filters": np.ones(3, np.float32)},
        {"0.filters": np.ones(3)},
        {"0.filters": np.ones((0, 3), np.float32)},
        {"0.filters": [1.0]},
    ],
)
def test_arrays_that_would_not_come_back_are_not_accepted(small, arrays):
    with pytest.raises(ModelFileError, match="feature_arrays must be"):
        replace(small, feature_arrays=arrays)


def test_arrays_without_features_are_not_accepted(small):
    with pytest.raises(ModelFileError, match="feature_arrays must be"):
        replace(small, features=None)


def test_as_many_steps_as_there_may_be_fit_a_file(small):
    plain = {"name": "pixels", "version": 1, "parameters": {}}
    features = small.features | {"steps": [plain] * 7 + [STEP]}
    arrays = {name.replace("0", "7"): array for name, array in small.feature_arrays.items()}
    full = replace(small, features=features, feature_arrays=arrays)
    assert head_of(decode(encode(full))).features.n_features == 8
