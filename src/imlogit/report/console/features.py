"""What `imlogit features` prints."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from imlogit.data.cache import entries
from imlogit.report.console.printing import print_table
from imlogit.report.table import Column, Table, Wrap, columns, facts_table, numbers
from imlogit.system.text import ago, by, printable

if TYPE_CHECKING:
    from imlogit.features.backbone.shown import NetworkFacts
    from imlogit.features.source_rows import FetchedFeatures

MEGA = 1e6


def print_kept(console: Console, kept: Sequence[dict[str, Any]]) -> None:
    """Print which features are kept."""
    place = printable(entries.folder())
    if kept:
        print_table(console, kept_features_table(kept))
    console.print(
        f"Kept in {place}" if kept else f"No features are kept in {place}", soft_wrap=True
    )


def kept_features_table(kept: Sequence[dict[str, Any]]) -> Table:
    """Return which features are kept, and when each was last used."""
    now = time.time()
    rows = tuple(
        (
            one["source"],
            one["steps"],
            f"{one['images']:,}",
            f"{one['features']:,}",
            ago(max(now - one["last_used"], 0)),
            f"{one['bytes'] / MEGA:,.1f}",
        )
        for one in kept
    )
    headings = (
        Column("images of", wrap=Wrap.NAME),
        Column("features", wrap=Wrap.NAME),
        *numbers("images", drop=2),
        *numbers("numbers", drop=1),
        Column("last used", wrap=Wrap.NEVER, drop=3),
        *numbers("MB"),
    )
    return Table("Features that are kept", headings, rows)


def print_fetched(console: Console, found: FetchedFeatures) -> None:
    """Print what features were made, and whether they are kept."""
    facts = {
        "source": found.image_set.name,
        "features": str(found.chain),
        **found.chain.remarks,
        "rows": f"{len(found.rows):,} of {found.chain.n_features:,} numbers, {found.rows.dtype}",
        "kept": f"{found.rows.nbytes / MEGA:,.1f} MB" if found.kept else "no",
    }
    print_table(console, facts_table("Features", facts))


def print_network(console: Console, found: NetworkFacts) -> None:
    """Print what a network takes and gives, and what would be taken."""
    print_table(console, facts_table("Network", _facts(found)))
    rows = [("takes", one.name, one.kind_name, str(one), "") for one in found.inputs]
    for one in found.outputs:
        what = "gives" if one.is_output else "within"
        notes = ["pooled"] if one.pooled else []
        notes += ["taken"] if one.name == found.taken else []
        rows.append((what, one.name, one.kind_name, str(one), ", ".join(notes)))
    headings = (
        Column("", wrap=Wrap.NEVER),
        Column("name", wrap=Wrap.NAME),
        *columns("type", drop=1),
        *columns("shape", ""),
    )
    print_table(console, Table("Inputs and outputs", headings, tuple(rows)))
    for problem in found.problems:
        console.print(printable(problem), soft_wrap=True)


def _facts(found: NetworkFacts) -> dict[str, str]:
    facts = {"file": found.network.name}
    if found.network.data_files:
        facts["weights in"] = ", ".join(found.network.data_files)
    how = found.preparation
    if how is not None:
        facts["layout"] = f"{how.layout}, {how.order}" if how.channels != 1 else how.layout
        size = "any" if how.size is None else by(how.size)
        facts["size"] = f"{size} ({how.said['size']})"
        mean, std = (" ".join(f"{one:.6g}" for one in part) for part in (how.mean, how.std))
        facts["mean"] = f"{mean}, deviation {std}, of pixels / 255 ({how.said['mean']})"
    return facts | {"SHA-256": found.network.sha256}
