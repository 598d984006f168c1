"""Options that do not apply are refused, not passed over in silence."""

import pytest

from imlogit.cli.app import run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
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


def test_each_drawn_explanation_has_the_number_of_its_image(trained, capsys):
    for row in ("3", "5"):
        assert run(["explain", trained, "mnist-5k", "--row", row]) == 0
        assert f"explain-file-{row}.png" in capsys.readouterr().err
