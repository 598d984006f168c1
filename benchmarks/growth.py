"""How time grows with the size of the work, as a table and as a figure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import seconds, table, worst
from imlogit import Certificate

# Sizes, and the seconds that each took.
Curve = tuple[list[int], list[float]]


def grown(
    title: str,
    what: str,
    sizes: list[int],
    each: int,
    work: Callable[[int], tuple[list[Certificate], int]],
) -> tuple[Any, list[float]]:
    """Time the work at each size; return the table, and the seconds."""
    share = f"ms per {each:,} {what}" if each > 1 else f"ms per {what.removesuffix('s')}"
    found = table(title, what, "seconds", share, "worst gap", "passes")
    all_taken = []
    for n in sizes:
        taken, (certificates, passes) = seconds(partial(work, n))
        all_taken.append(taken)
        figures = f"{taken:.3f}", f"{taken * 1e3 * each / n:.1f}", worst(certificates), str(passes)
        found.add_row(f"{n:,}", *figures)
    return found, all_taken


def draw(path: Path, curves: dict[str, Curve]) -> None:
    """Draw seconds against size, beside a line of what growth in proportion would be."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    figure = Figure(figsize=(4.5 * len(curves), 4), layout="constrained")
    panels = figure.subplots(1, len(curves))
    for axes, (title, (sizes, taken)) in zip(panels, curves.items(), strict=True):
        axes.loglog(sizes, taken, "o-", label="imlogit")
        linear = [taken[0] * size / sizes[0] for size in sizes]
        axes.loglog(sizes, linear, "--", color="grey", label="in proportion")
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(title)
        axes.set_ylabel("seconds")
        axes.legend()
    figure.savefig(path, dpi=150)
