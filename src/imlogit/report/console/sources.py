"""What `imlogit data` prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from imlogit.data.cache import entries
from imlogit.data.clearing import Cleared
from imlogit.data.facts import facts_of
from imlogit.data.image_set import ImageSet
from imlogit.data.reading import Reading
from imlogit.errors import ImlogitError
from imlogit.report.console.printing import print_table
from imlogit.report.table import Column, Table, Wrap, columns, facts_table, numbers
from imlogit.runs.options import option_words
from imlogit.system.text import ago, by, counted, printable

MEGA = 1e6


def print_sources(
    console: Console,
    kinds: Sequence[dict[str, Any]],
    kept: Sequence[dict[str, Any]],
    total: int,
) -> None:
    """Print what can be read, and what is kept of what was: `total` bytes in all."""
    print_table(console, kinds_table(kinds))
    place = printable(entries.folder())
    console.print(f"Kept in {place}: {_megabytes(total)} MB in all", soft_wrap=True)
    console.print()
    if kept:
        print_table(console, kept_table(kept))


def print_cleared(console: Console, cleared: Cleared) -> None:
    """Print what was removed of what was kept, and how much room that made."""
    if cleared.removed:
        print_table(console, cleared_table(cleared))
    if cleared.leftovers.number:
        number = counted(cleared.leftovers.number, "note or folder", "notes and folders")
        console.print(
            f"Left behind, and removed: {number}, {_megabytes(cleared.leftovers.bytes)} MB"
        )
    freed = f"{_megabytes(cleared.bytes)} MB freed"
    console.print(freed if cleared.removed or cleared.leftovers.number else "Nothing to remove")


def print_facts(console: Console, images: ImageSet) -> None:
    """Print what images are, and the share of each class."""
    facts = facts_of(images)
    print_table(console, images_table(facts))
    print_table(console, classes_table(facts))


def kinds_table(kinds: Sequence[dict[str, Any]]) -> Table:
    """Return what can be read."""
    rows = tuple((one["form"], one["what"], "kept" if one["kept"] else "") for one in kinds)
    headings = (*columns("source", "what it is"), Column("", wrap=Wrap.NEVER, drop=1))
    return Table("Sources of images", headings, rows)


def kept_table(kept: Sequence[dict[str, Any]]) -> Table:
    """Return what was read before, and how."""
    now = datetime.now(UTC)
    rows = tuple(
        (
            one["source"],
            one["kind"],
            _words_of(one["reading"]),
            ago((now - datetime.fromisoformat(one["last_used"])).total_seconds()),
            _megabytes(one["bytes"]),
        )
        for one in kept
    )
    headings = (
        Column("source", wrap=Wrap.NAME),
        Column("kind", drop=3),
        Column("read with", drop=1),
        Column("last used", wrap=Wrap.NEVER, drop=2),
        *numbers("MB"),
    )
    return Table("Read before, and kept until it changes", headings, rows)


def cleared_table(cleared: Cleared) -> Table:
    """Return what was removed of sources that were read before."""
    rows = tuple(
        (one.source, one.kind, _words_of(one.reading), _megabytes(one.bytes))
        for one in cleared.removed
    )
    headings = (
        Column("source", wrap=Wrap.NAME),
        Column("kind", drop=2),
        Column("read with", drop=1),
        *numbers("MB"),
    )
    return Table("Removed", headings, rows)


def _words_of(reading: dict[str, Any]) -> str:
    try:
        return " ".join(option_words(Reading.of(reading)))
    except ImlogitError:  # noted by another version, or altered
        return "unknown options"


def _megabytes(size: int) -> str:
    return f"{size / MEGA:,.1f}"


def images_table(facts: dict[str, Any]) -> Table:
    """Return what images are."""
    test = f"{facts['test']:,} test" if facts["test"] else "no test part of its own"
    validation = f"{facts['validation']:,} validation, " if facts["validation"] else ""
    texts = {
        "source": f"{facts['name']}, {facts['origin']}",
        "images": f"{facts['images']:,} of {by(facts['image_shape'])}",
        "parts": f"{facts['train']:,} training, {validation}{test}",
        "classes": f"{len(facts['classes']):,}",
    }
    if facts["skipped"]:
        texts["passed over"] = f"{len(facts['skipped']):,}"
    return facts_table("Images", texts | {"SHA-256": facts["sha256"]})


def classes_table(facts: dict[str, Any]) -> Table:
    """Return the share of each class."""
    rows = tuple(
        (name, f"{one['images']:,}", f"{one['share']:.2%}")
        for name, one in facts["classes"].items()
    )
    headings = (Column("class", wrap=Wrap.NAME), *numbers("images", "share"))
    return Table("Classes", headings, rows)
