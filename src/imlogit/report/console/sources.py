"""What `imlogit data` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from imlogit.data.cache import entries
from imlogit.data.facts import facts_of
from imlogit.data.image_set import ImageSet
from imlogit.data.reading import Reading
from imlogit.report.console.tables import new_table
from imlogit.runs.options import option_words
from imlogit.system.text import by, printable

MEGA = 1e6


def print_sources(
    console: Console, kinds: Sequence[dict[str, Any]], kept: Sequence[dict[str, Any]]
) -> None:
    """Print what can be read, and what is kept of what was."""
    table = new_table("Sources of images")
    for heading in ("source", "what it is", ""):
        table.add_column(heading, overflow="fold")
    for one in kinds:
        table.add_row(one["form"], one["what"], "kept" if one["kept"] else "")
    console.print(table)
    console.print(f"Kept in {printable(entries.folder())}", soft_wrap=True)
    if not kept:
        return
    console.print()
    table = new_table("Read before, and kept until it changes")
    for heading in ("source", "kind", "read with", "MB"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "MB" else "left")
    for one in kept:
        how = " ".join(option_words(Reading.of(one["reading"])))
        table.add_row(one["source"], one["kind"], how, f"{one['bytes'] / MEGA:,.1f}")
    console.print(table)


def print_facts(console: Console, images: ImageSet) -> None:
    """Print what images are, and the share of each class."""
    facts = facts_of(images)
    table = new_table("Images")
    table.add_column("what")
    table.add_column("value", overflow="fold")
    table.add_row("source", f"{facts['name']}, {facts['origin']}")
    table.add_row("images", f"{facts['images']:,} of {by(images.image_shape)}")
    test = f"{facts['test']:,} test" if facts["test"] else "no test part of its own"
    table.add_row("parts", f"{facts['train']:,} training, {test}")
    table.add_row("classes", f"{len(facts['classes']):,}")
    if facts["skipped"]:
        table.add_row("passed over", f"{len(facts['skipped']):,}")
    table.add_row("SHA-256", facts["sha256"])
    console.print(table)
    of_class = new_table("Classes")
    for heading in ("class", "images", "share"):
        of_class.add_column(
            heading, overflow="fold", justify="left" if heading == "class" else "right"
        )
    for name, one in facts["classes"].items():
        of_class.add_row(name, f"{one['images']:,}", f"{one['share']:.2%}")
    console.print(of_class)
