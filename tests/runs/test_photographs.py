"""What is fitted on by default: patches of colour photographs, and pixels of all else."""

import json

import numpy as np
import pytest

import imlogit
from imlogit.cli.app import run as command
from imlogit.data.image_set import ImageSet
from imlogit.report.run_folder import checkpoint_place
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.photographs import photograph_steps
from imlogit.runs.plan import begin
from imlogit.runs.record import open_record
from imlogit.system.shards import ShardedRows

from helpers.feature_models import colour_images

PHOTOS = colour_images(48, (20, 18))
STEPS = "patches:filters=32,size=6,grid=3"


def image_set(images, n_classes=2):
    """Return images of classes that take turns, of which no bytes are looked at."""
    labels = np.arange(len(images)) % n_classes
    names = tuple(f"c{k}" for k in range(n_classes))
    return ImageSet(
        images, labels, names, n_train=len(images), name="photos", origin="made", sha256="0" * 64
    )


def of_grey(images):
    return np.repeat(images[..., :1], 3, axis=-1)


def with_alpha(images):
    return np.concatenate([images, images[..., :1]], axis=-1)


def flat(images):
    return np.broadcast_to(np.array([100, 103, 106], np.uint8), images.shape).copy()


@pytest.mark.parametrize(
    ("made", "steps"),
    [
        (lambda images: images, STEPS),
        # a few are grey, as in any collection
        (lambda images: np.concatenate([of_grey(images[:20]), images[20:]]), STEPS),
        (lambda images: images[..., 0], "auto"),
        (of_grey, "auto"),
        (with_alpha, "auto"),
        (lambda images: images[:, :15], "auto"),
        (lambda images: images[:, :, :15], "auto"),
        # of colour, but with nothing that a patch could show
        (flat, "auto"),
        # read where they are, and never put together
        (lambda images: ShardedRows([images[:24], images[24:]]), "auto"),
    ],
    ids=[
        "photos",
        "some grey",
        "grey",
        "grey in three",
        "alpha",
        "low",
        "narrow",
        "flat",
        "shards",
    ],
)
@pytest.mark.parametrize("kind", [TrainOptions, SweepOptions])
def test_what_is_fitted_on_by_default(made, steps, kind):
    task = begin(image_set(made(PHOTOS)), kind())
    assert task.options.features == steps
    assert (task.features is None) == (steps == "auto") == (not task.chose_features)
    assert task.option_metrics().get("features", "auto") == steps


@pytest.mark.parametrize("given", [{"features": "pixels"}, {"pixel_max": 254}])
def test_pixels_that_were_asked_for(given):
    images = np.minimum(PHOTOS, 254)
    assert begin(image_set(images), TrainOptions(**given)).features is None


@pytest.mark.parametrize(
    ("n", "side", "n_classes", "filters"),
    [
        (24, 32, 2, 32),
        (500, 32, 10, 64),
        (2_000, 32, 10, 256),
        (10_000, 32, 10, 128),
        (10_000, 32, 2, 256),
        (50_000, 32, 10, 64),
        # each class has a regression, and one for each fold
        (10_000, 32, 1_000, 32),
        (4_000, 96, 2, 256),
        (40_000, 96, 2, 64),
        (1_000_000, 96, 2, 32),
    ],
)
def test_the_more_there_is_to_do_the_fewer_filters(n, side, n_classes, filters):
    one = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    images = image_set(np.broadcast_to(one, (n, *one.shape)), n_classes)
    steps = f"patches:filters={filters},size=6,grid=3"
    assert photograph_steps(images, n, n_classes) == steps


def test_a_run_goes_on_from_what_one_of_the_same_steps_has_reached():
    images = image_set(PHOTOS)
    place, asked, pixels = (
        checkpoint_place(begin(images, TrainOptions(features=given)), None)
        for given in ("auto", STEPS, "pixels")
    )
    assert place == asked != pixels


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Runs of the command line on photographs, as they come, and on their pixels."""
    home = tmp_path_factory.mktemp("photos")
    np.savez(home / "photos.npz", images=PHOTOS, labels=np.repeat(["cat", "dog"], 24))
    made = {name: home / name for name in ("auto", "pixels")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "300")
        for name, folder in made.items():
            how = ["--features", name, "--folds", "2", "--no-report"]
            assert command(["train", str(home / "photos.npz"), *how, "--out", str(folder)]) == 0
    return made


def test_a_run_says_what_it_took_and_what_goes_back(folders, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    run = folders["auto"]
    source = str(run.parent / "photos.npz")
    words = ["train", source, "--folds", "2", "--no-report", "--out", str(run.parent / "again")]
    assert command(words) == 0
    said = capsys.readouterr().out
    first = said[: said.index("Always answering")]
    assert f"{STEPS}, 576 an image, the default for colour photographs" in first
    assert "; --features pixels goes back" in first
    assert f"export {run.parent / 'again'} --to json" in said
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["options"]["features"] == STEPS
    assert metrics["data"]["n_features"] == open_record(run).model.coef.shape[1] == 576
    assert f"--features {STEPS} " in (run / "command.txt").read_text()
    assert not (run / "weights.png").exists()
    assert (folders["pixels"] / "weights.png").exists()
    assert "features" not in json.loads((folders["pixels"] / "metrics.json").read_text())["options"]


def test_what_follows_need_not_be_told(folders):
    """The model, and a run that is made again by its command, have the steps in words."""
    run, source = folders["auto"], str(folders["auto"].parent / "photos.npz")
    kept = open_record(run).predictions
    said = np.array([one.probabilities for one in imlogit.predict(run, source)])
    np.testing.assert_array_equal(said[kept.test_rows], kept.test_probabilities)
    found = imlogit.train(source, folds=2)
    assert f"features {STEPS}" in repr(found)
    np.testing.assert_array_equal(found.predictions.test_probabilities, kept.test_probabilities)
    assert "features" not in repr(imlogit.train(source, folds=2, features="pixels"))
    assert imlogit.compare(run, folders["pixels"]).first.n == len(kept.test_rows)
    assert imlogit.export_model(run, run.parent / "m.json").difference <= 1e-9
