"""Checks of a fit: whether it is one, and whether it is better than no model."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from imlogit.checks.causes import is_far, likely_cause
from imlogit.checks.finding import Outcome, Severity, failed, not_applicable, passed, undecided
from imlogit.checks.gain import MATTERS, Verdict, gain_over_constant
from imlogit.checks.material import Material, Promise, tally
from imlogit.estimators.logistic_cv import GridEdge

NO_MODEL = "No fitted model was given."
NO_ANSWERS = "No fitted model was given whose classes are known to be the labels."
_NO_BETTER = {
    Verdict.WORSE: "it is worse than knowing nothing",
    Verdict.SAME: "it gives this answer for every image, and is no better than knowing nothing",
    Verdict.NO_GAIN: "it is no better than knowing nothing, or avoids less than "
    f"{MATTERS:.0%} of the mistakes",
}
_HOW_TO_READ = "Read precision and recall instead of accuracy: the threshold is not meant for that."


def no_better_than_base_rate(material: Material) -> Outcome:
    """Check that the model is better, on the test part, than always giving one answer."""
    test, known = material.test, material.predictor
    if known is None or known.predicted is None or test is None:
        if test is None:
            return not_applicable("There is no test part.")
        return not_applicable(NO_MODEL if known is None else NO_ANSWERS)
    values, counts = tally(material.targets(material.training))
    usual, true = values[counts.argmax()], material.targets(test)
    gain = gain_over_constant(true, known.predicted, usual)
    if not gain.mistakes:
        return not_applicable("Always giving the most frequent answer makes no mistake here.")
    said = (
        f"The model{_at_threshold(known.promise)} is right for "
        f"{(known.predicted == true).mean():.2%} of the test part, always answering the most "
        f"frequent label for {(true == usual).mean():.2%}"
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
    if known.promise is not None:
        priced = _price_of_promise(known.promise, true, usual, said)
        if priced is not None:
            return priced
    return failed(f"{said}: {_NO_BETTER[verdict]}.", likely_cause(material, usual))


def promise(material: Material) -> Outcome:
    """Check that the test part keeps what the threshold was chosen for."""
    known = None if material.predictor is None else material.predictor.promise
    if known is None:
        return not_applicable("No precision or recall was asked for.")
    asked = f"The {known.wanted} of at least {known.at_least:g} that was asked for"
    if math.isnan(known.value) or known.low is None or known.high is None:
        return undecided(
            f"Whether {asked[0].lower()}{asked[1:]} is kept cannot be told: on the test part it "
            "is undefined, or there are too few images for an interval.",
            "Take more test images of the label looked for.",
        )
    figures = f"{known.value:.4f} on the test part (95% interval {known.low:.4f} to "
    figures += f"{known.high:.4f})"
    if known.low >= known.at_least:
        return passed(f"{asked} is kept: {figures}.")
    if known.high < known.at_least:
        return failed(
            f"{asked} is missed: {figures}.",
            "Expect this figure, not what was asked for: more training images, or asking for a "
            "little more, bring the test part closer to it.",
        )
    return undecided(
        f"Whether {asked[0].lower()}{asked[1:]} is kept cannot be told: {figures}.",
        "Take more test images.",
    )


def _at_threshold(promise: Promise | None) -> str:
    if promise is None:
        return ""
    return (
        f", at its threshold of {promise.threshold:.4f} for a {promise.wanted} of "
        f"{promise.at_least:g},"
    )


def _price_of_promise(
    promise: Promise, true: NDArray[Any], usual: Any, said: str
) -> Outcome | None:
    """Return what the threshold costs, unless the model without it is no better either."""
    gain = gain_over_constant(true, promise.most_probable, usual)
    by_class = (
        f"by the more probable class it is right for {(promise.most_probable == true).mean():.2%}"
    )
    if gain.verdict is Verdict.BETTER:
        words = f"{said}. That is the price of the {promise.wanted}: {by_class}."
        return failed(words, _HOW_TO_READ)._replace(severity=Severity.NOTE)
    if gain.verdict is Verdict.UNDECIDED:
        return undecided(
            f"{said}. That may be the price of the {promise.wanted}: {by_class}, and {gain.n:,} "
            f"images are too few to tell whether that is better (p = {gain.p_better:.2g}).",
            f"Take more test images: {gain.needed}.",
        )
    return None


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
    if is_far(known):
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
