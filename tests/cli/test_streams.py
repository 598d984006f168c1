"""Output that is closed, or of an encoding that lacks letters, or of no width."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from imlogit.cli import app

from helpers.image_files import write_class_folders

COMMAND = [sys.executable, "-m", "imlogit"]
NAMES = ["\u732b", "\U0001f415"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with images of classes whose names are of no common encoding, and a run of them."""
    home = tmp_path_factory.mktemp("uni")
    images = np.random.default_rng(0).integers(0, 120, (40, 5, 5), dtype=np.uint8)
    images[::2] += 100
    write_class_folders(home / "uni", images, NAMES * 20)
    done = run(home, "train", "uni", "--folds", "3", "--out", "q")
    assert done.returncode == 0, done.stderr
    return home


def run(home, *arguments, shell="", **environment):
    command = [*COMMAND, *arguments]
    if shell:
        command = ["sh", "-c", f'"$@" {shell}', "sh", *command]
    environ = os.environ | environment
    return subprocess.run(command, cwd=home, capture_output=True, env=environ, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="shells close streams otherwise")
@pytest.mark.parametrize("how", [">&-", "2>&-", ">&- 2>&-"])
def test_a_run_is_written_where_streams_are_closed(place, how):
    out = f"closed{how.count('>')}{how[0]}"
    done = run(place, "train", "uni", "--folds", "3", "--out", out, shell=how)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert (place / out / "model.imlogit").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="shells close streams otherwise")
def test_closed_standard_input_is_one_line(place):
    done = run(place, "predict", "q", "-", "--csv", shell="<&-")
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
    (line,) = done.stdout.decode().splitlines()[1:]
    assert "standard input" in line
    assert "it is closed" in line


@pytest.fixture
def encoded(place, monkeypatch):
    """Run a command here, and return what it writes to standard output of some encoding."""

    def said(encoding, *arguments):
        stream = io.TextIOWrapper(io.BytesIO(), encoding)
        with monkeypatch.context() as patch:
            patch.chdir(place)
            patch.setattr(sys, "stdout", stream)
            assert app.run(arguments) == 0
        stream.flush()
        return stream.buffer.getvalue()

    return said


def test_a_process_whose_output_is_of_an_encoding_that_lacks_letters(place):
    done = run(place, "predict", "q", "uni", PYTHONIOENCODING="cp1252")  # as redirected on Windows
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert "\\u732b" in done.stdout.decode("cp1252")


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "q/model.imlogit"],
        ["data", "show", "uni"],
        ["check", "uni"],
        ["doubts", "q"],
        ["predict", "q", "uni", "--csv"],
    ],
)
def test_letters_that_the_encoding_lacks_are_escaped(encoded, arguments):
    assert b"\\u732b" in encoded("cp1252", *arguments)


@pytest.mark.parametrize("arguments", [["check", "uni"], ["predict", "q", "uni"], ["show", "q"]])
def test_json_stays_json(encoded, arguments):
    said = encoded("ascii", *arguments, "--json")
    assert NAMES[1] in json.dumps(json.loads(said), ensure_ascii=False)


def test_columns_of_no_width(place):
    done = run(place, "show", "q", COLUMNS="0", PYTHONIOENCODING="utf-8")
    assert max(map(len, done.stdout.decode().splitlines())) in range(40, 81)
