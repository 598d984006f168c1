"""What a run is about, as it is printed before the heavy libraries are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console

from imlogit.report.console.printing import print_table
from imlogit.report.table import facts_table

if TYPE_CHECKING:
    from imlogit.runs.plan import Task


def print_task(console: Console, task: Task, respell: Callable[[str], str] = str) -> None:
    """Print which images a run is of, and how they are split, before anything is fitted.

    What names a parameter of Python is spelled as `respell` does.
    """
    facts = task.facts()
    if "features" in facts:
        facts["features"] = respell(facts["features"])
    print_table(console, facts_table("Images", facts))
