"""Checks of a fit: whether it is one, and whether it is better than no model."""

from __future__ import annotations

import math

from imlogit.checks.finding import Outcome, failed, not_applicable, passed, undecided
from imlogit.checks.gain import MATTERS, Verdict, gain_over_constant
from imlogit.checks.material import Material, tally
from imlogit.estimators.logistic_cv import GridEdge

# A fit of another library whose objective may be this share above its minimum has not converged.
FAR_FROM_OPTIMUM = 0.01
NO_MODEL = "No fitted model was given."
_NO_BETTER = {
    Verdict.WORSE: "it is worse than knowing nothing",
    Verdict.SAME: "it gives this answer for every image, and is no better than knowing nothing",
    Verdict.NO_GAIN: "it is no better than knowing nothing, or avoids less than "
    f"{MATTERS:.0%} of the mistakes",
}


def no_better_than_base_rate(material: Material) -> Outcome:
    """Check that the model is better, on the test part, than always giving one answer."""
    test, known = material.test, material.predictor
    if known is None or known.predicted is None or test is None:
        return not_applicable(NO_MODEL if test is not None else "There is no test part.")
    values, counts = tally(material.targets(material.training))
    usual, true = values[counts.argmax()], material.targets(test)
    gain = gain_over_constant(true, known.predicted, usual)
    if not gain.mistakes:
        return not_applicable("Always giving the most frequent answer makes no mistake here.")
    said = (
        f"The model is right for {(known.predicted == true).mean():.2%} of the test part, always "
        f"answering the most frequent label for {(true == usual).mean():.2%}"
    )
    verdict = gain.verdict
    if verdict is Verdict.BETTER:
        return passed(f"{said} (p = {gain.p_better:.2g}).")
    if verdict is Verdict.UNDECIDED:
        return undecided(
            f"{said}: {gain.n:,} images are too few to tell whether it is better "
            f"(p = {gain.p_better:.2g}).",
            f"Take more test images: {gain.needed}.",
        )
    return failed(
        f"{said}: {_NO_BETTER[verdict]}.",
        "Check that it has converged, that its features are scaled as in training, and the labels.",
    )


def not_converged(material: Material) -> Outcome:
    """Check that the fit is at its optimum."""
    known = None if material.predictor is None else material.predictor.optimality
    if known is None:
        return not_applicable("No fit was given whose distance from the optimum can be computed.")
    said = (
        ""
        if math.isnan(known.relative_gap)
        else f" with a relative gap of {known.relative_gap:.1e}"
    )
    bad = known.status in ("max_iter", "rounding", "undetermined", "interrupted")
    if bad or (not known.status and not known.relative_gap <= FAR_FROM_OPTIMUM):
        return failed(
            f"The fit stopped short of its optimum{said}"
            + (f" ({known.status})." if known.status else "."),
            "Fit with a smaller tol and more iterations, on features scaled to about 1.",
        )
    return passed(f"The fit is at its optimum{said}.")


def separable(material: Material) -> Outcome:
    """Check that the training part cannot be told apart without error."""
    known = None if material.predictor is None else material.predictor.optimality
    if known is None or not known.status:
        return not_applicable("No certificate was given.")
    if known.status not in ("separated", "quasi-separated"):
        return passed("The fit has a finite optimum.")
    return failed(
        f"The training part is {known.status}: without a penalty the weights grow without end, "
        "and probabilities mean nothing.",
        "Give a finite C.",
    )


def grid_edge(material: Material) -> Outcome:
    """Check that the best C lies inside the grid."""
    known = material.predictor
    if known is None or not known.searched:
        return not_applicable("C was not chosen from a grid.")
    if not known.edge:
        return passed("The best C lies inside the grid.")
    side = "largest" if known.edge is GridEdge.HIGH else "smallest"
    return failed(
        f"The best C is the {side} of the grid: the optimum may lie beyond it.",
        f"Try {'larger' if known.edge is GridEdge.HIGH else 'smaller'} values of C.",
    )
