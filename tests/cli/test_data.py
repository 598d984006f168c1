"""The command line with images of one's own: train, check, doubts, explain and data."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from imlogit import load
from imlogit.cli.app import run
from imlogit.data.cache import entries, note_files
from imlogit.data.readers.trees import image_files
from imlogit.report.run_folder import file_name

from helpers.image_files import encoded, write, write_class_folders
from helpers.promptness import some_try_is_prompt

pytestmark = pytest.mark.usefixtures("without_pictures")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "cache"))


def write_digits(embedded, place):
    rows = np.concatenate([np.arange(100) + 500 * code for code in (2, 3, 8)])
    return write_class_folders(place / "digits", embedded.images[rows], embedded.labels[rows])


@pytest.fixture
def digits(embedded, tmp_path):
    """Three hundred files of three digits, in a folder for each."""
    return write_digits(embedded, tmp_path)


def out(capsys, *arguments, code=0):
    assert run(list(arguments)) == code
    return capsys.readouterr()


class TestRuns:
    def test_train_on_a_folder_and_look_at_the_run(self, digits, capsys):
        found = json.loads(out(capsys, "train", "digits", "--folds", "3", "--json").out)
        assert found["run"] == "imlogit-runs/digits-1"
        assert found["classes"] == ["2", "3", "8"]
        assert str(digits.parent) not in Path(found["run"], "metrics.json").read_text()
        # the images are found where they are kept, even when the folder has gone
        digits.rename("moved")
        assert "most doubtful of" in out(capsys, "doubts", found["run"]).out
        assert "margin, their sum" in out(capsys, "explain", found["run"], "--row", "3").out

    def test_without_the_cache_the_source_is_asked_for(self, digits, capsys, tmp_path):
        out(capsys, "train", "digits", "--folds", "2", "--size", "14x14", "--out", "run")
        (tmp_path / "cache").rename("gone")
        digits.rename("moved")
        assert "--source" in out(capsys, "doubts", "run", code=2).err
        assert "most doubtful" in out(capsys, "doubts", "run", "--source", "moved").out

    def test_the_saved_command_says_how_images_were_read(self, digits, capsys):
        write(digits / "2" / "bad.png", b"x")
        words = ["train", "digits", "--folds", "2", "--size", "10x12", "--grey", "--skip-bad"]
        said = out(capsys, *words, "--out", "one")
        assert "1 passed over:\n  2/bad.png: text, not an image" in said.err
        metrics = json.loads(Path("one/metrics.json").read_text())
        assert [one["where"] for one in metrics["data"]["skipped"]] == ["2/bad.png"]
        assert metrics["data"]["image_shape"] == [10, 12]
        again = Path("one/command.txt").read_text().split()[1:]
        assert again[:6] == ["train", str(digits), "--size", "10x12", "--grey", "--skip-bad"]
        out(capsys, *again, "--out", "two")
        assert Path("one/model.imlogit").read_bytes() == Path("two/model.imlogit").read_bytes()
        first, second = (
            json.loads(Path(run, "metrics.json").read_text()) for run in ("one", "two")
        )
        # the source is as it was given
        assert first["options"].pop("source") == "digits"
        assert second["options"].pop("source") == str(digits)
        assert first == second

    @pytest.mark.parametrize("command", ["train", "sweep", "check", "data show", "data fetch"])
    def test_every_problem_is_a_line(self, digits, command, capsys, tmp_path):
        write(digits / "2" / "bad.png", b"x")
        write(digits / "3" / "worse.png", b"")
        before = sorted(tmp_path.iterdir())
        said = out(capsys, *command.split(), "digits", code=2)
        assert not said.out
        lines = said.err.splitlines()
        assert lines[0] == "imlogit: digits: 2 of 302 files cannot be used."
        assert [line.split(":")[0] for line in lines[1:3]] == ["  2/bad.png", "  3/worse.png"]
        assert "--skip-bad" in lines[3]
        assert sorted(path for path in tmp_path.iterdir() if path.name != "cache") == before

    def test_runs_in_the_folder_of_the_images_are_no_class(self, digits, capsys, monkeypatch):
        monkeypatch.chdir(digits)
        words = ["train", ".", "--folds", "2", "--json"]
        first = json.loads(out(capsys, *words).out)
        monkeypatch.setattr(image_files, "decode_all", lambda *_: pytest.fail("read anew"))
        second = json.loads(out(capsys, *words).out)
        assert (first.pop("run"), second.pop("run")) == (
            "imlogit-runs/digits-1",
            "imlogit-runs/digits-2",
        )
        assert first == second
        assert second["classes"] == ["2", "3", "8"]

    def test_check_takes_a_folder(self, digits, capsys):
        assert "checks" in out(capsys, "check", "digits").out


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mnist-5k", "mnist-5k"),
        ("../../etc/x", "etc-x"),
        ("..", "images"),
        ("", "images"),
        ("a b\n", "a-b"),
        ("Ziffern_ä", "Ziffern_ä"),
    ],
)
def test_a_run_stays_in_its_folder_whatever_its_images_are_called(name, folder):
    assert file_name(name) == folder


@pytest.fixture(scope="module")
def trained(embedded, tmp_path_factory):
    """A run on such files as the digits."""
    place = tmp_path_factory.mktemp("trained")
    write_digits(embedded, place)
    words = ["train", str(place / "digits"), "--folds", "2", "--out", str(place / "run")]
    assert run(words) == 0
    return place / "run"


class TestExplainFiles:
    @pytest.fixture
    def model(self, digits, trained, tmp_path):
        shutil.copytree(trained, tmp_path / "run")
        return "run"

    @pytest.mark.parametrize("place", ["run", "run/model.imlogit"])
    def test_one_file(self, model, place, digits, capsys):
        said = out(capsys, "explain", place, "digits/8/00250.png")
        assert "digits/8/00250.png" in said.out
        assert "margin, their sum" in said.out
        assert Path("explain-00250.png").read_bytes().startswith(b"\x89PNG")

    def test_a_row_of_a_source(self, model, capsys):
        found = out(
            capsys, "explain", model, "mnist-5k", "--row", "1000", "--json", "--out", "x.png"
        )
        assert json.loads(found.out)["image"] == "mnist-5k 1000"
        assert json.loads(found.out)["label"] == "2"
        assert Path("x.png").is_file()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["digits"], "choose one with --row"),
            (["digits/2"], "choose one with --row"),
            (["digits", "--row", "900"], "not so many"),
            (["gone.png"], "no such file"),
            (["digits/2/00000.png", "digits/2/00001.png", "--json"], "for one image"),
            (["digits/2/00000.png", "--prepare", "cat"], "--prepare cat"),
        ],
    )
    def test_bad_input(self, model, arguments, message, capsys):
        assert message in out(capsys, "explain", model, *arguments, code=2).err


# of each of two classes; so many are decoded by processes of their own
MANY = 4000


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no process groups")
@pytest.mark.once
@pytest.mark.parametrize("delay", [0.3, 0.6, 0.8, 1.0, 1.3])
def test_an_interrupt_while_processes_decode(delay, tmp_path):
    image = encoded(np.zeros((28, 28), np.uint8))
    for name in ("a", "b"):
        for number in range(MANY):
            write(tmp_path / "many" / name / f"{number}.png", image)

    def seconds_to_answer():
        # Ctrl-C reaches every process of the terminal's group
        with subprocess.Popen(
            [sys.executable, "-m", "imlogit", "data", "fetch", "many"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            time.sleep(delay)
            os.killpg(process.pid, signal.SIGINT)
            struck = time.monotonic()
            _, err = process.communicate(timeout=20)
            took = time.monotonic() - struck
        # an interrupt before Python answers interrupts at all ends the process by the signal
        assert process.returncode in (0, 130, -signal.SIGINT)
        assert process.returncode != 130 or err == "\nInterrupted.\n"
        return took

    assert some_try_is_prompt(seconds_to_answer)
    assert load("many").images.shape == (2 * MANY, 28, 28)


class TestData:
    def test_parts_are_shown(self, embedded, tmp_path, capsys):
        for part, rows in (
            ("train", slice(0, 40)),
            ("val", slice(40, 55)),
            ("test", slice(55, 70)),
        ):
            labels = np.arange(70)[rows] % 2
            write_class_folders(tmp_path / "odd" / part, embedded.images[rows], labels)
        assert "40 training, 15 validation, 15 test" in out(capsys, "data", "show", "odd").out
        found = json.loads(out(capsys, "data", "show", "odd", "--json").out)
        assert (found["train"], found["validation"], found["test"]) == (40, 15, 15)

    def test_list(self, digits, capsys):
        said = out(capsys, "data", "list").out
        assert "openml:NAME" in said
        assert "digits" not in said
        out(capsys, "data", "fetch", "digits", "--size", "14x14")
        said = " ".join(out(capsys, "data", "list").out.split())
        assert "--size 14x14" in said
        found = json.loads(out(capsys, "data", "list", "--json").out)
        (kept,) = found["kept"]
        assert kept["source"] == str(digits)
        assert kept["bytes"] > 300 * 14 * 14
        assert (entries.folder() / kept["entry"]).is_dir()
        assert found["bytes"] == kept["bytes"]

    def test_list_says_when_each_was_last_used(self, digits, capsys):
        out(capsys, "data", "fetch", "digits")
        assert "just now" in out(capsys, "data", "list").out
        (note,) = note_files.notes_folder().iterdir()
        os.utime(note, (0, 86_400))
        found = json.loads(out(capsys, "data", "list", "--json").out)
        assert found["kept"][0]["last_used"] == "1970-01-02T00:00:00+00:00"
        assert "days ago" in out(capsys, "data", "list").out
        out(capsys, "data", "show", "digits")
        assert "just now" in out(capsys, "data", "list").out

    def test_a_note_of_another_version_does_not_stop_the_list(self, digits, capsys):
        out(capsys, "data", "fetch", "digits")
        (note,) = note_files.notes_folder().iterdir()
        note.write_text(note.read_text().replace('"reading": {}', '"reading": {"turn": 90}'))
        assert "unknown options" in out(capsys, "data", "list").out

    def test_clear(self, digits, capsys):
        out(capsys, "data", "fetch", "digits")
        out(capsys, "data", "fetch", "digits", "--size", "14x14")
        (size,) = {json.loads(out(capsys, "data", "list", "--json").out)["bytes"]}
        assert "Nothing to remove" in out(capsys, "data", "clear", "--older-than", "1h").out
        found = json.loads(out(capsys, "data", "clear", "digits", "--json").out)
        assert found["bytes"] == size
        assert [one["reading"] for one in found["removed"]] in (
            [{}, {"size": [14, 14]}],
            [{"size": [14, 14]}, {}],
        )
        assert "digits" not in out(capsys, "data", "list").out
        out(capsys, "data", "fetch", "digits")
        said = " ".join(out(capsys, "data", "clear", "--all").out.split())
        assert "Removed" in said
        assert str(digits)[:20] in said
        assert said.endswith("0.2 MB freed")
        assert digits.is_dir()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((), "a source, --older-than 30d or both, or else --all"),
            (("digits", "--all"), "Say what is to be removed"),
            (("digits",), "Nothing is kept of 'digits'"),
            (("--older-than", "x"), "--older-than x: give"),
        ],
    )
    def test_what_cannot_be_cleared(self, digits, capsys, arguments, message):
        assert message in out(capsys, "data", "clear", *arguments, code=2).err

    def test_show(self, digits, capsys):
        said = out(capsys, "data", "show", "digits", "--per-class", "1", "--out", "sample.png").out
        assert "300 of 28 x 28" in " ".join(said.split())
        assert "33.33%" in said
        assert "8 (100 images)" in said
        assert any("⠀" <= char <= "⣿" for char in said)
        assert Path("sample.png").read_bytes().startswith(b"\x89PNG")
        assert "exists already" in out(capsys, "data", "show", "digits", "--out", ".", code=2).err

    def test_facts_as_json(self, digits, capsys):
        found = json.loads(out(capsys, "data", "show", "digits", "--json").out)
        assert found == json.loads(out(capsys, "data", "fetch", "digits", "--json").out)
        assert found["classes"]["3"] == {"images": 100, "share": 1 / 3}
        assert (found["train"], found["test"]) == (300, 0)

    def test_an_unknown_source(self, capsys):
        assert "imlogit data list" in out(capsys, "data", "show", "cats", code=2).err


class TestPacked:
    def test_pack_augment_and_train(self, digits, capsys):
        said = out(capsys, "data", "pack", "digits", "packed", "--size", "14x14", "--json")
        assert json.loads(said.out)["image_shape"] == [14, 14]
        assert "packed in packed" in said.err
        out(capsys, "data", "augment", "packed", "more", "--copies", "2", "--seed", "3")
        found = json.loads(out(capsys, "train", "more", "--folds", "2", "--all", "--json").out)
        assert (found["data"]["n_train"], found["data"]["n_test"]) == (720, 60)
        assert "exists already" in out(capsys, "data", "pack", "digits", "packed", code=2).err
        assert "--copies 0" in out(capsys, "data", "augment", "x", "y", "--copies", "0", code=2).err

    def test_an_interrupt_says_how_to_go_on(self, digits, capsys, monkeypatch):
        def stop(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            # in this order: what imports the other must do so before that is patched
            patch.setattr("imlogit.data.packing.filling.pixel_digest", stop)
            patch.setattr("imlogit.data.cache.packed.workplace.pixel_digest", stop)
            run(["data", "pack", "digits", "packed"])
        assert "give the same command again" in capsys.readouterr().err
        out(capsys, "data", "pack", "digits", "packed")
        assert len(load("packed")) == 300
