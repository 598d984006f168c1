"""What the shell is offered, and what help says."""

import pytest
import typer.main

from imlogit.cli.app import COMMANDS, app, run
from imlogit.cli.completion import complete_run, complete_source
from imlogit.cli.examples import EXAMPLES
from imlogit.cli.fitting import NEXT


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("imlogit-runs/one-1", "mnist-photos", "[odd]"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "mine.imlogit").touch()
    (tmp_path / "notes.txt").touch()


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ("mn", ["mnist-5k", "mnist", "mnist-photos/"]),
        ("open", ["openml:"]),
        ("[o", ["[odd]/"]),
        ("none", []),
    ],
)
def test_sources(begun, offered):
    assert complete_source(begun) == offered


def test_runs():
    assert complete_run("")[0] == "imlogit-runs/one-1/"
    assert complete_run("m") == ["mine.imlogit", "mnist-photos/"]
    assert complete_run("imlogit-runs/o") == ["imlogit-runs/one-1/"]
    assert complete_run("no") == []


@pytest.mark.parametrize("words", [[], ["train"], ["data"], ["data", "show"]])
def test_a_short_option_asks_for_help(words, capsys):
    assert run([*words, "-h"]) == 0
    short = capsys.readouterr().out
    assert run([*words, "--help"]) == 0
    assert short == capsys.readouterr().out


def test_every_command_has_examples_that_can_be_typed():
    group = typer.main.get_command(app)
    for name, lines in EXAMPLES.items():
        command = group
        for word in name.split():
            command = command.commands[word]
        for line in lines:
            words = line.split(">")[0].split()[1 + len(name.split()) :]
            assert line.startswith(f"imlogit {name}")
            command.make_context(name, words)  # raises for an option that there is not
    assert set(COMMANDS) < set(EXAMPLES)


def test_what_can_be_done_next_can_be_done():
    assert {words.split()[0] for words in NEXT} <= set(COMMANDS)
