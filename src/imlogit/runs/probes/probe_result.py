"""What a linear probe found, as a value."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from imlogit.checks.finding import Findings
from imlogit.core.certificate import Certificate
from imlogit.data.feature_set import FeatureSet
from imlogit.data.split import Split
from imlogit.evaluation.label_figures import LabelFigures
from imlogit.evaluation.scores import Score, Scores
from imlogit.model.fields import SavedModel
from imlogit.runs.options import option_words
from imlogit.runs.predictions import Predictions
from imlogit.runs.probes.few_shots import ShotScores, StoppingCost
from imlogit.runs.probes.probe_fits import PathRow
from imlogit.runs.probes.probe_options import ProbeOptions
from imlogit.runs.probes.protocols import HowChosen, Protocol
from imlogit.system.processors import machine
from imlogit.system.summarized import Summarized

PROBE_VERSION = 1
PATHS = ("source", "train", "labels", "validation", "validation_labels", "test", "test_labels")


@dataclass(frozen=True, eq=False, repr=False)
class ProbeResult(Summarized):
    """A finished probe.

    Attributes
    ----------
    options : ProbeOptions
    features : FeatureSet
    split : Split
    protocol : Protocol
    path : tuple of PathRow
        What held-out rows say of each C, in increasing order; empty where C is not chosen.
    C : float
        Of the model, as `LogisticRegression` has it; nan with few shots.
    checks : Findings
    model : SavedModel or None
        None with few shots, as the rest is.
    predictions : Predictions or None
    test : Scores or None
    top_5 : Score or None
        The share of test rows whose class is among the five most probable; None for five classes
        or fewer.
    shots : tuple of ShotScores
    stopping : StoppingCost or None
        What MTEB's 100 iterations cost.
    labels : LabelFigures or None
        Figures of the test part where a row has any number of labels: then ``test`` and ``top_5``
        are None.
    certificates : tuple of Certificate
        Of each label's column then; else none.
    """

    options: ProbeOptions
    features: FeatureSet
    split: Split
    protocol: Protocol
    path: tuple[PathRow, ...]
    C: float
    checks: Findings
    model: SavedModel | None = None
    predictions: Predictions | None = None
    test: Scores | None = None
    top_5: Score | None = None
    shots: tuple[ShotScores, ...] = ()
    stopping: StoppingCost | None = None
    labels: LabelFigures | None = None
    certificates: tuple[Certificate, ...] = ()

    @property
    def base_rate(self) -> float:
        """The share of the test rows that are of the most frequent class.

        Of any number of labels a row, the mean share of them that a label has.
        """
        if self.labels is not None:
            return self.labels.base_rate
        labels = self.features.labels[self.split.test]
        return float(np.bincount(labels).max() / len(labels))

    def penalties(self) -> dict[str, float]:
        """Return C as each way of writing the objective has it, by its words."""
        if np.isnan(self.C):
            return {}
        n = len(self.split.train)
        found = {"C": self.C, "alpha = 1 / (C n), of the mean loss": 1 / (self.C * n)}
        if self.protocol.choice is HowChosen.NORM:
            found["C of the norm, d K / 100"] = norm_C(self.features)
        return found

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Everything that was found, for a program; docs/metrics.md describes it."""
        features, parts = self.features, self.split
        return {
            "schema": "imlogit.probe",
            "version": PROBE_VERSION,
            "versions": None if self.model is None else self.model.versions,
            "machine": machine(),
            "data": {
                "name": features.name,
                "sha256": features.sha256,
                "n_features": features.n_features,
                "n_train": len(parts.train),
                "n_validation": int(parts.validation.sum()),
                "n_test": len(parts.test),
                "test_part": "drawn" if parts.drawn else "source",
            },
            "classes": list(features.class_names),
            "multi_label": features.multi_label,
            "protocol": self.protocol.facts(),
            "options": {
                name: value for name, value in asdict(self.options).items() if name not in PATHS
            },
            "path": [row.to_dict() for row in self.path],
            "penalties": self.penalties(),
            "certificate": None if self.model is None else self.model.certificate,
            "certificates": [one.to_dict() for one in self.certificates],
            "base_rate": self.base_rate,
            "test": self._test_figures(),
            "shots": [one.to_dict() for one in self.shots],
            "stopping": None if self.stopping is None else asdict(self.stopping),
            "no_estimate": [one.code for one in self.checks.void],
            "checks": self.checks.to_dict(),
        }

    def _test_figures(self) -> dict[str, Any] | None:
        if self.labels is not None:
            return self.labels.to_dict()
        return None if self.test is None else _without_confusion(self.test, self.top_5)

    def command(self) -> str:
        """Return the command that makes the same probe again, from any folder."""
        here = {
            name: os.path.abspath(value)  # noqa: PTH100 - links stay as they were named
            for name in PATHS
            if (value := getattr(self.options, name))
        }
        options = replace(self.options, **here)
        source = [options.source] if options.source else []
        words = ["imlogit", "probe", *source, *option_words(options, ["source"])]
        return shlex.join(words)

    def _notes(self) -> tuple[str, ...]:
        return self.checks.no_estimate()

    def _parts(self) -> tuple[Summarized | None, ...]:
        return self.test, self.checks

    def _summary(self) -> dict[str, str]:
        found = {"source": self.features.name, "protocol": self.protocol.name}
        if self.test is not None:
            found |= {"C": f"{self.C:.4g}", "base rate": f"{self.base_rate:.4f}"}
            found["test accuracy"] = f"{self.test['accuracy'].value:.4f}"
        if self.labels is not None:
            precision = self.labels.mean_average_precision.value
            found |= {"C": f"{self.C:.4g}", "base rate": f"{self.base_rate:.4f}"}
            found["mean average precision"] = f"{precision:.4f}"
        return found


def norm_C(features: FeatureSet) -> float:  # noqa: N802 - the field's name
    """Return UNI's C, of the norm that is not squared."""
    return features.n_features * features.n_classes / 100


def _without_confusion(scores: Scores, top_5: Score | None) -> dict[str, Any]:
    found = {name: value for name, value in scores.to_dict().items() if name != "confusion"}
    return found | {"top_5_accuracy": None if top_5 is None else top_5.to_dict()}
