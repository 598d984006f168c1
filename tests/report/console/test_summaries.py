"""What train and sweep print shows every name as it is."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from imlogit.errors import GridEdgeWarning
from imlogit.evaluation.thresholds import choose_threshold
from imlogit.report.console.summaries import print_sweep, print_training
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.sweep import sweep
from imlogit.runs.train import train

from helpers.awkward_names import NAMES, striped_images


def test_training(training, console):
    print_training(console.console, training)
    text = console.text()
    for name in NAMES:
        # the classes, the confusion matrix and the figures of each class
        assert text.count(name) >= 3, name
    assert "$set$ [b], made by hand" in text


def test_a_narrow_console_breaks_long_names_and_loses_no_letter():
    two = striped_images((4, 4), (NAMES[-1], "short"))
    found = train(two, TrainOptions(folds=2, engine="reference"))
    console = Console(file=io.StringIO(), width=60, markup=False, emoji=False)
    print_training(console, found)
    matrix = console.file.getvalue().split("Confusion matrix")[1].split("Calibration")[0]
    assert matrix.count("x") == 2 * 30
    assert "…" not in matrix


def test_sweep(console):
    chosen = SweepOptions(positive=":smile:", folds=2, engine="reference", Cs=(0.01, 0.1))
    with pytest.warns(GridEdgeWarning):
        found = sweep(striped_images((12, 6)), chosen)
    print_sweep(console.console, found)
    assert "':smile:' against 'not :smile:'" in console.text()


@pytest.mark.parametrize(
    ("found", "trials", "words"),
    [
        (480, 500, "which the lower end of its 95% interval reaches"),
        (46, 50, "which the estimate reaches, but no threshold does with the lower end"),
        (30, 50, "which no threshold reaches; this one comes closest"),
    ],
)
def test_what_a_threshold_promises(training, console, found, trials, words):
    truth, alike = np.arange(trials) < found, np.full(trials, 0.5)
    chosen = choose_threshold(truth, alike, "precision", 0.9)
    print_training(console.console, replace(training, threshold=chosen))
    assert words in " ".join(console.text().split())
