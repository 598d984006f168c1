"""The table of checks: one row each. To add a check, write a function and add its row."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from imlogit.checks import drift, fit, images, labels, near_copies, overlap
from imlogit.checks.finding import Finding, Findings, Outcome, Severity, not_applicable
from imlogit.checks.material import Material


class Check(NamedTuple):
    """One check.

    Attributes
    ----------
    code : str
        Stable: other programs may look for it.
    severity : Severity
    look : callable
        From `Material` to `Outcome`.
    limits : dict of str to float
        The thresholds that it applies, by name.
    """

    code: str
    severity: Severity
    look: Callable[[Material], Outcome]
    limits: dict[str, float]


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
SIGNIFICANCE = {"p below": drift.SIGNIFICANCE}

CHECKS = (
    Check("lengths", ERROR, labels.lengths, {}),
    Check("label-type", ERROR, labels.label_type, {}),
    Check("constant-labels", ERROR, labels.constant_labels, {}),
    Check("many-classes", ERROR, labels.many_classes, {}),
    Check("class-absent", WARNING, labels.class_absent, {}),
    Check("class-tiny", WARNING, labels.class_tiny, {"images": labels.TINY_CLASS}),
    Check("base-rate", NOTE, labels.base_rate, {"base rate": labels.HIGH_BASE_RATE}),
    Check("sorted-rows", WARNING, labels.sorted_rows, {"share of changes": labels.SORTED_SHARE}),
    Check("conflicting-labels", WARNING, labels.conflicting_labels, {}),
    Check("overlap-exact", ERROR, overlap.overlap_exact, {}),
    Check(
        "overlap-near",
        WARNING,
        overlap.overlap_near,
        {"share unexplained": near_copies.UNEXPLAINED},
    ),
    Check("duplicates", WARNING, overlap.duplicates, {}),
    Check("image-constant", WARNING, images.image_constant, {}),
    Check(
        "image-inverted",
        WARNING,
        images.image_inverted,
        {"grey levels off the usual background": images.INVERTED_LEVELS},
    ),
    Check(
        "image-brightness",
        WARNING,
        images.image_brightness,
        {"deviations": images.BRIGHTNESS_DEVIATIONS},
    ),
    Check("image-scale", WARNING, images.image_scale, {"share of the usual": images.SCALE_SHARE}),
    Check(
        "class-mix",
        WARNING,
        drift.class_mix,
        SIGNIFICANCE | {"share of labels": drift.LABELS_MOVED},
    ),
    Check(
        "brightness-shift",
        WARNING,
        drift.brightness_shift,
        SIGNIFICANCE | {"deviations": drift.BRIGHTNESS_MOVED},
    ),
    Check("not-converged", ERROR, fit.not_converged, {"relative gap": fit.FAR_FROM_OPTIMUM}),
    Check("separable", WARNING, fit.separable, {}),
    Check(
        "no-better-than-base-rate", ERROR, fit.no_better_than_base_rate, {"p above": fit.NO_GAIN}
    ),
    Check("grid-edge", WARNING, fit.grid_edge, {}),
)


def run_checks(material: Material) -> Findings:
    """Run every check.

    Rows and labels that do not go together leave nothing else to look at.
    """
    findings: list[Finding] = []
    for check in CHECKS:
        unequal = bool(findings) and findings[0].failed
        outcome = (
            not_applicable("Rows and labels differ in number.") if unequal else check.look(material)
        )
        findings.append(
            Finding(check.code, check.severity, limits=check.limits, **outcome._asdict())
        )
    return Findings(tuple(findings))
