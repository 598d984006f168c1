"""A linear probe: from embeddings to the choice of C, the model, and its score on the test part."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

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
from imlogit.estimators.fits import Fitted
from imlogit.estimators.logistic import LogisticRegression
from imlogit.evaluation.intervals import IntervalMethod, wilson
from imlogit.evaluation.label_figures import label_figures
from imlogit.evaluation.scores import TEST, Score, bounded, score
from imlogit.model.fields import SavedModel
from imlogit.model.persist import saved_model_of
from imlogit.runs.predictions import Predictions
from imlogit.runs.probes.few_shots import (
    chosen_shots,
    draws_of,
    fixed_shots,
    stopping_cost,
)
from imlogit.runs.probes.label_parts import check_fitted_labels
from imlogit.runs.probes.norm_penalty import equivalent_fit
from imlogit.runs.probes.probe_fits import Best, Fitter, HeldOut, PathRow
from imlogit.runs.probes.probe_options import ProbeOptions
from imlogit.runs.probes.probe_protocol import protocol_of
from imlogit.runs.probes.probe_result import ProbeResult, norm_C
from imlogit.runs.probes.protocols import (
    HowChosen,
    Protocol,
    draw_validation,
    find_peak,
)
from imlogit.system.text import first_of

FIGURES = ("accuracy", "balanced_accuracy", "log_loss", "brier", "calibration_error")
TOP = 5
FEW_SHARE = 0.01


def linear_probe(
    features: FeatureSet | str | os.PathLike[str] | None = None,
    options: ProbeOptions | None = None,
    *,
    observe: Observer | None = None,
    **given: Any,
) -> ProbeResult:
    """Fit a linear classifier on embeddings: choose C, refit, and test once.

    The test part has no say in any choice.

    Parameters
    ----------
    features : FeatureSet, str or path-like, optional
        Embeddings, or where they are; or ``train=`` says where those to fit on are.
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
    if features is None or (isinstance(features, str) and not features):
        features = options.train
    if features is None:
        raise ParameterError(
            "Say where the embeddings are, as a source or with train=...", parameter="train"
        )
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
    protocol = protocol_of(options, multi_label=features.multi_label)
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
    chosen = _choose(fitter, options, protocol, parts.validation, features)
    model = _saved(fitter.fit(chosen.C, chosen.fitted), features)
    found = ProbeResult(options, features, parts, protocol, chosen.path, chosen.C, checks, model)
    p = estimator.predict_proba(test.features)
    if features.multi_label:
        own = np.stack([one[:, 1] for one in p], axis=1)
        figures = label_figures(features.class_names, test.labels, own, TEST)
        kept = _predictions(features, parts, own, chosen.held_out)
        certificates = estimator.certificates_
        return replace(found, predictions=kept, labels=figures, certificates=certificates)
    return replace(
        found,
        predictions=_predictions(features, parts, p, chosen.held_out),
        test=score(test.labels, p, FIGURES, origin=TEST, intervals=True),
        top_5=_top(test.labels, p),
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
    if features.multi_label:
        check_fitted_labels(features, parts)
        return
    trained = np.bincount(features.labels[parts.train], minlength=features.n_classes)
    lacking = [name for name, n in zip(features.class_names, trained, strict=True) if not n]
    if lacking:
        raise DataError(
            f"The training part has no rows of the classes {first_of(lacking)}, which another "
            "part has: leave these rows out."
        )
    if features.n_classes < 2:
        raise DataError("All rows have the same label: there is nothing to tell apart.")


class _Choice(NamedTuple):
    """A C, what is known of others, and what was said of held-out rows at it.

    ``fitted`` is its model of all rows, where finding the C has found that, too.
    """

    C: float
    path: tuple[PathRow, ...] = ()
    held_out: Sequence[HeldOut] = ()
    fitted: Fitted | None = None


def _choose(
    fitter: Fitter,
    options: ProbeOptions,
    protocol: Protocol,
    validation: NDArray[np.bool_],
    features: FeatureSet,
) -> _Choice:
    """Choose C as the protocol does."""
    if options.alpha is not None:
        return _Choice(1 / (options.alpha * len(fitter.y)))
    if protocol.choice is HowChosen.NORM:
        C, fitted = equivalent_fit(fitter, norm_C(features))
        return _Choice(C, fitted=fitted)
    if len(protocol.grid) == 1:
        return _Choice(protocol.grid[0])
    folds = fitter.folds(options.folds or [_held_out(fitter.y, validation, protocol, options)])
    best = Best(protocol.scoring)

    def scores(places: Sequence[int]) -> Floats:
        found = fitter.path([protocol.grid[k] for k in places], folds) if places else []
        best.look_at(dict(zip(places, found, strict=True)))
        return np.array([one.row.accuracy for one in found])

    everything = range(len(protocol.grid))
    if protocol.choice is HowChosen.GRID:
        scores(everything)
    else:
        find_peak(len(everything), scores)
    path = tuple(best.rows[k] for k in sorted(best.rows))
    return _Choice(best.row.C, path, best.held_out)


def _held_out(
    y: Labels, validation: Any, protocol: Protocol, options: ProbeOptions
) -> tuple[Rows, Rows]:
    if validation.any():
        return np.flatnonzero(~validation), np.flatnonzero(validation)
    return draw_validation(y, protocol.share, options.seed, by_class=protocol.by_class)


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


def _predictions(
    features: FeatureSet, parts: Split, p: Floats, held_out: Sequence[HeldOut]
) -> Predictions:
    """Return what was said of training rows while they were held out, and of the test."""
    train, test = parts.train, parts.test
    folds = np.full(len(train), -1, dtype=np.int64)
    said = np.full((len(train), features.n_classes), np.nan)
    for number, one in enumerate(held_out):
        folds[one.rows], said[one.rows] = number, one.probabilities
    return Predictions(
        train.astype(np.int64),
        features.labels[train].astype(np.int64),
        folds,
        said,
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
