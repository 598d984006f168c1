"""Why a model is no better than one answer: the likely cause, by what can be seen of it."""

from __future__ import annotations

from typing import Any

from imlogit.checks.gain import Verdict, gain_over_constant
from imlogit.checks.inversion import image_inverted
from imlogit.checks.material import Material, Optimality, tally

# A fit of another library whose objective may be this share above its minimum has not converged.
FAR_FROM_OPTIMUM = 0.01
# Where all pixels stay below this share of white they are on another scale.
RANGE_SHARE = 0.25
# A penalty is tried at this C instead where it is stronger than this one.
USUAL_C, SMALL_C = 1.0, 0.05
# Fewer negatives spoil no model.
INVERTED_SHARE = 0.1
# Fewer training images of a class teach little of it.
FEW_IMAGES = 50


def is_far(known: Optimality) -> bool:
    """Whether a fit stopped short of its optimum."""
    bad = known.status in ("max_iter", "rounding", "undetermined", "interrupted")
    return bad or (not known.status and not known.relative_gap <= FAR_FROM_OPTIMUM)


def largest_pixel(material: Material) -> float | None:
    """Return the largest pixel of all where it is a small share of white; else None."""
    if material.white is None or not material.has_images:
        return None
    largest = max(float(part.levels.most.max(initial=0)) for part in material.parts)
    return largest if 0 < largest <= RANGE_SHARE * material.white.level else None


def how_to_say_white(material: Material, largest: float) -> str:
    """Return what tells a model which pixel is white."""
    assert material.white is not None
    return material.white.mended_by.format(f"{largest:g}")


def likely_cause(material: Material, usual: Any) -> str:
    """Return why a model is no better than always giving one answer, and what to do.

    Parameters
    ----------
    material : Material
        With a model, and its answers for the test part.
    usual : object
        The most frequent training label.
    """
    known, largest = material.predictor, largest_pixel(material)
    assert known is not None
    if largest is not None:
        assert material.white is not None
        return (
            f"The likely cause: the pixels run to {largest:g}, and {material.white.level:g} is "
            f"taken for white. Say so with {how_to_say_white(material, largest)}."
        )
    if known.optimality is not None and is_far(known.optimality):
        return (
            "The likely cause: the fit stopped short of its optimum. Scale its features to about "
            "1, and give it more iterations."
        )
    negatives = image_inverted(material)
    if negatives.n_affected >= INVERTED_SHARE * sum(len(part.rows) for part in material.parts):
        return f"The likely cause: {negatives.sentence} {negatives.advice}"
    right = _right_with_usual_penalty(material, usual)
    if right is not None:
        return (
            f"The likely cause: C={known.C:g} is far too small. At C={USUAL_C:g} a model of some "
            f"of the images is right for {right:.2%}: `imlogit sweep` chooses C."
        )
    label, fewest = _rarest(material)
    if fewest < FEW_IMAGES:
        return (
            f"The likely cause: there are only {fewest:,} training images of {label}. Add some, "
            f"to {FEW_IMAGES} or more of each class."
        )
    return (
        "Neither the range of the pixels nor the penalty nor the number of images explains it: "
        "look at some images with their labels. What tells the classes apart may be nowhere in "
        "particular, where weights of single pixels do not see it, or the labels may be of other "
        "images."
    )


def _right_with_usual_penalty(material: Material, usual: Any) -> float | None:
    """Return how often a model with the usual penalty is right, where it is shown to be better."""
    known, test = material.predictor, material.test
    if known is None or test is None or known.refit is None or known.C is None:
        return None
    if known.C > SMALL_C:
        return None
    true, predicted = material.targets(test), known.refit(USUAL_C)
    if gain_over_constant(true, predicted, usual).verdict is not Verdict.BETTER:
        return None
    return float((predicted == true).mean())


def _rarest(material: Material) -> tuple[str, int]:
    """Return the class with the fewest training images, and how many these are."""
    values, counts = tally(material.targets(material.training))
    rarest = values[counts.argmin()]
    if material.positive is None:
        return f"{str(rarest)!r}", int(counts.min())
    return f"{str(material.positive)!r}" if rarest else "other labels", int(counts.min())
