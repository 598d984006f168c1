"""A run on features: whatever is said of an image is said by the same steps."""

import json
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

import imlogit
from imlogit.cli.app import run as command
from imlogit.data.image_set import ImageSet
from imlogit.data.reading import Reading
from imlogit.errors import ModelFileError, ParameterError
from imlogit.export.formats import open_format
from imlogit.model.head import head_of
from imlogit.model.inputs import Input
from imlogit.model.predict import Predictor
from imlogit.report.console.examined import explanation_table
from imlogit.report.pictures.sheets import evidence_figure
from imlogit.report.run_folder import write_run
from imlogit.runs.command import evaluation_command
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.plan import begin
from imlogit.runs.record import open_record
from imlogit.runs.sweep import sweep

from helpers.networks import written
from helpers.tools import need

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
    assert said.endswith("export to onnx or savedmodel or json, or fit with --features pixels.")
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
    assert "as asked; features='pixels' goes back" in facts["features"]


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


@pytest.fixture(scope="module")
def backbone_run(source, tmp_path_factory):
    """A run on what a network says of digits, and the network's file."""
    need("onnxruntime")
    home = tmp_path_factory.mktemp("backbone")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        written(home, sides=("n", 1, 28, 28), metadata={"mean": "0.1"})
        words = ["--all", "--features", "onnx:net.onnx", "--folds", "2", "--no-report"]
        assert command(["train", str(source), *words, "--out", "run"]) == 0
    return home / "run", home / "net.onnx"


def test_a_run_keeps_its_backbone(backbone_run):
    run, network = backbone_run
    assert (run / "backbone" / "net.onnx").read_bytes() == network.read_bytes()
    words = (run / "command.txt").read_text().split()
    assert words[words.index("--features") + 1] == f"onnx:{network}"
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["options"]["features"] == "onnx:net.onnx"
    assert metrics["data"]["n_features"] == 6
    for name in ("metrics.json", "model.imlogit"):
        assert str(network.parent).encode() not in (run / name).read_bytes()


def test_every_job_runs_the_backbone(backbone_run, source, tmp_path):
    run, _ = backbone_run
    kept = open_record(run).predictions
    rows = kept.test_rows[:3]
    said = np.array([one.probabilities for one in imlogit.predict(run, source)])
    np.testing.assert_array_equal(said[kept.test_rows], kept.test_probabilities)
    assert imlogit.evaluate(run, source).scores.n == 300
    (found,) = imlogit.explain(run, row=int(rows[0]), source=str(source))
    assert found.evidence.by_occlusion
    assert found.to_dict()["how"] == "occlusion"
    odds = np.log(
        found.probabilities[found.evidence.toward] / found.probabilities[found.evidence.against]
    )
    assert found.evidence.margin == pytest.approx(odds, rel=1e-6)
    assert evidence_figure(found)
    table = explanation_table(found)
    assert table.rows[-1][0] == "margin"
    assert table.notes[0].startswith("By occlusion")


def test_elsewhere_the_backbone_is_named(backbone_run, source, tmp_path, monkeypatch, capsys):
    run, network = backbone_run
    alone = tmp_path / "alone.imlogit"
    alone.write_bytes((run / "model.imlogit").read_bytes())
    said = imlogit.predict(run, source)
    assert imlogit.predict(alone, source, backbone=network) == said
    assert command(["predict", str(alone), str(source)]) == 2
    assert "give the file with --backbone (SHA-256" in capsys.readouterr().err
    assert command(["evaluate", str(alone), str(source), "--backbone", str(network)]) == 0
    again = evaluation_command(alone, str(source), Reading(), network)
    assert again.endswith(f" --backbone {network}")
    words = ["--row", "0", "--backbone", str(network), "--out", str(tmp_path / "x.png")]
    assert command(["explain", str(alone), str(source), *words]) == 0
    other = written(tmp_path, "net.onnx", sides=("n", 1, 28, 28), seed=1)
    with pytest.raises(ModelFileError, match="another than that of the fit"):
        imlogit.predict(alone, source, backbone=other)
    (tmp_path / "net.onnx").write_bytes(network.read_bytes())
    assert imlogit.predict(alone, source) == said  # it lies beside the model now


def test_the_backbone_is_exported_with_the_model(backbone_run, source, tmp_path, capsys):
    run, network = backbone_run
    assert command(["export", str(run), "--to", "onnx", "--out", str(tmp_path / "m.onnx")]) == 0
    alone = tmp_path / "alone.imlogit"
    alone.write_bytes((run / "model.imlogit").read_bytes())
    assert command(["export", str(alone), "--to", "onnx"]) == 2
    assert "give the file with --backbone (SHA-256" in capsys.readouterr().err
    assert command(["export", str(alone), "--to", "onnx", "--backbone", str(network)]) == 0
    assert (tmp_path / "alone.onnx").read_bytes() == (tmp_path / "m.onnx").read_bytes()
    said = open_format("onnx").load(tmp_path / "m.onnx")(np.load(source)["images"])
    expected = [one.probabilities for one in imlogit.predict(run, source)]
    np.testing.assert_allclose(said.probabilities, expected, atol=5e-6)


def test_a_function_in_the_place_of_steps(source, tmp_path):
    def shades(images):
        return images[:, ::4, ::4].reshape(len(images), -1) / 255

    found = imlogit.train(source, features=shades, every_class=True, folds=2)
    assert found.metrics["options"]["features"] == "python:shades"
    assert found.metrics["data"]["n_features"] == 49
    assert found.test["accuracy"].value > 0.5
    assert "python:shades" in found.command()
    with pytest.raises(
        ModelFileError, match="by a function of Python, shades, which no model file"
    ):
        write_run(found, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    images = np.load(source)["images"]
    (answer,) = imlogit.predict(found.model, source)[:1]
    assert answer.label in found.metrics["classes"]
    assert len(images) == 300


def test_images_without_features_have_their_problem(embedded):
    def picky(images):
        # all corners are black, so that every negative is refused as well
        return np.where(images[:, :1, 0] >= 7, np.nan, images[:, 14, 8:20])

    few = ImageSet(
        embedded.images[::20], embedded.labels[::20], embedded.class_names, 250, "few", "made"
    )
    model = imlogit.train(few, features=picky, every_class=True, folds=2).model
    some = few.images[:3].copy()
    some[1, 0, 0] = 7
    found = list(Predictor(model).answers([Input(str(n), one) for n, one in enumerate(some)]))
    assert [one.problem for one in found] == ["", found[1].problem, ""]
    assert found[1].problem.startswith("the function answers NaN")
    assert [one.label is None for one in found] == [False, True, False]
