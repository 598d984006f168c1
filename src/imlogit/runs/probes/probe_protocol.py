"""The protocol of a probe, with what its options change of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imlogit.errors import ParameterError
from imlogit.runs.probes.probe_options import LABEL_SCORINGS, ProbeOptions
from imlogit.runs.probes.protocols import PROTOCOLS, Protocol
from imlogit.system.text import first_of

SHOT_DRAWS = 10
# Those whose words hold where a row has any number of labels.
LABEL_PROTOCOLS = ("plain", "dinov2")


def protocol_of(options: ProbeOptions, *, multi_label: bool = False) -> Protocol:
    """Return the protocol with what options change of it.

    Raises
    ------
    ParameterError
        For what is of one class a row where rows have any number of labels, and for the reverse.
    """
    if multi_label:
        return _of_labels(_with_options(options), options)
    if options.scoring is not None:
        raise ParameterError(
            "scoring=... is of rows with any number of labels, and these have one class each: "
            "leave it out.",
            parameter="scoring",
        )
    return _with_options(options)


def _of_labels(found: Protocol, options: ProbeOptions) -> Protocol:
    """Return a protocol for rows that have any number of labels."""
    if found.name not in LABEL_PROTOCOLS:
        raise ParameterError(
            f"protocol={found.name!r} is of one class a row, and these rows have any number of "
            f"labels: take {' or '.join(LABEL_PROTOCOLS)}.",
            parameter="protocol",
        )
    if found.shots:
        raise ParameterError(
            "shots=... are so many rows of each class, and these rows have any number of labels: "
            "leave shots=... out.",
            parameter="shots",
        )
    scoring = options.scoring or "average_precision"
    by = LABEL_SCORINGS[scoring]
    found = replace(
        found,
        objective=f"{found.objective}; of each label by itself",
        metric_words=f"{by} chooses; mean average precision and others are shown",
        scoring=scoring,
        by_class=False,
    )
    if found.name == "plain" and options.Cs is None and options.alpha is None:
        found = replace(found, grid_words=f"25 values from 1e-6 to 1e6; the best {by} wins")
    if options.folds is not None:
        return replace(found, split=f"{options.folds} folds, drawn plainly; refit on all")
    if found.name == "plain":
        words = "the source's own part, or 10% of all rows, drawn plainly; refit on both"
        found = replace(found, split=words)
    return found


def _with_options(options: ProbeOptions) -> Protocol:
    found = PROTOCOLS[options.protocol]
    if options.normalize:
        found = replace(found, normalisation="each row divided by its norm")
    if options.Cs is not None:
        found = replace(found, grid=tuple(sorted(options.Cs)), grid_words=_listed(options.Cs))
    if options.alpha is not None:
        words = f"mean log loss + {options.alpha:g}/2 ||W||^2, the intercept free"
        found = replace(found, objective=words, grid_words="one, 1 / (alpha n)", grid=())
    if options.folds is not None:
        found = replace(found, split=f"{options.folds} folds by class; refit on all")
    return _with_shots(found, options)


def _listed(Cs: Sequence[float]) -> str:
    return first_of([f"{C:g}" for C in Cs])


def _with_shots(found: Protocol, options: ProbeOptions) -> Protocol:
    if options.draws is not None and not (options.shots or found.shots):
        raise ParameterError("draws=... are of shots: give shots=..., too.", parameter="draws")
    if options.draws is not None:
        found = replace(found, draws=options.draws)
    if options.shots is None:
        return found
    found = replace(found, shots=options.shots, draws=options.draws or SHOT_DRAWS)
    if found.name != "plain":
        return found
    if options.Cs is None:
        found = replace(found, grid=(1.0,), grid_words="one, 1")
    chosen = "the source's own part, or 1% of each class; no refit on it"
    return replace(
        found,
        scoring="accuracy",
        metric_words="top-1 accuracy",
        split=chosen if len(found.grid) > 1 else "none",
    )
