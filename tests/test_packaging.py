"""What the package asks for and what is tested are the same."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BOUNDS = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test-base"]]


def test_the_lower_bounds_tested_are_those_of_the_package_and_of_what_tests_it():
    pins = (ROOT / ".ci" / "lower-bounds.txt").read_text().split()
    assert pins == [bound.replace(">=", "==") for bound in BOUNDS]


def test_the_lower_bounds_are_bounds_and_nothing_else():
    for bound in BOUNDS:
        assert bound.count(">=") == 1
        assert not set(bound) & set("<~!;,[")
