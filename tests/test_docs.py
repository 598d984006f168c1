"""Pages that are made of the code, or have tables of it, are not stale."""

from importlib.metadata import version

import pytest

from imlogit.cli.app import COMMANDS

import make_reference

# With a current click, the help of arguments is lost in older versions.
KEEPS_HELP = tuple(map(int, version("typer").split(".")[:2])) >= (0, 20)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("reference.md", marks=pytest.mark.skipif(not KEEPS_HELP, reason="old typer")),
        "checks.md",
        "sources.md",
        "export.md",
    ],
)
def test_a_page_is_what_the_code_says(name):
    stale = "run python docs/make_reference.py"
    assert (make_reference.DOCS / name).read_text("utf-8") == make_reference.pages()[name], stale


def test_the_reference_names_every_command():
    text = (make_reference.DOCS / "reference.md").read_text("utf-8")
    assert [name for name in COMMANDS if f"## imlogit {name}" not in text] == []
