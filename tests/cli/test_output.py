"""What a stranger's names do to a terminal and to a spreadsheet: nothing."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from imlogit import LogisticRegression
from imlogit.cli.app import run
from imlogit.cli.terminal import say
from imlogit.model.file import encode
from imlogit.model.persist import save_model, saved_model_of

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\x00\u202e\u2066=x\r"
FORMULA = '=HYPERLINK("x")'


@pytest.fixture
def place(tmp_path):
    """A model of two classes whose names are hostile, and an image of each."""
    images = np.zeros((8, 4, 4), np.uint8)
    images[4:] = 200
    model = LogisticRegression().fit(images, [0] * 4 + [1] * 4)
    names = (FORMULA, HOSTILE)
    saved = saved_model_of(model, class_names=names, positive=HOSTILE)
    (tmp_path / "m.imlogit").write_bytes(encode(saved))
    for k, image in enumerate(images[[0, 7]]):
        Image.fromarray(image).save(tmp_path / f"{k}.png")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("show",),
        ("show", "--json"),
        ("predict", "0.png", "1.png"),
        ("predict", "0.png", "1.png", "--csv"),
        ("predict", "0.png", "1.png", "--json"),
    ],
)
def test_names_are_escaped(place, capsys, monkeypatch, command):
    monkeypatch.chdir(place)
    word, *others = command
    assert run([word, "m.imlogit", *others]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.replace("\n", "").isprintable()
    assert "owned" in said.out
    if "--json" in command:
        found = json.loads(said.out)
        assert HOSTILE in found["classes"]
    if "--csv" in command:
        labels = [row["label"] for row in csv.DictReader(io.StringIO(said.out))]
        assert labels[0] == f"'{FORMULA}"
        assert labels[1].startswith("\\x1b]0;owned")


def test_messages_are_escaped(capsys):
    say(f"{HOSTILE}\nmore")
    said = capsys.readouterr().err
    assert said.count("\n") == 2
    assert said.replace("\n", "").isprintable()


def test_labels_that_are_numbers_stay_numbers(tmp_path, capsys):
    images = np.zeros((8, 4, 4), np.uint8)
    images[4:] = 200
    save_model(LogisticRegression().fit(images, [-1] * 4 + [1] * 4), tmp_path / "m.imlogit")
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    assert run(["predict", str(tmp_path / "m.imlogit"), str(tmp_path / "a.png"), "--csv"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["label"] == "-1"
