"""Options that do not apply are refused, not passed over in silence."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imlogit.cli.app import run


@pytest.fixture(scope="module")
def trained(tmp_path_factory, without_pictures):
    place = tmp_path_factory.mktemp("runs") / "twos"
    assert run(["train", "--folds", "2", "--engine", "reference", "--out", str(place)]) == 0
    return str(place)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["explain", "RUN", "--size", "28x28"], ["--size"]),
        (["explain", "RUN", "--row", "1", "--grey"], ["--grey"]),
        (["explain", "RUN", "--row", "1", "--prepare", "digit"], ["--prepare"]),
        (["explain", "RUN", "mnist-5k", "--row", "1", "--source", "mnist-5k"], ["--source"]),
        (["explain", "RUN", "--row", "100000"], ["--row 100000", "no image of the run"]),
        (["doubts", "RUN", "--csv", "--json"], ["--csv", "--json"]),
        (["doubts", "RUN", "--link"], ["--link", "--folder"]),
        (["doubts", "RUN", "--part", "tset"], ["--part tset", "'test'"]),
        (["doubts", "RUN", "--ranking", "trsut"], ["--ranking trsut", "'trust'"]),
        (["doubts", "RUN", "--folder", "new", "--link"], ["--source", "no file of this image"]),
        (["predict", "RUN", "mnist-5k", "--csv", "--json"], ["--csv", "--json"]),
        (["train", "--all", "--positive", "2"], ["cannot both"]),
        (["train", "--c", "-1"], ["--c -1"]),
        (["train", "--recall", "1.5"], ["--recall 1.5"]),
        (["sweep", "--rule", "worst"], ["--rule worst"]),
    ],
)
def test_what_does_not_apply_is_named(trained, capsys, arguments, names):
    assert run([trained if word == "RUN" else word for word in arguments]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert all(name in said for name in names), said


def test_a_run_serves_wherever_a_model_does(trained, capsys):
    for words in (["show", trained], ["predict", trained, "mnist-5k"]):
        assert run(words) == 0
    assert run(["evaluate", trained, "mnist-5k", "--json"]) == 0
    assert '"schema": "imlogit.evaluation"' in capsys.readouterr().out


@pytest.mark.parametrize("command", [["check", "--picture"], ["data", "show", "mnist-5k", "--out"]])
def test_a_place_that_is_taken_is_called_by_the_option_that_named_it(tmp_path, capsys, command):
    taken = tmp_path / "taken.png"
    taken.write_text("mine")
    assert run([*command, str(taken)]) == 2
    assert f"Choose another place for {command[-1]}" in capsys.readouterr().err
    assert taken.read_text() == "mine"


def test_each_explanation_is_drawn_to_a_place_of_its_own(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((28, 28), np.uint8)).save("three.v2.png")
    Path("other").mkdir()
    Image.fromarray(np.full((28, 28), 9, np.uint8)).save("other/three.v2.png")
    assert run(["explain", trained, "three.v2.png", "other/three.v2.png"]) == 0
    assert run(["explain", trained, "mnist-5k", "--row", "3"]) == 0
    names = ["explain-three.v2.png", "explain-three.v2-2.png", "explain-mnist-5k-3.png"]
    said = capsys.readouterr().err
    assert [f"drawn to {name}" in said for name in names] == [True] * 3
    assert len({Path(name).read_bytes() for name in names}) == 3
    assert run(["explain", trained, "--row", "5"]) == 0
    assert (Path(trained) / "explain-row-5.png").exists()
    assert {path.name for path in tmp_path.iterdir()} == {*names, "three.v2.png", "other"}
