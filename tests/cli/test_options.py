"""Options that dataclasses describe, on a command of a scratch application."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Annotated

import pytest
import typer

from imlogit.cli.options import gathers
from imlogit.data.reading import Reading
from imlogit.runs.options import flag_of, option_words

seen = []
app = typer.Typer()


@app.command()
@gathers(reading=Reading)
def look(
    source: Annotated[str, typer.Argument(help="The images.")] = "here",
    twice: Annotated[bool, typer.Option("--twice")] = False,
    *,
    reading: Reading,
) -> None:
    """Look at images."""
    seen.append((source, twice, reading))


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the application; return the exit code, standard output and standard error."""
    monkeypatch.setenv("COLUMNS", "120")
    seen.clear()

    def invoke(*arguments):
        with pytest.raises(SystemExit) as stop:
            app(list(arguments), prog_name="look")
        return stop.value.code, *capsys.readouterr()

    return invoke


def test_without_options_it_is_the_default(run):
    assert run() == (0, "", "")
    assert seen == [("here", False, Reading())]


def test_options_arrive_as_a_reading(run):
    done = run(
        *("there", "--twice", "--size", "28x32", "--grey", "--shape", "8x8x3", "--layout", "chw"),
        *("--skip-bad", "--follow-links", "--max-megapixels", "2.5", "--max-megabytes", "3"),
    )
    assert done == (0, "", "")
    wanted = Reading(
        size=(28, 32),
        grey=True,
        shape=(8, 8, 3),
        layout="chw",
        skip_bad=True,
        follow_links=True,
        max_megapixels=2.5,
        max_megabytes=3.0,
    )
    assert seen == [("there", True, wanted)]


def test_the_words_of_a_reading_are_options_that_say_the_same(run):
    wanted = Reading(size=(28, 32), grey=True, shape=(8, 8), layout="hwc", max_megapixels=0.5)
    assert run(*option_words(wanted)) == (0, "", "")
    assert seen[0][2] == wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", "28"), "--size 28: give HxW, such as 28x28."),
        (("--size", "28x28x3"), "--size 28x28x3: give HxW"),
        (("--size", ""), "--size: give HxW"),
        (("--size", "0x3"), "size"),
        (("--shape", "a"), "--shape a: give HxW or HxWxC"),
        (("--layout", "whc"), "hwc, chw"),
        (("--max-megapixels", "0"), "over 0"),
        (("--max-megabytes", "inf"), "over 0"),
    ],
)
def test_a_value_that_cannot_be_is_one_line_and_code_2(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("imlogit: ")
    assert message in line
    assert not seen


def test_help_has_a_panel_of_its_own(run):
    code, text, _ = run("--help")
    assert code == 0
    before, panel = text.split("Reading images")
    assert "--twice" in before
    for option in fields(Reading):
        assert flag_of(option) in panel
        assert flag_of(option) not in before
    assert "HxW[xC]" in panel
    assert "hwc|chw" in panel


def test_every_field_of_reading_is_an_option_with_its_default():
    parameters = inspect.signature(look).parameters
    assert "reading" not in parameters
    for option in fields(Reading):
        assert parameters[option.name].default == option.default
