"""The protocol of a probe, with what its options change of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imlogit.errors import ParameterError
from imlogit.runs.probes.probe_options import ProbeOptions
from imlogit.runs.probes.protocols import PROTOCOLS, Protocol
from imlogit.system.text import first_of

SHOT_DRAWS = 10


def protocol_of(options: ProbeOptions) -> Protocol:
    """Return the protocol with what options change of it."""
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
