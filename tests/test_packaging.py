"""What the package asks for and what is tested are the same."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_lower_bounds_tested_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = (ROOT / ".ci" / "lower-bounds.txt").read_text().split()
    assert pins == [bound.replace(">=", "==") for bound in project["dependencies"]]


def test_the_lower_bounds_are_bounds_and_nothing_else():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for bound in project["dependencies"]:
        assert bound.count(">=") == 1
        assert not set(bound) & set("<~!;,[")
