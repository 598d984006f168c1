"""The command that chooses C, and what an interrupted run leaves behind."""

import csv
import io
import json
import shlex

import numpy as np
import pytest

import imlogit
from imlogit import FitInterrupted
from imlogit.cli.app import run
from imlogit.errors import ParameterError
from imlogit.estimators import logistic_cv
from imlogit.evaluation import cross_validation
from imlogit.report.console.tables import path_table
from imlogit.runs.grid import parse_cs

from helpers.image_files import write

COMMAND = ["sweep", "--cs", "1e-3,1e-2", "--folds", "2"]


def test_the_values_of_a_grid():
    assert parse_cs("1e-2:1:3") == pytest.approx((0.01, 0.1, 1.0))
    assert parse_cs("5:5:1") == (5.0,)
    assert parse_cs("1,0.5") == (1.0, 0.5)


@pytest.mark.parametrize(
    "text",
    ["", "1:2", "0:1:3", "1:2:0", "1:2:x", "1,-1", "1,1", "nan", "inf", "1:2:3:4", "1:9:1001"],
)
def test_what_is_no_grid(text):
    with pytest.raises(ParameterError, match=r"Cs=.*FIRST:LAST:COUNT"):
        parse_cs(text)


CURVES = {"confusion.png", "roc.png", "precision-recall.png", "calibration.png", "report.html"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sweep_leaves_a_run(here, capsys):
    assert run([*COMMAND, "--out", "found"]) == 0
    shown = capsys.readouterr()
    assert "is chosen: the lowest mean log loss" in shown.out
    said = " ".join((shown.out + shown.err).split())
    assert said.count("of the grid") == said.count("The best C is the largest of the grid") == 1
    assert "Cs" not in said
    names = {"model.imlogit", "metrics.json", "command.txt", "samples.png"}
    names |= {"sweep.csv", "validation.png", "weights.png", "predictions.safetensors"}
    names |= CURVES
    assert {path.name for path in (here / "found").iterdir()} == names
    metrics = json.loads((here / "found/metrics.json").read_text())
    assert metrics["schema"] == "imlogit.sweep"
    assert [row["C"] for row in metrics["path"]] == [1e-3, 1e-2]
    assert (metrics["chosen"], metrics["edge"], metrics["interrupted"]) == (1e-2, "high", False)
    rows = list(csv.DictReader(io.StringIO((here / "found/sweep.csv").read_text())))
    assert float(rows[1]["log_loss_mean"]) == metrics["path"][1]["log_loss_mean"]
    model = imlogit.load_model(here / "found/model.imlogit")
    assert model.C == 1e-2


def test_a_validation_part_chooses(embedded, here, capsys):
    parts = np.repeat(["train", "val", "test"], [60, 30, 30])
    rows = np.random.default_rng(0).permutation(len(embedded))[:120]
    for number, (image, label, part) in enumerate(
        zip(embedded.images[rows], embedded.labels[rows] % 2, parts, strict=True)
    ):
        write(here / "odd" / part / str(label) / f"{number}.png", image)
    assert run(["sweep", "odd", "--cs", "1e-4,1e-2,1", "--out", "chosen"]) == 0
    assert "the lowest log loss on the validation part" in " ".join(capsys.readouterr().out.split())
    metrics = json.loads((here / "chosen/metrics.json").read_text())
    assert (metrics["data"]["n_train"], metrics["data"]["n_validation"]) == (90, 30)
    assert metrics["options"]["folds"] is None
    found = imlogit.load("odd")
    losses = []
    for C in (1e-4, 1e-2, 1.0):
        model = imlogit.LogisticRegression(C=C).fit(found.train.images, found.train.labels)
        p = model.predict_proba(found.validation.images)
        losses.append(-np.log(p[np.arange(30), found.validation.labels]).mean())
    assert [row["log_loss_mean"] for row in metrics["path"]] == pytest.approx(losses, rel=1e-4)
    assert metrics["chosen"] == (1e-4, 1e-2, 1.0)[np.argmin(losses)]
    again = shlex.split((here / "chosen/command.txt").read_text())[1:]
    assert run([*again, "--out", "again"]) == 0
    model = (here / "chosen/model.imlogit").read_bytes()
    assert (here / "again/model.imlogit").read_bytes() == model
    capsys.readouterr()
    assert run(["sweep", "odd", "--cs", "1e-2,1", "--folds", "3", "--out", "folds"]) == 0
    assert "over the folds" in " ".join(capsys.readouterr().out.split())


def test_the_same_sweep_again_has_the_same_bytes(here, capsys):
    assert run([*COMMAND, "--out", "one"]) == run([*COMMAND, "--out", "two"]) == 0
    for name in [path.name for path in (here / "one").iterdir()]:
        assert (here / "one" / name).read_bytes() == (here / "two" / name).read_bytes()


@pytest.mark.parametrize("bad", [["--cs", "0"], ["--rule", "worst"], ["--folds", "1"]])
def test_bad_options_are_one_line(here, capsys, bad):
    assert run(["sweep", *bad]) == 2
    assert capsys.readouterr().err.startswith("imlogit: ")
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("module", "command", "files"),
    [
        (
            logistic_cv,
            COMMAND,
            {"metrics.json", "command.txt", "sweep.csv"},
        ),
        (
            cross_validation,
            ["train", "--folds", "2"],
            {"metrics.json", "command.txt", "model.imlogit", "predictions.safetensors"},
        ),
    ],
)
def test_what_is_finished_is_kept(here, capsys, monkeypatch, module, command, files):
    whole = module.fit_all

    def interrupted(*args, **how):
        raise FitInterrupted([*whole(*args, **how)[:-1], None])

    monkeypatch.setattr(module, "fit_all", interrupted)
    assert run([*command, "--out", "part"]) != 0  # __main__ makes it 130
    assert "what is finished is written to part" in capsys.readouterr().err
    assert {path.name for path in (here / "part").iterdir()} == files
    metrics = json.loads((here / "part/metrics.json").read_text())
    assert metrics["interrupted"] is True
    near = [check for check in metrics["checks"] if check["code"] == "overlap-near"]
    assert [check["status"] for check in near] == ["not applicable"]


@pytest.mark.parametrize("rule", ["best", "one-standard-error"])
def test_an_interrupted_sweep_chooses_nothing(embedded, monkeypatch, rule):
    whole = logistic_cv.fit_all

    def interrupted(*args, **how):
        raise FitInterrupted([*whole(*args, **how)[:-1], None])

    monkeypatch.setattr(logistic_cv, "fit_all", interrupted)
    with pytest.raises(FitInterrupted) as stopped:
        imlogit.sweep(embedded, folds=2, Cs=(1.0, 1e-2, 1e-4), rule=rule)
    found = stopped.value.partial
    metrics = found.metrics
    # the best of those that are finished is the last of them, and not of the grid
    assert [row["C"] for row in metrics["path"]] == [1e-4, 1e-2]
    assert (metrics["best"], metrics["chosen"], metrics["edge"]) == (1e-2, None, None)
    assert not found.checks["grid-edge"].failed
    assert found.choice().startswith("No C is chosen")
    rows = path_table(found.path).rows
    assert "chosen" not in str(rows)
    assert rows[1][-1] == "best"


def test_nothing_finished_leaves_nothing(here, monkeypatch):
    def interrupted(estimator, data, fits, **how):
        raise FitInterrupted([None] * len(fits))

    monkeypatch.setattr(logistic_cv, "fit_all", interrupted)
    assert run(COMMAND) != 0
    assert not list(here.iterdir())
