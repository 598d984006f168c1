"""The table of checks: one row each. To add a check, write a function and add its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from imlogit.checks import (
    brightness,
    causes,
    drift,
    fit,
    gain,
    images,
    inversion,
    labels,
    near_copies,
    overlap,
)
from imlogit.checks.finding import Finding, Findings, Outcome, Severity, Status, not_applicable
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
    fails_where : str
        What it looks for, to follow the words "fails where".
    limits : dict of str to float
        The thresholds that it applies, by name.
    """

    code: str
    severity: Severity
    look: Callable[[Material], Outcome]
    fails_where: str
    limits: Mapping[str, float] = MappingProxyType({})


ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
SIGNIFICANCE = {"p below": drift.SIGNIFICANCE}

CHECKS = (
    Check(
        "lengths",
        ERROR,
        labels.lengths,
        "rows and labels differ in number; then nothing else is looked at",
    ),
    Check(
        "label-type",
        ERROR,
        labels.label_type,
        "no label equals the positive one, but one would as another type: `'2'` against `2`",
    ),
    Check(
        "constant-labels",
        ERROR,
        labels.constant_labels,
        "all labels of a part, or all targets made of them, are the same",
    ),
    Check(
        "many-classes",
        ERROR,
        labels.many_classes,
        "a model tells more classes apart than the question has: ten digits where "
        '"2 or not" was meant',
    ),
    Check("class-absent", WARNING, labels.class_absent, "a class has no image in a part"),
    Check(
        "class-tiny",
        WARNING,
        labels.class_tiny,
        f"a class has fewer than {labels.TINY_CLASS} images in a part",
        {"images": labels.TINY_CLASS},
    ),
    Check(
        "base-rate",
        NOTE,
        labels.high_base_rate,
        f"the most frequent answer is right for {labels.HIGH_BASE_RATE:.0%} or more: "
        "accuracy alone looks high whatever a model does",
        {"base rate": labels.HIGH_BASE_RATE},
    ),
    Check(
        "sorted-rows",
        WARNING,
        labels.sorted_rows,
        "rows are sorted by class and folds are not shuffled",
        {"share of changes": labels.SORTED_SHARE},
    ),
    Check(
        "conflicting-labels", WARNING, labels.conflicting_labels, "the same image has two labels"
    ),
    Check(
        "overlap-exact",
        ERROR,
        overlap.overlap_exact,
        "test rows are training rows, number for number",
    ),
    Check(
        "overlap-near",
        WARNING,
        overlap.overlap_near,
        "test images are training images that were moved, turned, resized, mirrored, recoloured or "
        "stored anew",
        {"deviations": near_copies.DEVIATIONS, "share unexplained": near_copies.LARGEST_LIMIT},
    ),
    Check(
        "duplicates",
        WARNING,
        overlap.duplicates,
        "equal training rows are, or may be, on both sides of a fold",
    ),
    Check("image-constant", WARNING, images.image_constant, "images show one grey level only"),
    Check(
        "image-inverted",
        WARNING,
        inversion.image_inverted,
        "most of a part or a class is dark on light where the others are light on dark, or the "
        "reverse; or single images are, and a model gives their negatives their labels",
        {"grey levels off the usual background": inversion.INVERTED_LEVELS},
    ),
    Check(
        "image-range",
        WARNING,
        images.image_range,
        f"all pixels stay within {causes.RANGE_SHARE:.0%} of what is taken for white, as those "
        "from 0 to 16 or 0 and 1 do",
        {"share of white": causes.RANGE_SHARE},
    ),
    Check(
        "image-brightness",
        WARNING,
        images.image_brightness,
        "images are far brighter or darker than all others: by a test of the gap between, and by "
        f"more than {images.BRIGHTNESS_DEVIATIONS:g} deviations",
        {"p below": brightness.SIGNIFICANCE, "deviations": images.BRIGHTNESS_DEVIATIONS},
    ),
    Check(
        "image-scale",
        WARNING,
        images.image_scale,
        "images use a small part of the others' range of grey levels, as pixels divided by 255 do",
        {"share of the usual": images.SCALE_SHARE},
    ),
    Check(
        "class-mix",
        WARNING,
        drift.class_mix,
        "the classes' shares differ between training and test part: by a test, and by more "
        f"than {drift.LABELS_MOVED:.0%} of labels",
        SIGNIFICANCE | {"share of labels": drift.LABELS_MOVED},
    ),
    Check(
        "brightness-shift",
        WARNING,
        drift.brightness_shift,
        "the parts differ in brightness: by a test, and by more than "
        f"{drift.BRIGHTNESS_MOVED:g} deviations",
        SIGNIFICANCE | {"deviations": drift.BRIGHTNESS_MOVED},
    ),
    Check(
        "not-converged",
        ERROR,
        fit.not_converged,
        "the fit is not at its optimum; for scikit-learn's logistic regressions the "
        "distance is computed",
        {"relative gap": causes.FAR_FROM_OPTIMUM},
    ),
    Check(
        "separable",
        WARNING,
        fit.separable,
        "without a penalty the classes are separated: there is no optimum",
    ),
    Check(
        "no-better-than-base-rate",
        ERROR,
        fit.no_better_than_base_rate,
        "the model is shown to be no more often right than always giving the most frequent answer, "
        "or by too little to matter; undecided, a warning, where the images are too few to tell; "
        "a note, where only the threshold for a precision or recall makes it so",
        {"p below": gain.SIGNIFICANCE, "share of mistakes": gain.MATTERS},
    ),
    Check(
        "promise",
        WARNING,
        fit.promise,
        "the test part misses the precision or recall that the threshold was chosen for; undecided "
        "where its interval holds that",
    ),
    Check("grid-edge", WARNING, fit.grid_edge, "the best C is the first or the last of the grid"),
)


# What takes longer than who interrupts is to wait.
SLOW = ("overlap-near",)


def run_checks(material: Material, *, hurried: bool = False) -> Findings:
    """Run every check; in a hurry those that are done at once.

    Rows and labels that do not go together leave nothing else to look at.
    """
    findings: list[Finding] = []
    for check in CHECKS:
        unequal = bool(findings) and findings[0].failed
        if unequal:
            outcome = not_applicable("Rows and labels differ in number.")
        elif hurried and check.code in SLOW:
            outcome = not_applicable("Not looked for, as the run was interrupted.")
        else:
            outcome = check.look(material)
        findings.append(
            Finding(
                check.code,
                limits=dict(check.limits),
                **outcome._asdict() | {"severity": _severity(check, outcome)},
            )
        )
    return Findings(tuple(findings))


def _severity(check: Check, outcome: Outcome) -> Severity:
    """Return what an outcome means: what is undecided is no error."""
    if outcome.severity is not None:
        return outcome.severity
    undecided = outcome.status is Status.UNDECIDED
    return WARNING if undecided and check.severity is ERROR else check.severity
