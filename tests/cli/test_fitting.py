"""What train and sweep say last, and how they end."""

import json

import numpy as np
import pytest

from imlogit.cli.app import run

SHORT = {"train": ["--folds", "2"], "sweep": ["--folds", "2", "--cs", "0.01,0.1"]}


@pytest.fixture
def trained_on_its_test(embedded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, labels = embedded.images[::5], embedded.labels[::5]
    np.savez("twice.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    np.savez("once.npz", images=images, labels=labels)
    np.savez("dark.npz", images=(images > 127).astype(np.uint8) * 16, labels=labels)


@pytest.mark.parametrize("command", SHORT)
@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 1)])
def test_a_test_part_that_was_trained_on(command, strict, code, trained_on_its_test, capsys):
    assert run([command, "twice.npz", *SHORT[command], "--out", "run", *strict]) == code
    before, _, after = " ".join(capsys.readouterr().out.split()).rpartition(" Written to run")
    assert not after
    assert before.rpartition("%). ")[2].startswith("These figures are no estimate of how often")
    assert before.endswith("learned by heart.")
    with open("run/metrics.json", encoding="utf-8") as file:
        assert json.load(file)["no_estimate"] == ["overlap-exact"]


@pytest.mark.parametrize("command", SHORT)
def test_sound_images_pass_strictly(command, trained_on_its_test, capsys):
    assert run([command, "once.npz", *SHORT[command], "--strict"]) == 0
    assert "no estimate" not in capsys.readouterr().out


def test_findings_spell_options_as_the_command_line_does(trained_on_its_test, capsys):
    assert run(["check", "dark.npz"]) == 0
    assert "--pixel-max 16" in " ".join(capsys.readouterr().out.split())
    assert run(["check", "dark.npz", "--pixel-max", "16"]) == 0
    assert "--pixel-max" not in capsys.readouterr().out


def test_an_evaluation_of_what_was_trained_on_is_no_estimate(trained_on_its_test, capsys):
    assert run(["train", "once.npz", "--folds", "2", "--out", "run"]) == 0
    capsys.readouterr()
    assert run(["evaluate", "run", "once.npz"]) == 0
    assert "These figures are no estimate" in capsys.readouterr().out.splitlines()[-2]
