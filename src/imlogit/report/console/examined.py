"""What `imlogit doubts`, `explain` and `compare` print."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from imlogit.evaluation.comparison import Comparison
from imlogit.evaluation.evidence import Evidence, Exemplars
from imlogit.evaluation.label_comparison import LabelComparison
from imlogit.report.console.printing import print_table
from imlogit.report.pictures.sheets import KINDS
from imlogit.report.table import Align, Column, Table, Wrap, columns, numbers
from imlogit.runs.doubts import TRAINING, Doubt
from imlogit.runs.examine import Explanation
from imlogit.system.text import counted

OCCLUDED = (
    "By occlusion: what the margin loses where a region is hidden by the image's mean colour, "
    "evenly over its pixels. What regions say together is in none of them, so that they do not add "
    "up to the margin."
)


def print_doubts(console: Console, doubts: Sequence[Doubt], n: int, part: str = TRAINING) -> None:
    """Print the most doubtful labels, and how many are counted as wrong."""
    print_table(console, doubts_table(doubts, n, part))


def print_explanation(console: Console, found: Explanation) -> None:
    """Print one prediction and the terms that add up to its margin."""
    print_table(console, explanation_table(found))


def print_exemplars(console: Console, found: dict[str, Exemplars]) -> None:
    """Print the rows of the telling test images of each class."""
    print_table(console, exemplars_table(found))


def print_comparison(
    console: Console, found: Comparison | LabelComparison, runs: tuple[str, str]
) -> None:
    """Print two models' figures side by side, and whether their difference may be chance."""
    for table in (comparison_table(found, runs), difference_table(found)):
        print_table(console, table)


def doubts_table(doubts: Sequence[Doubt], n: int, part: str = TRAINING) -> Table:
    """Return the ``n`` most doubtful labels, and how many are counted as wrong."""
    named = ("file",) if any(one.file for one in doubts) else ()
    headings = (
        *numbers("rank", drop=5),
        *numbers("row", drop=2 if named else 0),
        *columns(*named, "given", "suggested", align=Align.RIGHT, wrap=Wrap.NAME),
        *numbers("trust", drop=3),
        *numbers("p(given)", drop=4),
        *numbers("counted as wrong", drop=1),
    )
    rows = tuple(
        (
            str(rank),
            str(one.row),
            *((one.file,) if named else ()),
            one.given,
            one.suggested,
            f"{one.trust:.2e}",
            f"{one.p_given:.2e}",
            "yes" if one.wrong else "",
        )
        for rank, one in enumerate(doubts[:n], start=1)
    )
    wrong = sum(one.wrong for one in doubts)
    note = (
        f"Confident learning counts {wrong:,} of {counted(len(doubts), 'label')} "
        f"({wrong / len(doubts):.2%})"
        " as wrong. A model that errs counts its own errors, too: look before you change a label."
    )
    shown = min(n, len(doubts))
    how_many, labels = f"{shown:,} " if shown > 1 else "", counted(len(doubts), f"{part} label")
    title = f"The {how_many}most doubtful of {labels}"
    return Table(title, headings, rows, notes=(note,))


def explanation_table(found: Explanation) -> Table:
    """Return one prediction and the terms that add up to its margin."""
    evidence, names, pixels = found.evidence, found.names, found.evidence.by_place
    toward, against = names[evidence.toward], names[evidence.against]
    rows = (
        ("label", found.label or "not known"),
        ("prediction", found.predicted),
        *(
            (f"probability of {names[code]}", f"{found.probabilities[code]:.6f}")
            for code in (evidence.toward, evidence.against)
        ),
        (f"pixels for {toward}", f"{pixels[pixels > 0].sum():+.6f}"),
        (f"pixels for {against}", f"{pixels[pixels < 0].sum():+.6f}"),
        ("intercept", f"{evidence.intercept:+.6f}"),
        (margin_words(evidence), f"{evidence.margin:+.6f}"),
    )
    headings = (Column("what", wrap=Wrap.NAME), Column("value", Align.RIGHT, Wrap.NAME))
    notes = (OCCLUDED,) if evidence.by_occlusion else ()
    return Table(found.where, headings, rows, notes=notes)


def margin_words(evidence: Evidence) -> str:
    """Return what the margin is called, under what it is made of."""
    return "margin" if evidence.by_occlusion else "margin, their sum"


def exemplars_table(found: dict[str, Exemplars]) -> Table:
    """Return the rows of the telling test images of each class."""
    rows = tuple(
        (name, *(", ".join(map(str, getattr(of_class, kind).tolist())) for kind in KINDS))
        for name, of_class in found.items()
    )
    headings = (Column("class", wrap=Wrap.NAME), *columns(*KINDS.values()))
    return Table("Telling test images, by their rows in the source", headings, rows)


def comparison_table(found: Comparison | LabelComparison, runs: tuple[str, str]) -> Table:
    """Return two models' figures side by side."""
    kind = "test row" if isinstance(found, LabelComparison) else "test image"
    return Table(
        f"{counted(found.first.n, kind)} that both runs kept for the test",
        (Column("score", wrap=Wrap.NEVER), *numbers(*runs)),
        found.rows(),
        notes=tuple(filter(None, [found.matched.words])),
    )


def difference_table(found: Comparison | LabelComparison) -> Table:
    """Return the differences of two models' figures, and whether they may be chance."""
    headings = (Column("score", wrap=Wrap.NEVER), *numbers("difference", "95% interval"))
    notes = tuple(filter(None, [found.in_words(), found.note]))
    return Table("The second less the first", headings, found.difference_rows(), notes=notes)
