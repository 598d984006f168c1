"""What `imlogit train` and `imlogit sweep` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from imlogit.evaluate.scores import Scores
from imlogit.report.findings import print_failed
from imlogit.report.tables import (
    certificate_table,
    confusion_table,
    cross_validation_table,
    new_table,
    path_table,
    scores_table,
)

if TYPE_CHECKING:
    from imlogit.plan import Run
    from imlogit.sweep import Sweep
    from imlogit.train import Training


def print_training(console: Console, training: Training) -> None:
    """Print what a training run found, as short tables."""
    console.print(_images(training))
    console.print(cross_validation_table(training.cross_validation))
    console.print(scores_table(training.test, f"Test images ({training.test.n:,})"))
    console.print(confusion_table(training.test, training.target.names))
    console.print(certificate_table(training.cross_validation.estimator.certificate_))
    print_failed(console, training.checks)
    console.print(_verdict(training.test, training.target.names))


def print_sweep(console: Console, sweep: Sweep) -> None:
    """Print what a sweep over C found, as short tables."""
    console.print(_images(sweep))
    console.print(path_table(sweep.path))
    console.print(sweep.choice())
    console.print()
    print_failed(console, sweep.checks)
    if sweep.test is not None and sweep.model is not None:
        title = f"Test images ({sweep.test.n:,}), the model at C = {sweep.path.chosen_C:.4g}"
        console.print(scores_table(sweep.test, title))
        console.print(certificate_table(sweep.model.certificate_))
        console.print(_verdict(sweep.test, sweep.target.names))


def _images(training: Run) -> Table:
    table = new_table("Images")
    table.add_column("what")
    table.add_column("value", overflow="fold")
    for name, value in training.facts().items():
        table.add_row(name, value)
    return table


def _verdict(test: Scores, names: Sequence[str]) -> str:
    accuracy = test["accuracy"]
    most_frequent = names[int(test.confusion.sum(axis=1).argmax())]
    return (
        f"Always answering {most_frequent!r} is right for {test.base_rate:.2%} of the "
        f"test images; this model is for {accuracy.value:.2%} "
        f"(95% interval {accuracy.low:.2%} to {accuracy.high:.2%})."
    )
