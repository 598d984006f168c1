"""What `imlogit doubts`, `explain` and `compare` print."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from imlogit.evaluate.comparison import Comparison
from imlogit.evaluate.evidence import Exemplars
from imlogit.report.console.tables import NAMES, cells, new_table
from imlogit.report.pictures.sheets import KINDS
from imlogit.runs.examine import Doubt, Explanation

SIGNIFICANCE = 0.05


def print_doubts(console: Console, doubts: Sequence[Doubt], n: int) -> None:
    """Print the most doubtful labels, and how many are counted as wrong."""
    table = new_table(f"The {min(n, len(doubts))} most doubtful of {len(doubts):,} labels")
    for heading in ("rank", "row", "given", "likely", "p(given)", "margin", "counted as wrong"):
        table.add_column(heading, justify="right", overflow="fold")
    for rank, one in enumerate(doubts[:n], start=1):
        table.add_row(
            str(rank),
            str(one.row),
            one.given,
            one.likely,
            f"{one.confidence:.2e}",
            f"{one.margin:+.4f}",
            "yes" if one.wrong else "",
        )
    console.print(table)
    wrong = sum(one.wrong for one in doubts)
    console.print(
        f"Confident learning counts {wrong:,} of {len(doubts):,} labels ({wrong / len(doubts):.2%})"
        " as wrong. A model that errs counts its own errors, too: look before you change a label."
    )


def print_explanation(console: Console, found: Explanation) -> None:
    """Print one prediction and the terms that add up to its margin."""
    evidence, names = found.evidence, found.names
    toward, against = names[evidence.toward], names[evidence.against]
    of_source = "" if found.row is None else f" (row {found.row} of the source)"
    table = new_table(found.where + of_source)
    table.add_column("what", overflow="fold")
    table.add_column("value", justify="right", overflow="fold")
    table.add_row("label", found.label or "not known")
    table.add_row("prediction", found.predicted)
    for code in (evidence.toward, evidence.against):
        table.add_row(f"probability of {names[code]}", f"{found.probabilities[code]:.6f}")
    pixels = evidence.by_place
    table.add_row(f"pixels for {toward}", f"{pixels[pixels > 0].sum():+.6f}")
    table.add_row(f"pixels for {against}", f"{pixels[pixels < 0].sum():+.6f}")
    table.add_row("intercept", f"{evidence.intercept:+.6f}")
    table.add_row("margin, their sum", f"{evidence.margin:+.6f}")
    console.print(table)


def print_exemplars(console: Console, found: dict[str, Exemplars]) -> None:
    """Print the numbers of the telling test images of each class."""
    table = new_table("Telling test images, by their numbers for --row")
    table.add_column("class", overflow="fold")
    for words in KINDS.values():
        table.add_column(words, overflow="fold")
    for name, of_class in found.items():
        table.add_row(
            name, *(", ".join(map(str, getattr(of_class, kind).tolist())) for kind in KINDS)
        )
    console.print(table)


def print_comparison(console: Console, found: Comparison, runs: tuple[str, str]) -> None:
    """Print two models' figures side by side, and whether their difference may be chance."""
    table = new_table(f"{found.first.n:,} test images that both runs kept for the test")
    for heading in ("score", *runs):
        table.add_column(
            heading, justify="left" if heading == "score" else "right", overflow="fold"
        )
    table.add_row("base rate", *(f"{one.base_rate:.4f}" for one in (found.first, found.second)))
    for name in found.first.values:
        table.add_row(NAMES[name], cells(found.first[name])[0], cells(found.second[name])[0])
    console.print(table)
    difference = new_table("The second less the first")
    difference.add_column("score")
    difference.add_column("difference", justify="right")
    difference.add_column("95% interval", justify="right")
    for name, one in (("accuracy", found.accuracy), ("log loss", found.log_loss)):
        difference.add_row(name, f"{one.value:+.4f}", f"{one.low:+.4f} to {one.high:+.4f}")
    console.print(difference)
    console.print(
        f"Only the first is right for {found.only_first:,} images, only the second for "
        f"{found.only_second:,}: by chance alone a split as uneven has p = {found.p_value:.3g} "
        f"(McNemar's exact test). {_verdict(found)}"
    )


def _verdict(found: Comparison) -> str:
    if found.p_value >= SIGNIFICANCE:
        return "These images do not show that one is more accurate."
    better = "second" if found.only_second > found.only_first else "first"
    return f"The {better} is more accurate."
