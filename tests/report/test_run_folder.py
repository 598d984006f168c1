"""What a run leaves behind, whatever becomes of its pictures."""

import matplotlib as mpl
import pytest

from imlogit.report import run_folder
from imlogit.report.run_folder import write_run
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.sweep import sweep
from imlogit.runs.train import train

from helpers.awkward_names import striped_images

SCORES = ("confusion.png", "roc.png", "precision-recall.png", "calibration.png")


@pytest.fixture(scope="module")
def trained(embedded):
    return train(embedded, TrainOptions(folds=2, C=1e-4))


def test_a_picture_that_cannot_be_drawn_does_not_cost_the_model(trained, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no such font")

    monkeypatch.setattr(run_folder, "weight_sheet", broken)
    with pytest.warns(UserWarning, match=r"weights\.png could not be drawn .*no such font"):
        place = write_run(trained, tmp_path / "run")
    names = {path.name for path in place.iterdir()}
    assert "weights.png" not in names
    assert {"model.imlogit", "metrics.json", "samples.png", *SCORES} <= names


def test_the_users_own_style_has_no_say(trained, tmp_path):
    plain = write_run(trained, tmp_path / "plain")
    with mpl.rc_context({"text.usetex": True, "font.size": 30, "figure.facecolor": "red"}):
        styled = write_run(trained, tmp_path / "styled")
        assert mpl.rcParams["font.size"] == 30
    for name in ("weights.png", "samples.png", *SCORES):
        assert (plain / name).read_bytes() == (styled / name).read_bytes()


@pytest.mark.filterwarnings("error:(Glyph|Matplotlib|weights):UserWarning")
def test_two_classes_as_every_class_have_their_weights_drawn(tmp_path):
    images = striped_images((12, 6), ("猫", "🐈"))
    run = train(images, TrainOptions(every_class=True, folds=2, engine="reference"))
    assert (write_run(run, tmp_path / "run") / "weights.png").exists()


def test_a_sweep_has_the_pictures_of_its_scores(tmp_path):
    options = SweepOptions(folds=2, Cs=(0.01, 0.1), engine="reference")
    place = write_run(sweep(striped_images((12, 6)), options), tmp_path / "run")
    assert {*SCORES, "samples.png", "validation.png"} <= {path.name for path in place.iterdir()}
