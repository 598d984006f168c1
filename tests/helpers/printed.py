"""All that commands print of a set of images, as one text."""

import io
import re
from pathlib import Path

import numpy as np
from rich.console import Console

from imlogit.data.feature_set import FeatureSet
from imlogit.evaluation.comparison import compare_probabilities
from imlogit.evaluation.scores import score
from imlogit.model.predict import Answer
from imlogit.report.console import answers, examined, findings, sources, summaries
from imlogit.report.console.layout import Letters
from imlogit.report.console.printing import print_table
from imlogit.report.console.probes import print_probe
from imlogit.report.console.tables import model_table
from imlogit.report.console.tasks import print_task
from imlogit.report.probe_folder import write_probe
from imlogit.runs.assess import Assessment, Scope, evaluate
from imlogit.runs.doubts import doubts
from imlogit.runs.examine import exemplars_of, explain_row
from imlogit.runs.facts import RunFacts
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.probes.probe import linear_probe
from imlogit.runs.record import Record
from imlogit.runs.sweep import sweep
from imlogit.runs.train import train

from helpers.awkward_names import striped_images

LONG = "a class whose name is longer than any column of a narrow terminal could be"
SETS = {
    "two": (LONG, "b"),
    "ten": (
        "猫と犬の写真、とても長い名前の",
        "العربية الطويلة جدا",
        "🐕🐈🦊",
        "[red]x",
        ":smile:",
        "golden retriever",
        "é" * 30,
        "tabby, tabby cat",
        "x",
        "an\nother",
    ),
    "letters": tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "many": tuple(f"species {number:03} of the family" for number in range(200)),
}
# To fit more takes the reference engine too long.
MOST_FITTED = 26
CHANGING = re.compile(r"^  (versions|seconds|SHA-256) .*\n(   .*\n)*", re.MULTILINE)


class Found:
    """What a run of a set of images found, and what can be asked of it."""

    def __init__(self, name):
        names = SETS[name]
        self.fitted = len(names) <= MOST_FITTED
        images = striped_images((4, 4), names, per_class=10 if self.fitted else 2, name=name)
        self.images = images
        if not self.fitted:
            rng = np.random.default_rng(0)
            said = rng.dirichlet(np.ones(len(names)), len(images)) / 9
            said[np.arange(len(images)), np.arange(len(images)) * 5 // 6 // 2] += 8 / 9
            found = score(images.labels, said, ["accuracy", "log_loss"])
            self.assessment = Assessment(images, names, Scope.ALL, True, found, images.labels, said)
            return
        how = {"folds": 2, "engine": "reference"}
        self.training = train(images, TrainOptions(every_class=True, C=0.001, **how))
        grid = {"Cs": tuple(np.geomspace(1e-3, 1e1, 15 if len(names) == 2 else 2).tolist())}
        self.sweep = sweep(images, SweepOptions(positive=names[0], **grid, **how))
        made = self.training
        facts = RunFacts.of(made.metrics)
        self.record = Record(Path("run"), facts, made.model, made.predictions)
        self.assessment = evaluate(self.training.model, images)
        self.doubts = doubts(self.record)
        self.explanation = explain_row(self.record, images, 0)
        kept = self.record.predictions
        self.comparison = compare_probabilities(
            kept.test_codes, kept.test_probabilities, kept.test_probabilities, (None, None), "test"
        )
        self.answers = [
            Answer(f"a/{'long/' * 12}{row}.png", label, truth=names[0], probability=0.75)
            for row, label in enumerate(names[:3])
        ]

    def parts(self, console, *, verbose):
        """Print what each command does, under its name."""
        names, letters = ["train", "sweep", "evaluate"], Letters(console.encoding)
        printed = {
            names[0]: lambda: (
                print_task(console, self.training.task),
                summaries.print_training(
                    console, self.training, verbose=verbose, pictures=["confusion.png"]
                ),
            ),
            names[1]: lambda: summaries.print_sweep(console, self.sweep, verbose=verbose),
            names[2]: lambda: summaries.print_assessment(console, self.assessment, verbose=verbose),
            "check": lambda: findings.print_findings(console, self.training.checks),
            "doubts": lambda: examined.print_doubts(console, self.doubts, 5),
            "explain": lambda: examined.print_exemplars(
                console, dict(list(exemplars_of(self.record).items())[:10])
            ),
            "explain --row": lambda: examined.print_explanation(console, self.explanation),
            "compare": lambda: examined.print_comparison(
                console, self.comparison, ("imlogit-runs/one-of-them-1", "imlogit-runs/another-2")
            ),
            "show": lambda: print_table(console, model_table(self.training.model)),
            "data show": lambda: sources.print_facts(console, self.images),
            "predict": lambda: console.file.writelines(
                answers.table_lines(self.answers, answers.Tally(), letters, console.width)
            ),
        }
        for name, show in printed.items():
            if not self.fitted and name not in ("evaluate", "data show"):
                continue
            console.file.write(f"$ imlogit {name}\n")
            show()


class FoundLabels:
    """What a probe of rows with any number of labels found, one of which no test row has."""

    def __init__(self, place):
        names, rng = SETS["ten"][:6], np.random.default_rng(0)
        rows = rng.standard_normal((160, 8)).astype(np.float32)
        labels = (2 * rows[:, :6] + rng.standard_normal((160, 6)) > 1).astype(np.uint8)
        labels[120:, 3] = 0
        self.features = FeatureSet(rows, labels, names, 120, "rows", "a test")
        self.probe = linear_probe(self.features, Cs=(0.01, 1.0), engine="reference")
        self.assessment = evaluate(self.probe.model, self.features)
        self.doubts = doubts(write_probe(self.probe, place), part="test")

    def parts(self, console, *, verbose):
        """Print what each command does, under its name."""
        printed = {
            # without gaps, which are of rounding
            "probe": lambda: print_probe(console, self.probe),
            "evaluate": lambda: summaries.print_label_assessment(console, self.assessment),
            "doubts": lambda: examined.print_doubts(console, self.doubts, 5, "test"),
        }
        for name, show in printed.items():
            console.file.write(f"$ imlogit {name}\n")
            show()


def printed(found, width, encoding="utf-8", *, verbose=False):
    """Return what is printed at a width in an encoding."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", newline="")
    console = Console(
        file=file, width=width, highlight=False, markup=False, emoji=False, _environ={}
    )
    found.parts(console, verbose=verbose)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


def masked(text):
    """Return a text without what differs from machine to machine: each digit is 0."""
    return re.sub(r"\d", "0", CHANGING.sub("", text))
