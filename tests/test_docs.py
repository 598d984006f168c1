"""Pages that are made of the code are not stale, and those that are written leave nothing out."""

from importlib.metadata import version

import pytest

from imlogit.cli.app import COMMANDS
from imlogit.data.sources import SOURCES
from imlogit.export.formats import FORMATS

import make_reference

# With a current click, the help of arguments is lost in older versions.
KEEPS_HELP = tuple(map(int, version("typer").split(".")[:2])) >= (0, 20)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("reference.md", marks=pytest.mark.skipif(not KEEPS_HELP, reason="old typer")),
        "checks.md",
    ],
)
def test_a_page_is_what_the_code_says(name):
    stale = "run python docs/make_reference.py"
    assert (make_reference.DOCS / name).read_text("utf-8") == make_reference.pages()[name], stale


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("sources.md", [form for row in SOURCES for form in row.form.split(", ") if "." in form]),
        ("export.md", [f"`{name}`" for name in FORMATS]),
        ("reference.md", [f"## imlogit {name}" for name in COMMANDS]),
    ],
)
def test_a_page_names_every_row(page, names):
    text = (make_reference.DOCS / page).read_text("utf-8")
    assert [name for name in names if name not in text] == []
