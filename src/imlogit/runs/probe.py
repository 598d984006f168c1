"""A linear probe: from embeddings to the choice of C, the model, and its score on the test part."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Labels, Rows
from imlogit.checks.finding import Findings
from imlogit.checks.repeats import check_repeats
from imlogit.core.solution import Observer
from imlogit.data.embeddings.embedding_source import read_embeddings
from imlogit.data.feature_set import FeaturePart, Features, FeatureSet
from imlogit.data.split import Split, split
from imlogit.errors import DataError, KindError, ParameterError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.evaluation.intervals import IntervalMethod, wilson
from imlogit.evaluation.scores import TEST, Score, Scores, bounded, score
from imlogit.model.fields import SavedModel
from imlogit.model.persist import saved_model_of
from imlogit.runs.few_shots import (
    ShotScores,
    StoppingCost,
    chosen_shots,
    draws_of,
    fixed_shots,
    stopping_cost,
)
from imlogit.runs.options import option_words
from imlogit.runs.predictions import Predictions
from imlogit.runs.probe_fits import Fitter, PathRow, equivalent_C
from imlogit.runs.probe_options import ProbeOptions
from imlogit.runs.probe_protocol import protocol_of
from imlogit.runs.protocols import HowChosen, Protocol, best_of, draw_validation, find_peak
from imlogit.system.processors import machine
from imlogit.system.summarized import Summarized
from imlogit.system.text import first_of

PROBE_VERSION = 1
FIGURES = ("accuracy", "balanced_accuracy", "log_loss", "brier", "calibration_error")
TOP = 5
FEW_SHARE = 0.01
PATHS = ("source", "labels", "validation", "validation_labels", "test", "test_labels")


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

    @property
    def base_rate(self) -> float:
        """The share of the test rows that are of the most frequent class."""
        labels = self.features.labels[self.split.test]
        return float(np.bincount(labels).max() / len(labels))

    def penalties(self) -> dict[str, float]:
        """Return C as each way of writing the objective has it, by its words."""
        if np.isnan(self.C):
            return {}
        n = len(self.split.train)
        found = {"C": self.C, "alpha = 1 / (C n), of the mean loss": 1 / (self.C * n)}
        if self.protocol.choice is HowChosen.NORM:
            found["C of the norm, d K / 100"] = _norm_C(self.features)
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
            "protocol": self.protocol.facts(),
            "options": {
                name: value for name, value in asdict(self.options).items() if name not in PATHS
            },
            "path": [row._asdict() for row in self.path],
            "penalties": self.penalties(),
            "certificate": None if self.model is None else self.model.certificate,
            "base_rate": self.base_rate,
            "test": None if self.test is None else _without_confusion(self.test, self.top_5),
            "shots": [one.to_dict() for one in self.shots],
            "stopping": None if self.stopping is None else asdict(self.stopping),
            "checks": self.checks.to_dict(),
        }

    def command(self) -> str:
        """Return the command that makes the same probe again, from any folder."""
        here = {
            name: os.path.abspath(value)  # noqa: PTH100 - links stay as they were named
            for name in PATHS
            if (value := getattr(self.options, name))
        }
        options = replace(self.options, **here)
        words = ["imlogit", "probe", options.source, *option_words(options, ["source"])]
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
        return found


def linear_probe(
    features: FeatureSet | str | os.PathLike[str],
    options: ProbeOptions | None = None,
    *,
    observe: Observer | None = None,
    **given: Any,
) -> ProbeResult:
    """Fit a linear classifier on embeddings: choose C, refit, and test once.

    The test part has no say in any choice.

    Parameters
    ----------
    features : FeatureSet, str or path-like
        Embeddings, or where they are.
    options : ProbeOptions, optional
        Instead of keywords.
    observe : callable, optional
        Called with a `Progress` after every step of the fits.
    **given
        The options of ``imlogit probe``, as keywords.

    Returns
    -------
    ProbeResult

    Raises
    ------
    DataError
        For a source that is damaged or too small for its protocol, and parts with other classes.
    ParameterError
        For options out of range.
    FitInterrupted
        On Ctrl-C.
    """
    if options is not None and given:
        raise ParameterError("Give options as one value or as keywords, not as both.")
    named = os.fspath(features) if isinstance(features, (str, os.PathLike)) else ""
    chosen = options or ProbeOptions(**given, source=named)
    return probe_features(_read(features, chosen), chosen, observe)


def _read(features: Any, options: ProbeOptions) -> FeatureSet:
    if isinstance(features, FeatureSet):
        return features
    if not isinstance(features, (str, os.PathLike)):
        raise KindError(
            f"features is of type {type(features).__name__}: give a FeatureSet, or where "
            "embeddings are.",
            parameter="features",
        )
    return read_embeddings(
        features,
        labels=options.labels,
        label_column=options.label_column,
        validation=options.validation,
        validation_labels=options.validation_labels,
        test=options.test,
        test_labels=options.test_labels,
    )


def probe_features(
    features: FeatureSet, options: ProbeOptions, observe: Observer | None = None
) -> ProbeResult:
    """Do what `linear_probe` does, of embeddings that are read."""
    parts = _in_order(split(features, options.test_size, options.seed))
    protocol = protocol_of(options)
    _check_classes(features, parts)
    rows = parts.train
    estimator = LogisticRegression(
        normalize="l2" if options.normalize else None,
        random_state=options.seed,
        engine=options.engine,
        memory_limit=options.memory_limit,
    )
    fitter = Fitter(estimator, _take(features.features, rows), features.labels[rows], observe)
    test = FeaturePart(_take(features.features, parts.test), features.labels[parts.test])
    checks = check_repeats(features, parts)
    if protocol.shots:
        return _few(features, options, parts, protocol, fitter, test, checks)
    path, C = _choose(fitter, options, protocol, parts.validation, features)
    model = _saved(fitter.fit(C), features)
    p = estimator.predict_proba(test.features)
    return ProbeResult(
        options,
        features,
        parts,
        protocol,
        tuple(path),
        C,
        checks,
        model,
        _predictions(features, parts, p),
        score(test.labels, p, FIGURES, origin=TEST, intervals=True),
        _top(test.labels, p),
    )


def _in_order(parts: Split) -> Split:
    order = np.argsort(parts.train, kind="stable")
    return parts._replace(train=parts.train[order], validation=parts.validation[order])


def _take(features: Features, rows: Rows) -> Features:
    """Return some rows; a view where they lie together."""
    if rows[-1] - rows[0] + 1 == len(rows):
        return features[rows[0] : rows[-1] + 1]
    return features[rows]


def _check_classes(features: FeatureSet, parts: Split) -> None:
    trained = np.bincount(features.labels[parts.train], minlength=features.n_classes)
    lacking = [name for name, n in zip(features.class_names, trained, strict=True) if not n]
    if lacking:
        raise DataError(
            f"The training part has no rows of the classes {first_of(lacking)}, which another "
            "part has: leave these rows out."
        )
    if features.n_classes < 2:
        raise DataError("All rows have the same label: there is nothing to tell apart.")


def _choose(
    fitter: Fitter,
    options: ProbeOptions,
    protocol: Protocol,
    validation: NDArray[np.bool_],
    features: FeatureSet,
) -> tuple[list[PathRow], float]:
    """Return what is known of the values of C, and the one that is chosen."""
    if options.alpha is not None:
        return [], 1 / (options.alpha * len(fitter.y))
    if protocol.choice is HowChosen.NORM:
        return [], equivalent_C(fitter, _norm_C(features))
    if len(protocol.grid) == 1:
        return [], protocol.grid[0]
    folds = fitter.folds(options.folds or [_held_out(fitter.y, validation, protocol, options)])
    if protocol.choice is HowChosen.GRID:
        path = fitter.path(protocol.grid, folds)
    else:
        rows: dict[int, PathRow] = {}

        def accuracies(places: Sequence[int]) -> Floats:
            found = fitter.path([protocol.grid[k] for k in places], folds) if places else []
            rows.update(zip(places, found, strict=True))
            return np.array([row.accuracy for row in found])

        find_peak(len(protocol.grid), accuracies)
        path = [rows[k] for k in sorted(rows)]
    return path, path[best_of({k: row.score(protocol.scoring) for k, row in enumerate(path)})].C


def _held_out(
    y: Labels, validation: Any, protocol: Protocol, options: ProbeOptions
) -> tuple[Rows, Rows]:
    if validation.any():
        return np.flatnonzero(~validation), np.flatnonzero(validation)
    return draw_validation(y, protocol.share, options.seed, by_class=protocol.by_class)


def _norm_C(features: FeatureSet) -> float:  # noqa: N802
    return features.n_features * features.n_classes / 100


def _few(
    features: FeatureSet,
    options: ProbeOptions,
    parts: Split,
    protocol: Protocol,
    fitter: Fitter,
    test: FeaturePart,
    checks: Findings,
) -> ProbeResult:
    """Return what few shots come to."""
    found, rows, stopping = [], np.arange(len(fitter.y)), None
    if len(protocol.grid) > 1:
        few = replace(protocol, share=FEW_SHARE, by_class=True)
        rows, validation = _held_out(fitter.y, parts.validation, few, options)
    for shots in protocol.shots:
        draws = draws_of(fitter.y, rows, shots, protocol.draws, options.seed)
        if len(protocol.grid) > 1:
            found.append(chosen_shots(fitter, draws, shots, protocol.grid, validation, test))
        else:
            found.append(fixed_shots(fitter, draws, shots, protocol.grid[0], test))
            if protocol.name == "mteb" and stopping is None:
                stopping = stopping_cost(fitter, draws, protocol.grid[0], test)
    return ProbeResult(
        options,
        features,
        parts,
        protocol,
        (),
        float("nan"),
        checks,
        shots=tuple(found),
        stopping=stopping,
    )


def _saved(estimator: LogisticRegression, features: FeatureSet) -> SavedModel:
    saved = saved_model_of(estimator, class_names=features.class_names)
    return replace(saved, data_name=features.name, data_sha256=features.sha256)


def _predictions(features: FeatureSet, parts: Split, p: Floats) -> Predictions:
    train, test = parts.train, parts.test
    return Predictions(
        train.astype(np.int64),
        features.labels[train].astype(np.int64),
        np.full(len(train), -1, dtype=np.int64),
        np.full((len(train), features.n_classes), np.nan),
        test.astype(np.int64),
        features.labels[test].astype(np.int64),
        p,
        features.names,
    )


def _top(labels: Labels, p: Floats) -> Score | None:
    """Return the share of rows whose class is among the five most probable."""
    if p.shape[1] <= TOP:
        return None
    own = p[np.arange(len(p)), labels][:, None]
    hits = int(((p > own).sum(axis=1) < TOP).sum())
    return bounded(hits / len(p), wilson(hits, len(p)), IntervalMethod.WILSON)


def _without_confusion(scores: Scores, top_5: Score | None) -> dict[str, Any]:
    found = {name: value for name, value in scores.to_dict().items() if name != "confusion"}
    return found | {"top_5_accuracy": None if top_5 is None else top_5.to_dict()}
