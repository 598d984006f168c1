"""What train and sweep say, in which order, and how they end."""

import io
import itertools
import json
import sys
from contextlib import redirect_stdout

import numpy as np
import pytest

from imlogit.cli.app import run
from imlogit.estimators import checkpoints

from helpers.clusters import client_of, needs_dask

pytestmark = pytest.mark.usefixtures("without_pictures")
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
    assert after.startswith(" imlogit doubts run")
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


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """What `train` prints of ten classes in a pipe, a line each, and its run."""
    place = tmp_path_factory.mktemp("order") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        out = io.StringIO()
        with redirect_stdout(out):
            words = ["train", "--all", "--folds", "2", "--c", "1e-4", "--out", str(place)]
            assert run(words) == 0
    return out.getvalue().splitlines(), place


def test_ten_classes_are_at_most_sixty_lines_and_the_verdict_is_on_the_last_screen(lines):
    printed, _ = lines
    assert len(printed) <= 60
    assert printed[0] == "Images"
    verdicts = [n for n, line in enumerate(printed) if line.startswith("Always answering")]
    assert len(verdicts) == 2
    assert verdicts[0] < 14
    assert verdicts[1] > len(printed) - 24
    assert "this model is right for" in " ".join(printed)
    assert [line for line in printed if line != line.rstrip()] == []
    assert any(line.startswith("  imlogit doubts ") for line in printed)


def test_a_mix_of_seen_and_unseen_images_is_not_called_training_images(lines, capsys):
    assert run(["evaluate", str(lines[1]), "mnist-5k", "-v"]) == 0
    said = capsys.readouterr().out
    assert "Each class against the rest\n" in said
    assert "training images" not in said


def test_a_weight_of_a_class_changes_the_fit_and_is_checked_before_it(tmp_path, capsys):
    def recall(*words):
        how = ["--folds", "2", "--c", "1e-4", "--out", str(tmp_path / "-".join(["run", *words]))]
        assert run(["train", *how, *words]) == 0
        text = capsys.readouterr().out
        return float(text.split("recall")[1].split()[0])

    plain = recall()
    assert recall("--class-weight", "balanced") > plain + 0.1
    assert recall("--class-weight", "2=9") > plain + 0.1
    assert run(["train", "--class-weight", "two=9"]) == 2
    found = capsys.readouterr()
    assert "--class-weight two=9" in found.err
    assert not found.out


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    """A source of small images of two classes, and what a run says of it."""
    place = tmp_path_factory.mktemp("stripes")
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 200, (200, 6, 6), dtype=np.uint8), np.arange(200) % 2
    images[:, 2] += (labels * 40).astype(np.uint8)[:, None]
    np.savez(place / "stripes.npz", images=images, labels=labels)
    words = ["train", str(place / "stripes.npz"), "--folds", "2"]
    assert run([*words, "--out", str(place / "whole")]) == 0
    return words, place


def figures(folder):
    found = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return found["cross_validation"]["mean"], found["certificate"]["status"]


def test_a_run_that_was_stopped_is_gone_on_with(stripes, monkeypatch, capsys):
    words, place = stripes
    write, times = checkpoints.write_bytes, itertools.count(1)

    def stop(path, content):
        write(path, content)
        if next(times) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "PAUSE", 0.0)
        patch.setattr(checkpoints, "write_bytes", stop)
        patch.setattr(checkpoints, "PAUSE_SHARE", 0.0)
        assert run([*words, "--out", str(place / "part")]) == 130
    (kept,) = place.glob("stripes-*.checkpoint")
    assert f"{kept}: --resume goes on from there" in capsys.readouterr().err
    again = [*words, "--out", str(place / "again")]
    assert run(again) == 2
    assert f"{kept} holds what an unfinished run" in capsys.readouterr().err
    assert run([*again, "--resume", "--engine", "reference"]) == 0
    assert not capsys.readouterr().err
    assert not kept.exists()
    mean, status = figures(place / "whole")
    assert figures(place / "again") == (pytest.approx(mean, rel=1e-3), status)


@needs_dask
def test_a_run_on_a_cluster_is_the_same_and_does_not_name_it(stripes, capsys):
    words, place = stripes
    with client_of(2) as client:
        address = client.cluster.scheduler_address
        there = place / "there"
        assert run([*words, "--out", str(there), "--dask", address, "--resume"]) == 0
    assert "to go on from: the fits begin anew" in capsys.readouterr().err
    assert figures(there) == figures(place / "whole")
    assert address not in (there / "metrics.json").read_text(encoding="utf-8")
    assert "--engine dask" in (there / "command.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dask", "localhost:8786"], "--dask localhost:8786: give the address"),
        (["--dask", "local", "--engine", "numba"], "--dask local and --engine numba cannot both"),
    ],
)
def test_clusters_that_cannot_be(words, said, capsys):
    assert run(["sweep", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--dask", "local"], ["--engine", "dask"]])
def test_a_cluster_without_its_library(words, stripes, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert run([*stripes[0], *words]) == 2
    said = capsys.readouterr().err
    assert f'{" ".join(words)} needs distributed: pip install "imlogit[dask]"' in said
