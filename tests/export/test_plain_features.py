"""Exports of models that make features: other software comes to the same bytes, and answers."""

import json
import re
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import imlogit
from imlogit.errors import ExportError
from imlogit.export.formats import open_format, suffix_of
from imlogit.export.plain_features import computed, recipes
from imlogit.export.proof import run_in_turns, trial_inputs
from imlogit.export.table import FORMATS
from imlogit.features.table import STEPS
from imlogit.model.head import head_of

from helpers.engines import ALL_REQUIRED
from helpers.feature_models import colour_images, feature_model

DOCS = Path(__file__).parents[2] / "docs" / "export.md"
TENSORFLOW = ("tensorflow",)
NEEDS = {"onnx": ("onnx", "onnxruntime"), "keras": TENSORFLOW, "savedmodel": TENSORFLOW}
GREY = ["deskew+hog:cells=4", "deskew+patches:filters=12"]
COLOUR = ["hog:cells=3,signed=no", "hog:cells=4,colour=yes", "patches:filters=9,size=5,grid=3"]


def holding(texts):
    """Return a case for each format that has a form for all steps of a text."""
    return [
        pytest.param(
            name,
            text,
            marks=pytest.mark.skipif(
                not (ALL_REQUIRED or all(map(find_spec, NEEDS.get(name, ())))), reason="its extra"
            ),
        )
        for text in texts
        for name, row in FORMATS.items()
        if {part.partition(":")[0] for part in text.split("+")} <= set(row.steps)
    ]


@pytest.fixture(scope="module")
def models(embedded):
    """A model by its steps, and 200 images that are none of its own."""
    made = dict.fromkeys(GREY, (embedded.images[::25], embedded.images[7::25]))
    colour = colour_images(240)
    made |= dict.fromkeys(COLOUR, (colour[:40], colour[40:]))
    return {text: (feature_model(text, own), others) for text, (own, others) in made.items()}


@pytest.mark.parametrize(("to", "text"), holding(GREY + COLOUR))
def test_what_is_written_says_what_the_model_says(models, to, text, tmp_path):
    model, images = models[text]
    place = tmp_path / f"m{suffix_of(to)}"
    found = imlogit.export_model(model, place)
    assert found.difference <= found.tolerance
    said = run_in_turns(open_format(to).load(place), images)
    expected = head_of(model).answer(images)
    assert expected.probabilities.max(axis=1).std() > 0.01
    np.testing.assert_allclose(said.probabilities, expected.probabilities, atol=found.tolerance)


def hostile(shape):
    """Return images of nothing, of white, of one pixel, of stripes and of noise."""
    images = np.zeros((6, *shape), np.uint8)
    images[1] = 255
    images[2, -1, -1] = 255
    images[3, :, ::2] = 255
    images[4, ::2] = 1
    images[5] = np.random.default_rng(0).integers(0, 256, shape)
    return images


@pytest.mark.parametrize("text", GREY + COLOUR)
def test_plain_arithmetic_makes_the_same_bytes(models, text):
    model, images = models[text]
    features = head_of(model).features
    for some in (images, hostile(images.shape[1:])):
        made = features.transform(some)
        assert np.array_equal(computed(some, recipes(features)), made)


@pytest.mark.parametrize("shape", [(1, 40), (40, 1, 1)])
@pytest.mark.parametrize(("to", "text"), holding(["deskew"]))
def test_images_of_one_row_or_column_stand_as_they_are_set(to, text, shape, tmp_path):
    model = feature_model(text, hostile(shape))
    place = tmp_path / f"m{suffix_of(to)}"
    imlogit.export_model(model, place)
    said = open_format(to).load(place)(hostile(shape)).probabilities
    expected = head_of(model).answer(hostile(shape)).probabilities
    np.testing.assert_allclose(said, expected, atol=5e-6)


@pytest.mark.skipif(not (ALL_REQUIRED or find_spec("tensorflow")), reason="needs tensorflow")
def test_keras_files_hold_standard_layers_only(models, tmp_path):
    imlogit.export_model(models[COLOUR[-1]][0], tmp_path / "m.keras")
    config = json.loads(zipfile.ZipFile(tmp_path / "m.keras").read("config.json"))["config"]
    assert {layer["module"] for layer in config["layers"]} == {"keras.layers"}
    assert "Lambda" not in {layer["class_name"] for layer in config["layers"]}


def test_pixels_are_no_step_of_a_file(embedded, tmp_path):
    model = feature_model("pixels", embedded.images[::50])
    imlogit.export_model(model, tmp_path / "m.json")
    assert json.loads((tmp_path / "m.json").read_text())["features"] == []


@pytest.mark.parametrize("to", [n for n, row in FORMATS.items() if "deskew" not in row.steps])
def test_a_format_without_a_form_is_refused_in_one_line(models, to, tmp_path):
    model, _ = models["deskew+hog:cells=4"]
    with pytest.raises(
        ExportError,
        match=rf"{to} has no form for the step deskew: .* json, or fit with features='pixels'\.$",
    ) as e:
        imlogit.export_model(model, tmp_path / f"m{suffix_of(to)}")
    assert "\n" not in str(e.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [name for name in STEPS if name in FORMATS["json"].steps[1:]])
def test_each_field_of_a_step_is_described(models, name, tmp_path):
    text = next(text for text in models if name in text)
    imlogit.export_model(models[text][0], tmp_path / "m.json")
    said = json.loads((tmp_path / "m.json").read_text())
    assert said["version"] == 2
    step = next(step for step in said["features"] if step["step"] == name)
    section = re.search(rf"\n`{name}`, with (.*?), makes", DOCS.read_text(), re.DOTALL)
    assert re.findall(r"`(\w+)`", section[1]) == [key for key in step if key != "step"]


def test_trials_are_near_where_the_answer_changes(models):
    for model, _ in models.values():
        inputs = trial_inputs(head_of(model))
        answers = head_of(model).answer(inputs)
        assert inputs.dtype == np.uint8
        ends = np.sort(answers.probabilities, axis=1)
        assert (ends[:, -1] - ends[:, -2] < 0.2).mean() > 0.1
        assert len(set(answers.labels)) > 1
