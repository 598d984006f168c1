"""The command line as a person meets it: exit codes, tables, JSON, interrupts."""

import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from imlogit.checks.table import CHECKS
from imlogit.cli.app import run

from helpers.image_files import write_class_folders
from helpers.promptness import some_try_is_prompt

pytestmark = pytest.mark.usefixtures("without_pictures")
COMMAND = [sys.executable, "-m", "imlogit"]
WRITTEN = [
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
# Whoever interrupts does not wait for pictures.
FINISHED = [name for name in WRITTEN if not name.endswith((".png", ".html"))]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One real run of the main job, as a process of its own."""
    folder = tmp_path_factory.mktemp("trained")
    done = subprocess.run(
        [*COMMAND, "train"], capture_output=True, text=True, check=False, cwd=folder
    )
    return done, folder / "imlogit-runs" / "mnist-5k-1"


def test_the_main_job(trained):
    done, place = trained
    assert (done.returncode, done.stderr) == (0, "")
    for expected in (
        "5,000 of 28 x 28 pixels",
        "seed 0",
        "'2' against 'not 2'",
        "Cross-validation, 10 folds",
        "deviation",
        "base rate",
        "balanced accuracy",
        "average precision",
        "95% interval",
        "Confusion matrix",
        "relative gap",
        "converged",
        "Always answering 'not 2' is right for 90.00%",
        "Written to imlogit-runs/mnist-5k-1",
    ):
        assert expected in done.stdout
    assert "\x1b" not in done.stdout
    assert (place / "model.imlogit").is_file()


def test_ten_classes_called_0_to_9_are_all_told_apart(rng, capsys):
    images = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    np.savez("clothes.npz", images=images, labels=np.arange(60) % 10)
    assert run(["train", "clothes.npz", "--folds", "2"]) == 0
    said = capsys.readouterr().out
    assert "every one of 10 classes, the default" in said
    assert "not 2" not in said


def test_of_two_named_classes_both_have_their_names_everywhere(rng, capsys):
    images = rng.integers(0, 256, (60, 6, 5), dtype=np.uint8)
    write_class_folders(Path("pets"), images, np.array(["cats", "dogs", "dogs"])[np.arange(60) % 3])
    said = []
    for words in (
        ["train", "pets", "--folds", "2", "--out", "q"],
        ["sweep", "pets", "--folds", "2", "--out", "s"],
        ["predict", "q", "pets"],
        ["evaluate", "q", "pets"],
        ["show", "q"],
        ["explain", "q", "pets/cats/00000.png"],
        ["explain", "q"],
        ["doubts", "q"],
        ["check", "pets"],
        ["export", "q", "--to", "json", "--out", "q.json"],
    ):
        assert run(words) in (0, 1)
        found = capsys.readouterr()
        assert not found.err or "Error" not in found.err
        said.append(found.out)
    kept = [path.read_text() for path in (Path("q/metrics.json"), Path("s/metrics.json"))]
    said += [*kept, Path("q.json").read_text()]
    assert not [text for text in said if "not cats" in text or "not dogs" in text]
    assert sum("cats" in text and "dogs" in text for text in said) >= 10


def test_show(trained, capsys):
    model = str(trained[1] / "model.imlogit")
    assert run(["show", model]) == 0
    text = capsys.readouterr().out
    assert "mnist-5k" in text
    assert "28 x 28" in text
    assert run(["show", model, "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["classes"] == [False, True]
    assert described["positive"] == "2"


def test_the_saved_command_makes_the_same_run(trained, capsys):
    words = (trained[1] / "command.txt").read_text().split()
    assert words[0] == "imlogit"
    assert run([*words[1:], "--out", "again"]) == 0
    capsys.readouterr()
    with open("again/model.imlogit", "rb") as file:
        assert file.read() == (trained[1] / "model.imlogit").read_bytes()


def test_json_goes_to_standard_output(capsys):
    assert run(["train", "--folds", "2", "--json", "--positive", "7"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["run"] == "imlogit-runs/mnist-5k-1"
    assert found["options"]["positive"] == "7"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--positive", "ten"], "The labels are: 0, 1, 2"),
        (["train", "--folds", "1"], "--folds 1 is not possible"),
        (["train", "--test-size", "2"], "test_size"),
        (["train", "--c", "-1"], "--c -1"),
        (["train", "--c", "nan"], "--c nan"),
        (["train", "--engine", "abacus"], "--engine abacus"),
        (["train", "no-such-source"], "mnist-5k"),
        (["train", "--out", "."], "exists already"),
        (["train", "--nonsense"], "--nonsense"),
        (["train", "--seed", "99999999999"], "--seed"),
        (["train", "--test-size", "0.9999"], "--test-size"),
        (["show", "nothing.imlogit"], "nothing.imlogit"),
        (["train", "--precision", "2"], "--precision 2"),
        (["train", "--precision", "0.9", "--recall", "0.9"], "cannot both"),
        (["train", "--all", "--recall", "0.9"], "label to look for"),
        (["check", "no-such-source"], "mnist-5k"),
        (["check", "--positive", "2", "--all"], "cannot both"),
        (["check", "--picture", "."], "exists already"),
        (["doubts", "no-such-run"], "no finished run"),
        (["explain", "."], "no finished run"),
        (["compare", ".", "."], "no finished run"),
        (["fly"], "fly"),
    ],
)
def test_bad_input_is_a_message_and_code_2(arguments, message, capsys, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert run(arguments) == 2
    found = capsys.readouterr()
    assert message in found.err
    assert "Traceback" not in found.err
    assert not found.out
    assert sorted(tmp_path.iterdir()) == before


def test_a_warning_is_one_line(capsys):
    assert run(["train", "--folds", "2", "--c", "inf", "--engine", "numba"]) == 0
    warned = capsys.readouterr().err.splitlines()
    assert any(line.startswith("imlogit: warning: not converged") for line in warned)


def test_version_and_help(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("imlogit 0.")
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert "train" in text
    assert "show" in text


class TestCheck:
    def test_sound_images(self, capsys):
        assert run(["check"]) == 0
        found = capsys.readouterr()
        assert f"{len(CHECKS)} checks" in found.out
        assert "share unexplained 0.1" in " ".join(found.out.split())
        assert run(["check", "--json"]) == 0
        checks = json.loads(capsys.readouterr().out)["checks"]
        assert {one["status"] for one in checks} == {"passed", "failed", "not applicable"}

    def test_an_error_is_code_1(self, capsys):
        # what is looked for never occurs
        assert run(["check", "--positive", "ten"]) == 1
        assert "constant-labels" in capsys.readouterr().out

    def test_nothing_to_draw(self, capsys, tmp_path):
        assert run(["check", "--picture", "seen.png"]) == 0
        assert "nothing to draw" in capsys.readouterr().err
        assert not list(tmp_path.iterdir())


class TestExamine:
    @pytest.fixture
    def place(self, trained, tmp_path):
        """A copy of the run, which commands may draw into."""
        return str(shutil.copytree(trained[1], tmp_path / "run"))

    def test_doubts(self, place, capsys):
        assert run(["doubts", place, "-n", "3"]) == 0
        found = capsys.readouterr()
        assert "3 most doubtful of 4,000 training labels" in found.out
        assert "counted as wrong" in found.out
        assert found.err == f"imlogit: drawn to {place}/doubts.png\n"
        assert Path(place, "doubts.png").read_bytes().startswith(b"\x89PNG")
        assert run(["doubts", place, "--csv"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "row,file,given,suggested,p_given,p_suggested,trust,margin,wrong"
        assert len(lines) == 4001
        assert run(["doubts", place, "--json", "--out", "mine.png"]) == 0
        assert len(json.loads(capsys.readouterr().out)["doubts"]) == 4000
        assert Path("mine.png").is_file()
        assert run(["doubts", place, "--out", "mine.png"]) == 2
        assert "exists already" in capsys.readouterr().err

    def test_doubts_of_the_test_part(self, place, capsys, tmp_path):
        words = ["doubts", place, "--part", "test", "--ranking", "margin", "-n", "4"]
        assert run([*words, "--folder", "sorted"]) == 0
        found = capsys.readouterr()
        assert "4 most doubtful of 1,000 test labels" in found.out
        assert "sorted: 4 images that are no files, or not found, written as PNG" in found.err
        assert len(list(Path("sorted").rglob("row-*.png"))) == 4
        assert Path(place, "doubts-test.png").is_file()
        assert run([*words, "--folder", "sorted"]) == 2
        assert "Choose another place for --folder" in capsys.readouterr().err
        assert run([*words, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["part"], found["ranking"], len(found["doubts"])) == ("test", "margin", 1000)

    def test_explain(self, place, capsys):
        assert run(["explain", place, "--row", "7"]) == 0
        assert "margin, their sum" in capsys.readouterr().out
        assert Path(place, "explain-row-7.png").is_file()
        assert run(["explain", place, "--row", "7", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        total = math.fsum(itertools.chain(*found["pixels"])) + found["intercept"]
        assert abs(total - found["margin"]) < 1e-12
        assert run(["explain", place]) == 0
        assert "nearest the boundary" in capsys.readouterr().out
        assert Path(place, "exemplars.png").is_file()
        assert run(["explain", place, "--json"]) == 0
        assert set(json.loads(capsys.readouterr().out)["exemplars"]) == {"2", "not 2"}
        assert run(["explain", place, "--row", "5000"]) == 2
        assert "no image of the run has this row" in capsys.readouterr().err

    def test_compare(self, place, capsys):
        assert run(["train", "--folds", "2", "--c", "1e-4", "--out", "weak"]) == 0
        capsys.readouterr()
        assert run(["compare", "weak", place]) == 0
        assert "The second is more accurate." in " ".join(capsys.readouterr().out.split())
        assert run(["compare", "weak", place, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["p_value"] < 0.05
        assert run(["compare", place, place]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "do not show that one is more accurate" in said

    def test_a_threshold_is_printed_and_shown(self, capsys):
        assert run(["train", "--folds", "2", "--recall", "0.9", "--out", "sure"]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "for a recall of at least 0.9, " in said
        assert ". Out of fold: precision" in said
        assert run(["show", "sure/model.imlogit"]) == 0
        assert "a probability of 0." in capsys.readouterr().out


@pytest.fixture
def run_into_a_full_disk():
    """Run a command with streams that take nothing, flushed when Python likes; return all of it."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:

        def run(*arguments, stdout=full, stderr=full):
            return subprocess.run(
                [*COMMAND, *arguments],
                stdout=stdout,
                stderr=stderr,
                text=True,
                check=False,
                env=environment,
            )

        yield run


@pytest.mark.parametrize("arguments", [["show"], ["--version"], ["show", "--help"]])
def test_a_full_disk_behind_standard_output(arguments, trained, run_into_a_full_disk):
    model = [str(trained[1] / "model.imlogit")] if arguments == ["show"] else []
    done = run_into_a_full_disk(*arguments, *model, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert done.stderr == ("imlogit: standard output cannot be written: No space left on device\n")


def test_a_full_disk_behind_standard_error(trained, run_into_a_full_disk):
    model = str(trained[1] / "model.imlogit")
    done = run_into_a_full_disk("show", model, stdout=subprocess.PIPE)
    assert (done.returncode, "looks for" in done.stdout) == (0, True)
    assert run_into_a_full_disk("show", "nowhere.imlogit").returncode == 2


def test_a_damaged_model_file(trained, tmp_path, capsys):
    data = bytearray((trained[1] / "model.imlogit").read_bytes())
    data[-5] ^= 1
    (tmp_path / "bad.imlogit").write_bytes(data)
    assert run(["show", "bad.imlogit"]) == 2
    said = capsys.readouterr().err
    assert "bad.imlogit" in said
    assert "Traceback" not in said


def test_no_color_is_honoured(trained):
    environment = os.environ | {"NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    done = subprocess.run(
        [*COMMAND, "show", str(trained[1] / "model.imlogit")],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert "\x1b[3" not in done.stdout  # no foreground colour


@pytest.mark.once
def test_an_interrupt_in_a_finalizer_is_not_lost():
    struck_there = """
import signal, time
import imlogit.__main__ as main
import imlogit.cli.app as app

class Finalized:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def run(arguments):
    Finalized()
    time.sleep(30)
    return 0

app.run = run
main.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", struck_there],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (130, "\nInterrupted.\n")


@pytest.mark.once
@pytest.mark.parametrize(
    ("delay", "signum"),
    [
        *((delay, signal.SIGINT) for delay in (0.02, 0.1, 0.3, 0.6, 1.0, 1.5, 2.2)),
        *((delay, signal.SIGTERM) for delay in (0.1, 0.6, 1.5)),
    ],
)
def test_interrupt_at_any_moment(delay, signum, tmp_path):
    # where it hangs, the stacks of its threads say where
    watched = "import faulthandler; faulthandler.dump_traceback_later(18, exit=True)"
    announced = f"{watched}; import imlogit.__main__ as m; print('ready', flush=True); m.main()"
    arguments = ["train", "--folds", "50", "--engine", "reference"]

    def seconds_to_answer():
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        with subprocess.Popen(
            [sys.executable, "-c", announced, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(delay)
            process.send_signal(signum)
            struck = time.monotonic()
            _, err = process.communicate(timeout=20)
            took = time.monotonic() - struck
        assert process.returncode == 128 + signum, err
        assert "Traceback" not in err
        # nothing is left, or what was finished, or a whole run where the interrupt came after the
        # last byte was written
        left = sorted(path.name for path in folder.rglob("*") if path.is_file())
        assert left in ([], FINISHED, WRITTEN)
        assert bool(left) == any(folder.iterdir())
        return took

    assert some_try_is_prompt(seconds_to_answer)
