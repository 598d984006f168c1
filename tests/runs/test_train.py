"""The main job: choices, run directories, and nothing half-written."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import imlogit
from imlogit.data.image_set import ImageSet
from imlogit.errors import DataError, OutputError, ParameterError
from imlogit.report.console.summaries import print_training
from imlogit.report.run_folder import metrics_json, write_run
from imlogit.runs.options import TrainOptions
from imlogit.runs.target import choose_target
from imlogit.runs.train import train


def image_set(names, codes, **how):
    """A little set of images in which a class shows as one bright pixel, with noise."""
    rng = np.random.default_rng(0)
    codes = np.asarray(codes)
    images = rng.integers(0, 100, (len(codes), 3, 4), dtype=np.uint8)
    images.reshape(len(codes), -1)[np.arange(len(codes)), codes] += 120
    defaults = {"n_train": len(codes), "name": "toy", "origin": "made for a test"}
    return ImageSet(images=images, labels=codes, class_names=tuple(names), **(defaults | how))


@pytest.fixture(scope="module")
def run(embedded):
    return train(embedded, TrainOptions(folds=3))


def test_the_default_for_digits(embedded):
    target = choose_target(embedded)
    assert (target.positive, target.names) == ("2", ("not 2", "2"))
    assert "default" in target.statement


def test_ten_classes_called_0_to_9_are_not_digits():
    """Fashion-MNIST's are clothes."""
    clothes = image_set("0123456789", np.arange(100) % 10)
    target = choose_target(clothes)
    assert (target.positive, target.names) == (None, tuple("0123456789"))
    assert target.statement == "every one of 10 classes, the default"
    known = replace(clothes, of_digits=True)
    assert choose_target(known).positive == "2"
    assert choose_target(known, every_class=True).positive is None
    assert choose_target(known, "7").positive == "7"
    assert choose_target(image_set("ab", np.arange(9) % 2, of_digits=True)).names == ("a", "b")


@pytest.mark.parametrize("wish", ["7", 7])
def test_text_and_numbers_are_understood(embedded, wish):
    target = choose_target(embedded, TrainOptions(positive=wish).positive)
    np.testing.assert_array_equal(target.codes(embedded), embedded.labels == 7)


def test_two_classes_and_many():
    codes = np.arange(60) % 2
    assert choose_target(image_set(["cat", "dog"], codes)).names == ("cat", "dog")
    assert choose_target(image_set(["cat", "dog"], codes), "cat").names == ("dog", "cat")
    three = image_set(["a", "b", "c"], np.arange(60) % 3)
    assert choose_target(three).positive is None
    assert choose_target(three, "b").names == ("not b", "b")


def test_a_label_that_no_image_has(embedded):
    with pytest.raises(DataError, match=r"'ten'.*labels are: 0, 1, 2, 3"):
        choose_target(embedded, "ten")
    with pytest.raises(ParameterError, match="cannot both"):
        TrainOptions(positive="2", every_class=True)


def test_training_and_test_images_are_apart_and_scored_apart(embedded, run):
    assert not set(run.task.split.train) & set(run.task.split.test)
    assert (run.cross_validation.pooled.n, run.test.n) == (4000, 1000)
    images = embedded.images[run.task.split.test]
    truth = embedded.labels[run.task.split.test] == 2
    assert run.test["accuracy"].value == run.cross_validation.estimator.score(images, truth)
    assert run.test.base_rate == 0.9


def test_the_order_is_a_permutation_by_the_seed(embedded, run):
    again = train(embedded, TrainOptions(folds=3))
    np.testing.assert_array_equal(again.task.split.train, run.task.split.train)
    other = train(embedded, TrainOptions(folds=3, seed=1))
    assert (other.task.split.train[:20] != run.task.split.train[:20]).any()
    assert (np.diff(run.task.split.train) < 0).any()


def test_every_class():
    found = train(image_set(["c", "a", "b"], np.arange(120) % 3), TrainOptions(folds=2))
    assert found.task.target.names == found.model.names == ("c", "a", "b")
    assert found.test["accuracy"].value > 0.8
    assert found.test.confusion.shape == (3, 3)


@pytest.mark.parametrize(
    "options",
    [{"folds": 1}, {"folds": 10_000}, {"test_size": 0.0}, {"test_size": 1.5}, {"seed": -1}],
)
def test_options_out_of_range(options):
    with pytest.raises((DataError, ParameterError), match=r"fold|test_size|seed"):
        train(image_set(["a", "b"], np.arange(40) % 2), TrainOptions(**options))


def test_a_run_directory_holds_everything(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = write_run(run)
    assert str(place) == "imlogit-runs/mnist-5k-1"
    assert sorted(p.name for p in place.iterdir()) == [
        "calibration.png",
        "command.txt",
        "confusion.png",
        "metrics.json",
        "model.imlogit",
        "precision-recall.png",
        "predictions.safetensors",
        "report.html",
        "roc.png",
        "samples.png",
        "weights.png",
    ]
    command = (place / "command.txt").read_text()
    assert (
        command
        == "imlogit train mnist-5k --positive 2 --test-size 0.2 --seed 0 --folds 3 --c 1.0\n"
    )
    model = imlogit.load_model(place / "model.imlogit")
    np.testing.assert_array_equal(model.coef_, run.model.coef)
    metrics = json.loads((place / "metrics.json").read_text())
    assert (metrics["schema"], metrics["version"]) == ("imlogit.metrics", 1)
    assert metrics["test"]["values"]["accuracy"]["value"] == run.test["accuracy"].value
    assert metrics["certificate"]["status"] == "converged"
    assert len(metrics["cross_validation"]["folds"]) == 3


def test_runs_never_overwrite(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [write_run(run).name for _ in range(2)] == ["mnist-5k-1", "mnist-5k-2"]
    (tmp_path / "here").mkdir()
    with pytest.raises(OutputError, match="here exists already.*out="):
        write_run(run, tmp_path / "here")
    assert write_run(run, tmp_path / "new" / "place").is_dir()


def test_two_runs_leave_the_same_bytes(embedded, run, tmp_path):
    again = train(embedded, TrainOptions(folds=3))
    places = [write_run(r, tmp_path / name) for name, r in (("a", run), ("b", again))]
    for name in [path.name for path in places[0].iterdir()]:
        assert (places[0] / name).read_bytes() == (places[1] / name).read_bytes()


@pytest.mark.parametrize("options", [{"C": 1e-9, "folds": 2}, {"folds": 40}])
def test_figures_that_a_fold_cannot_define_are_null(embedded, options, tmp_path):
    few = ImageSet(
        embedded.images[::10], embedded.labels[::10], embedded.class_names, 500, "few", "made here"
    )
    place = write_run(train(few, TrainOptions(positive="2", **options)), tmp_path / "run")
    metrics = json.loads((place / "metrics.json").read_text())
    assert metrics["cross_validation"]["mean"]["precision"] is None
    assert metrics["cross_validation"]["mean"]["accuracy"] > 0.8


def test_metrics_hold_no_times_and_no_paths(run, tmp_path):
    text = metrics_json(run)
    assert "seconds" not in text
    assert str(tmp_path.parent) not in text


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_nothing(run, tmp_path, monkeypatch, fault):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr("imlogit.report.run_folder.write_model", fail)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_run(run, tmp_path / "deep" / "run")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(run, tmp_path, monkeypatch):
    def refuse(*_, **__):  # as root one may write anywhere, so the refusal is made here
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(OutputError, match=r"run: cannot be written \(Permission denied\)"):
        write_run(run, tmp_path / "run")


def test_a_parent_that_is_a_file(run, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        write_run(run, tmp_path / "file" / "run")
    assert (tmp_path / "file").read_text() == "mine"


def test_pictures_are_pictures(run, tmp_path):
    from PIL import Image

    place = write_run(run, tmp_path / "run")
    for name, least in (("samples.png", 500), ("weights.png", 400)):
        with Image.open(place / name) as picture:
            assert min(picture.size) >= least
            # more than one colour: something was drawn
            assert len(picture.convert("L").getcolors(1 << 16)) > 20


def test_colour_images(tmp_path):
    rng = np.random.default_rng(0)
    codes = np.arange(60) % 2
    images = rng.integers(0, 200, (60, 4, 5, 3), dtype=np.uint8)
    images[codes == 1, :, :, 0] += 50
    colour = ImageSet(images, codes, ("blue", "red"), n_train=60, name="hue", origin="made here")
    found = train(colour, TrainOptions(folds=2))
    assert found.test["accuracy"].value > 0.9
    assert write_run(found, tmp_path / "run").is_dir()


def test_a_run_shows_the_images_that_failed_checks_name(tmp_path):
    sound = image_set(["a", "b"], np.arange(60) % 2)
    assert not (
        write_run(train(sound, TrainOptions(folds=2)), tmp_path / "x") / "findings.png"
    ).exists()
    copied = sound.images.copy()
    copied[2:40:2] = copied[0]
    found = train(replace(sound, images=copied, sha256=""), TrainOptions(folds=2))
    assert "duplicates" in found.checks.codes
    drawn = write_run(found, tmp_path / "y") / "findings.png"
    assert drawn.read_bytes().startswith(b"\x89PNG")


class TestImpossibleByConstruction:
    """Mistakes of the tutorial that everyone copies, which this job cannot make."""

    def test_the_test_part_is_always_scored_and_holds_no_training_image(self, embedded, run):
        assert run.test.origin == "test"
        assert run.test.n == len(run.task.split.test) == 1000
        assert not set(run.task.split.train) & set(run.task.split.test)
        assert len(run.task.split.train) + len(run.task.split.test) == len(embedded)
        assert run.checks["overlap-exact"].status == "passed"

    def test_accuracy_never_comes_without_the_base_rate(self, run):
        metrics = run.metrics
        parts = [metrics["test"], metrics["cross_validation"]["pooled"]]
        for part in parts + metrics["cross_validation"]["folds"]:
            assert part["base_rate"] == pytest.approx(0.9, abs=0.005)
            assert {"accuracy", "recall", "balanced_accuracy"} <= set(part["values"])
        assert "base rate" in run.task.facts()
        console = Console(file=io.StringIO(), width=100)
        print_training(console, run)
        printed = console.file.getvalue()
        assert printed.index("base rate") < printed.index("accuracy")
        assert "Always answering 'not 2' is right for 90.00%" in printed

    @pytest.mark.parametrize("positive", ["0", "2", "9"])
    def test_the_label_looked_for_is_the_positive_one(self, embedded, positive):
        """Recall is of the images that bear the label: an inverted one would show as the rest."""
        found = train(embedded, TrainOptions(positive=positive, folds=2))
        assert found.task.target.names == (f"not {positive}", positive)
        assert found.test.confusion[1].sum() == 100
        bears = embedded.labels[found.task.split.test] == int(positive)
        p = found.predictions.test_probabilities[:, 1]
        assert p[bears].mean() > 0.5 > p[~bears].mean()

    def test_every_figure_says_what_it_is_of(self, run):
        metrics = run.metrics
        assert metrics["test"]["origin"] == "test"
        assert metrics["cross_validation"]["pooled"]["origin"] == "out-of-fold"
        assert all(f["origin"] == "out-of-fold" for f in metrics["cross_validation"]["folds"])
        for part in (metrics["test"], metrics["cross_validation"]["pooled"]):
            for figure in part["values"].values():
                assert figure["low"] <= figure["value"] <= figure["high"]
