"""What a linear probe found, on the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console

from imlogit.report.console.findings import print_failed
from imlogit.report.console.label_tables import (
    certificates_table,
    label_tables,
    verdict_on_labels,
)
from imlogit.report.console.printing import print_table, print_words
from imlogit.report.table import Table, columns, facts_table, numbers
from imlogit.system.text import counted

if TYPE_CHECKING:
    from imlogit.evaluation.scores import Score
    from imlogit.runs.probes.probe_result import ProbeResult

WORDS = {
    "accuracy": "top-1 accuracy",
    "balanced_accuracy": "mean per class",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}


def print_probe(console: Console, found: ProbeResult, *, verbose: bool = False) -> None:
    """Print what a probe means, what it found, and what that rests on.

    Parameters
    ----------
    console : Console
    found : ProbeResult
    verbose : bool, default=False
        Print every C, too.
    """
    print_table(console, facts_table("Probe", _facts(found)))
    if found.path and verbose:
        print_table(console, probe_path_table(found))
    if found.certificates and verbose:
        print_table(console, certificates_table(found.metrics))
    if found.penalties():
        print_table(console, penalty_table(found))
    if found.shots:
        print_table(console, shots_table(found))
    if found.test is not None:
        print_table(console, probe_scores_table(found))
    if found.labels is not None:
        for one in label_tables(found.labels.to_dict()):
            print_table(console, one)
    print_failed(console, found.checks)
    print_words(console, _verdict(found), "bold")


def _facts(found: ProbeResult) -> dict[str, str]:
    features, parts = found.features, found.split
    drawn, kinds = "drawn by class", "classes"
    if features.multi_label:
        drawn, kinds = "drawn plainly", "labels, any number a row"
    how = drawn if parts.drawn else "the source's own"
    return {
        "source": features.name,
        "rows": f"{len(features):,} of {features.n_features:,} features, "
        f"{features.n_classes:,} {kinds}",
        "test": f"{counted(len(parts.test), 'row')}, {how}",
    } | found.protocol.facts()


def penalty_table(found: ProbeResult) -> Table:
    """Return the strength of the penalty, in each way of writing it."""
    rows = tuple((words, f"{value:.6g}") for words, value in found.penalties().items())
    return Table("The penalty that was fitted", (*columns("written as"), *numbers("value")), rows)


def probe_path_table(found: ProbeResult) -> Table:
    """Return what held-out rows say of each C."""
    rows = tuple(
        (
            f"{row.C:.4g}",
            *([] if row.average_precision is None else [f"{row.average_precision:.4f}"]),
            f"{row.accuracy:.4f}",
            f"{row.log_loss:.4f}",
            f"{row.relative_gap:.0e}",
        )
        for row in found.path
    )
    first = ("C", "mAP") if found.labels is not None else ("C",)
    headings = numbers(*first, "accuracy", "log loss", "relative gap")
    return Table("Held-out rows", headings, rows)


def probe_scores_table(found: ProbeResult) -> Table:
    """Return the figures of the test part, with intervals, beside the base rate."""
    assert found.test is not None
    scores: dict[str, Score] = {name: found.test[key] for key, name in WORDS.items()}
    if found.top_5 is not None:
        scores["top-5 accuracy"] = found.top_5
    rows = [(name, *one.texts()) for name, one in scores.items()]
    rows.append(("base rate", f"{found.base_rate:.4f}", ""))
    title = counted(found.test.n, "test row")
    return Table(title, (*columns("figure"), *numbers("value", "95% interval")), tuple(rows))


def shots_table(found: ProbeResult) -> Table:
    """Return mean and deviation over the draws of each number of shots."""
    names = ("accuracy", "balanced_accuracy", "log_loss")
    rows = tuple(
        (
            f"{one.shots:,}",
            f"{len(one.accuracy):,}",
            *(f"{one.mean(name):.4f} ({_spread(one.deviation(name))})" for name in names),
        )
        for one in found.shots
    )
    headings = numbers("shots", "draws", "top-1 (deviation)", "mean per class", "log loss")
    return Table(
        "Few shots, of the test part", headings, rows, notes=(*_stopping(found), _base(found))
    )


def _spread(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _base(found: ProbeResult) -> str:
    return f"The base rate is {found.base_rate:.4f}."


def _stopping(found: ProbeResult) -> tuple[str, ...]:
    if found.stopping is None:
        return ()
    cost = found.stopping
    return (
        f"lbfgs stopped after 100 iterations had not converged in {cost.stopped} of "
        f"{len(found.shots[0].accuracy)} draws; its objective is {cost.excess:.1e} above the "
        f"optimum, relative to that, and its accuracy differs by {cost.accuracy:+.4f}.",
    )


def _verdict(found: ProbeResult) -> str:
    if found.labels is not None:
        return f"Test {verdict_on_labels(found.labels.to_dict())}"
    if found.test is None:
        best = found.shots[-1]
        return (
            f"{best.shots} shots: accuracy {best.mean('accuracy'):.4f}, the base rate "
            f"{found.base_rate:.4f}."
        )
    accuracy = found.test["accuracy"]
    return (
        f"Test accuracy {accuracy.value:.4f} ({accuracy.texts()[1]}), the base rate "
        f"{found.base_rate:.4f}."
    )
