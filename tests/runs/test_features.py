"""A run on features: whatever is said of an image is said by the same steps."""

import json
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

import imlogit
from imlogit.cli.app import run as command
from imlogit.data.image_set import ImageSet
from imlogit.errors import ParameterError
from imlogit.model.head import head_of
from imlogit.report.run_folder import write_run
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.plan import begin
from imlogit.runs.record import open_record
from imlogit.runs.sweep import sweep

STEPS = "deskew+hog"


@pytest.fixture(scope="module")
def source(embedded, tmp_path_factory):
    """300 digits in a file."""
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    rows = np.r_[0:5000:20, 5:5000:100]
    np.savez(path, images=embedded.images[rows], labels=embedded.labels[rows])
    return path


@pytest.fixture(scope="module")
def folders(source, tmp_path_factory):
    """Two runs of one command."""
    made = [tmp_path_factory.mktemp("runs") / name for name in ("first", "second")]
    options = ["--all", "--features", STEPS, "--folds", "2", "--no-report"]
    for folder in made:
        assert command(["train", str(source), *options, "--out", str(folder)]) == 0
    return made


@pytest.fixture(scope="module")
def record(folders):
    return open_record(folders[0])


def test_two_runs_leave_the_same_bytes(folders):
    first, second = folders
    names = sorted(path.name for path in first.iterdir())
    assert "weights.png" not in names
    assert {"model.imlogit", "predictions.safetensors", "samples.png"} <= set(names)
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_run_says_what_it_was_fitted_on(record, folders, capsys):
    metrics = json.loads((folders[0] / "metrics.json").read_text())
    assert metrics["options"]["features"] == STEPS
    assert metrics["data"]["n_features"] == record.model.coef.shape[1] == 2088
    assert f"--features {STEPS} " in (folders[0] / "command.txt").read_text()
    assert command(["show", str(folders[0])]) == 0
    assert "2,088: deskew, then hog cells=8" in " ".join(capsys.readouterr().out.split())


def test_every_job_says_what_the_run_says(record, folders, source, tmp_path):
    images, kept = record.images(str(source)), record.predictions
    rows = kept.test_rows
    test = ImageSet(
        images.images[rows],
        images.labels[rows],
        images.class_names,
        n_train=len(rows),
        name="test",
        origin="a run's",
        sha256="0" * 64,
    )
    own = kept.test_scores(record.model.threshold)["accuracy"].value
    assert imlogit.evaluate(folders[0], test).scores["accuracy"].value == own > 0.8
    files = []
    for row in rows[:5]:
        files.append(tmp_path / f"{row}.png")
        Image.fromarray(images.images[row]).save(files[-1])
    answers = imlogit.predict(folders[0], files)
    said = np.array([one.probabilities for one in answers])
    np.testing.assert_array_equal(said, kept.test_probabilities[:5])
    assert [one.seen for one in answers] == [False] * 5
    for row, p in zip(rows[:5], said, strict=True):
        (found,) = imlogit.explain(folders[0], row=int(row), source=str(source))
        np.testing.assert_array_equal(found.probabilities, p)
        evidence = found.evidence
        assert evidence.pixels.shape == (28, 28)
        assert evidence.pixels.sum() + evidence.intercept == pytest.approx(evidence.margin)
        odds = np.log(p[evidence.toward] / p[evidence.against])
        assert evidence.margin == pytest.approx(odds, rel=1e-9)
    assert len(imlogit.doubts(folders[0])) == len(kept.train_rows)
    assert imlogit.compare(*folders).accuracy.value == 0


def test_the_model_knows_its_training_images_by_their_pixels(record, source):
    images = record.images(str(source))
    row = record.predictions.train_rows[0]
    (answer,) = imlogit.predict(record.model, [source])[row : row + 1]
    assert answer.seen is True
    assert head_of(record.model).answer(images.images[row : row + 1]).labels[0] == int(
        np.argmax(answer.probabilities)
    )


def test_it_is_exported_with_its_steps(folders, tmp_path, capsys):
    assert imlogit.export_model(folders[0], tmp_path / "m.json").difference <= 1e-9
    assert command(["export", str(folders[0]), "--to", "litert"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"makes features of images ({STEPS.split('+')[0]}" in said
    assert said.endswith("export to onnx or savedmodel or json.")
    assert not (folders[0] / "model.tflite").exists()


def test_a_sweep_takes_them(embedded, tmp_path):
    few = ImageSet(
        embedded.images[::40],
        embedded.labels[::40],
        embedded.class_names,
        n_train=125,
        name="few",
        origin="made",
        sha256="1" * 64,
    )
    options = SweepOptions(Cs="0.1,1", folds=2, every_class=True, features="deskew")
    place = write_run(sweep(few, options), tmp_path / "run", report=True)
    assert not (place / "weights.png").exists()
    assert (place / "report.html").exists()
    model = open_record(place).model
    assert model.features["steps"] == [{"name": "deskew", "version": 1, "parameters": {}}]


@pytest.mark.parametrize("given", ["auto", "pixels"])
def test_pixels_are_said_nowhere(embedded, given):
    task = begin(embedded, TrainOptions(features=given))
    assert task.training_rows is task.training_images
    assert "features" not in task.option_metrics()
    assert "n_features" not in task.data_metrics()
    assert "features" not in task.facts()
    assert task.pixel_scale == "auto"


def test_what_was_chosen_is_said_first(embedded):
    facts = begin(embedded, TrainOptions(features="hog:cells=4")).facts()
    assert facts["features"].startswith("hog:cells=4, ")
    assert "by default pixels" in facts["features"]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"features": "hogg"}, "'hogg', which is no step"),
        ({"features": "hog+deskew"}, "deskew after hog"),
        ({"features": ""}, "no step"),
        ({"features": "hog", "pixel_max": 16}, "pixel_max=16 is for pixels"),
    ],
)
def test_features_that_there_are_not(given, match):
    with pytest.raises(ParameterError, match=match):
        TrainOptions(**given)


def test_every_run_takes_the_option():
    for kind in (TrainOptions, SweepOptions):
        assert "features" in {field.name for field in fields(kind)}
