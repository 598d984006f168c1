"""Pages that are made of the code, or have tables of it, are not stale."""

import re
import shlex
from importlib.metadata import version

import numpy as np
import pytest

from imlogit.cli.app import COMMANDS, run

import make_reference
from helpers.image_files import encoded, write

# Of the README's pictures together.
MOST_BYTES = 300_000
# With a current click, the help of arguments is lost in older versions.
KEEPS_HELP = tuple(map(int, version("typer").split(".")[:2])) >= (0, 20)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("reference.md", marks=pytest.mark.skipif(not KEEPS_HELP, reason="old typer")),
        "checks.md",
        "sources.md",
        "export.md",
        "model-file.md",
    ],
)
def test_a_page_is_what_the_code_says(name):
    stale = "run python docs/make_reference.py"
    assert (make_reference.DOCS / name).read_text("utf-8") == make_reference.pages()[name], stale


def test_the_readme_shows_pictures_that_are_there_and_small():
    shown = re.findall(
        r'(?:src|srcset)="([^"]+)"', (make_reference.DOCS.parent / "README.md").read_text()
    )
    kept = {
        f"docs/pictures/{one.name}": one for one in (make_reference.DOCS / "pictures").iterdir()
    }
    assert set(shown) == set(kept)
    assert sum(one.stat().st_size for one in kept.values()) < MOST_BYTES


def test_the_reference_names_every_command():
    text = (make_reference.DOCS / "reference.md").read_text("utf-8")
    assert [name for name in COMMANDS if f"## imlogit {name}" not in text] == []


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Photos of many sizes in two classes, and new ones, as docs/tasks.md has them."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for number in range(66):
        height, width = rng.integers(30, 50, 2)
        waves = 60 * np.sin(np.arange(width if number % 2 else height) / 5 + rng.normal())
        pixels = 120 + rng.normal(0, 25, (height, width))
        pixels += waves if number % 2 else waves[:, None]
        where = "new" if number < 6 else f"photos/{('cat', 'dog')[number % 2]}"
        content = encoded(pixels.clip(0, 255).astype(np.uint8), "JPEG")
        write(tmp_path / where / f"{number}.jpg", content)
    return tmp_path


def test_every_task_is_done_by_its_command(photos, capsys):
    text = (make_reference.DOCS / "tasks.md").read_text("utf-8")
    blocks = text.split("```")[1::2]
    assert len(blocks) == 11  # one of the ten tasks needs a run of its own
    for block in blocks:
        command, _, file = block.strip().partition(" > ")
        name, *words = shlex.split(command)
        assert name == "imlogit"
        assert run(words) == 0, command
        said = capsys.readouterr().out
        assert said
        if file:
            assert said.startswith("image,label,probability")
            assert len(said.splitlines()) == 1 + len(list((photos / "new").iterdir()))
