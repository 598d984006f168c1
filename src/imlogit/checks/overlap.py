"""Checks of leaks: test images that were trained on, and copies on both sides of a fold."""

from __future__ import annotations

import numpy as np

from imlogit.checks.exact_copies import Copies
from imlogit.checks.finding import Exhibit, Outcome, failed, not_applicable, passed
from imlogit.checks.material import Material

NO_TEST = "There is no test part."
# From this share of copies on, the figures of the test part are those of learning by heart: fewer
# cannot move a share of right answers by more.
VOID_SHARE = 0.01


def overlap_exact(material: Material) -> Outcome:
    """Check that no test row is a training row."""
    if material.test is None:
        return not_applicable(NO_TEST)
    copies = material.exact_across
    shared = np.unique(copies.second).size
    if not shared:
        return passed(f"None of {len(material.test.rows):,} test rows is a training row.")
    share = shared / len(material.test.rows)
    return failed(
        f"{shared:,} of {len(material.test.rows):,} test rows ({share:.1%}) are training rows, "
        "number for number: the test shows what was learned by heart.",
        "Split once, into parts that share no row, and take copies out of the test part.",
        _pairs(material, copies),
        shared,
    )._replace(void=share >= VOID_SHARE)


def overlap_near(material: Material) -> Outcome:
    """Check that no test image was made from a training image."""
    if material.test is None:
        return not_applicable(NO_TEST)
    if not material.has_images:
        return not_applicable("The rows are not images.")
    (copies, found), n = material.near_across, len(material.test.rows)
    seen = ", ".join(f"{share:.0%} of those {kind}" for kind, share in found.items())
    able = f" Of training images that were changed here to try it, it finds {seen}." if seen else ""
    if not copies.first.size:
        return passed(
            f"None of {n:,} test images is seen to be a training image that was changed a little."
            + able
        )
    return failed(
        f"{copies.first.size:,} of {n:,} test images are training images that were moved, "
        f"mirrored, recoloured or stored anew.{able}",
        "Look at the pairs: if one was made from the other, keep both on one side of the split.",
        _pairs(material, copies, "almost equal"),
        copies.first.size,
    )


def duplicates(material: Material) -> Outcome:
    """Check that no copies straddle the folds of a cross-validation."""
    copies = material.exact_within
    straddling = np.ones(copies.first.size, dtype=bool)
    if material.folds is not None:
        straddling = material.folds[copies.first] != material.folds[copies.second]
    n = int(straddling.sum())
    if not n:
        return passed("No two equal training rows can be on both sides of a fold.")
    part = material.training
    exhibits = tuple(
        Exhibit((part.where(a), part.where(b)), "equal")
        for a, b in zip(copies.first[straddling], copies.second[straddling], strict=True)
    )
    how = "lies" if material.folds is not None else "may lie"
    return failed(
        f"{n:,} training rows equal an earlier one that {how} in another fold: cross-validation "
        "tests on what it trained on.",
        "Remove the copies, or give them one group: cross_validate(..., groups=...).",
        exhibits,
        n,
    )


def _pairs(material: Material, copies: Copies, words: str = "equal") -> tuple[Exhibit, ...]:
    assert material.test is not None
    return tuple(
        Exhibit((material.training.where(first), material.test.where(second)), words)
        for first, second in zip(*copies, strict=True)
    )
