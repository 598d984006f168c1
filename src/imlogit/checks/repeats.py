"""Checks of a probe: held-out rows that were fitted on say nothing of what is new."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from imlogit.checks.finding import Finding, Findings, Severity, Status
from imlogit.data.feature_set import FeatureSet
from imlogit.data.split import Split
from imlogit.system.text import first_of


def check_repeats(features: FeatureSet, parts: Split) -> Findings:
    """Check whether held-out rows repeat training rows, number by number."""
    fitted = parts.train[~parts.validation]
    known = {_digest(features, row) for row in fitted}
    found = []
    for part, rows, void in (
        ("validation", parts.train[parts.validation], False),
        ("test", parts.test, True),
    ):
        again = [int(row) for row in rows if _digest(features, row) in known]
        found.append(_finding(part, again, len(rows), void=void))
    return Findings(tuple(found))


def _digest(features: FeatureSet, row: int) -> bytes:
    """Return what stands for a row: the rows themselves would be a copy of them all."""
    return hashlib.blake2b(features.features[row].tobytes(), digest_size=16).digest()


def _finding(part: str, again: Sequence[int], n: int, *, void: bool) -> Finding:
    code, severity = f"{part}-repeats-training", Severity.ERROR
    if not n:
        return Finding(code, severity, Status.NOT_APPLICABLE, f"There is no {part} part.")
    if not again:
        return Finding(
            code, severity, Status.PASSED, f"No row of the {part} part is one of the training part."
        )
    return Finding(
        code,
        severity,
        Status.FAILED,
        f"{len(again):,} of {n:,} rows of the {part} part are rows of the training part, too: "
        f"{first_of([f'row {row}' for row in again])}.",
        "Leave them out of one of the two: what was fitted on says nothing of what is new.",
        n_affected=len(again),
        void=void,
    )
