"""What train and sweep print shows every name as it is."""

from dataclasses import replace

import numpy as np
import pytest

from imlogit.evaluation.thresholds import choose_threshold
from imlogit.report.console.summaries import print_sweep, print_training
from imlogit.report.console.tasks import print_task
from imlogit.runs.options import SweepOptions
from imlogit.runs.sweep import sweep

from helpers.awkward_names import NAMES, striped_images


def test_training(training, console):
    print_task(console.console, training.task)
    print_training(console.console, training, verbose=True)
    text = console.text()
    for name in NAMES:
        # the classes, the confusion matrix and the figures of each class
        assert text.count(name) >= 3, name
    assert "$set$ [b], made by hand" in text


def test_sweep(console):
    chosen = SweepOptions(positive=":smile:", folds=2, engine="reference", Cs=(0.01, 0.1))
    found = sweep(striped_images((12, 6)), chosen)
    print_task(console.console, found.task)
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
