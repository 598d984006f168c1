"""Checks of labels: what they are, how many of each, and in which order."""

from __future__ import annotations

from typing import Any

import numpy as np

from imlogit.checks.finding import Exhibit, Outcome, failed, not_applicable, passed
from imlogit.checks.material import LabelledRows, Material, equal, tally

# A class with fewer images than these says little about itself.
TINY_CLASS = 10
# From this base rate on, accuracy looks high whatever a model does.
HIGH_BASE_RATE = 0.8
# Rows count as sorted with less than this share of the changes of label of a random order.
SORTED_SHARE = 0.1
MOST_SPELLED_OUT = 10
_KINDS = {
    "U": "text",
    "S": "bytes",
    "i": "integers",
    "u": "integers",
    "f": "floats",
    "b": "True and False",
}


def lengths(material: Material) -> Outcome:
    """Check that every row has one label."""
    wrong = [part for part in material.parts if len(part.rows) != len(part.labels)]
    if not wrong:
        return passed("Every row has one label.")
    said = " and ".join(
        f"the {part.name} part has {len(part.rows):,} rows and {len(part.labels):,} labels"
        for part in wrong
    )
    return failed(
        f"{_sentence(said)}.",
        "Find where rows or labels were left out: after a shuffle or a filter of one of them, "
        "labels no longer belong to their rows.",
    )


def label_type(material: Material) -> Outcome:
    """Check that labels are of one type, and the one looked for is among them."""
    kinds = [_kind(part) for part in material.parts]
    if len(set(kinds)) > 1:
        return failed(
            f"The training labels are {kinds[0]} and the test labels {kinds[1]}: they are never "
            "equal.",
            "Convert both in the same way.",
        )._replace(void=True)
    if "mixed types" in kinds:
        return failed(
            "The labels are of several types, which are never equal to each other.",
            "Convert all of them to text, or all to integers.",
        )._replace(void=True)
    positive = material.positive
    if positive is None:
        return passed(f"All labels are {kinds[0]}.")
    if material.are_answers:
        return passed(f"The labels are {kinds[0]}: whether an image is {positive!r}.")
    known = tally(material.training.labels)[0]
    if equal(known, positive).any():
        return passed(f"The labels are {kinds[0]}, and {positive!r} is one of them.")
    alike = [label for label in known.tolist() if _text(label) == _text(positive)]
    if alike:
        return failed(
            f"The label looked for is {positive!r} ({type(positive).__name__}), and the labels "
            f"hold {alike[0]!r} ({type(alike[0]).__name__}): no label equals it, so every "
            "comparison is False.",
            f"Look for {alike[0]!r}.",
        )._replace(void=True)
    return failed(
        f"No training label is {positive!r}. The labels are: {_named(known)}.",
        "Look for one of these.",
    )._replace(void=True)


def constant_labels(material: Material) -> Outcome:
    """Check that there is more than one label to tell apart."""
    for part in material.parts:
        values = tally(material.targets(part))[0]
        if len(values) < 2:
            return failed(
                f"All {len(part.labels):,} labels of the {part.name} part are "
                f"{values.tolist()[0]!r}: there is nothing to tell apart, and any accuracy "
                "is 100%."
                if len(values)
                else f"The {part.name} part is empty.",
                "Look at how the labels were made; comparing integers with text, as in y == '2', "
                "gives False everywhere.",
            )._replace(void=True)
    return passed("Each part has more than one label.")


def many_classes(material: Material) -> Outcome:
    """Check that a model that is to find one label tells two classes apart."""
    if material.positive is None or material.predictor is None:
        return not_applicable("No model that should find one label was given.")
    n = material.predictor.n_classes
    if n <= 2:
        return passed("The model tells two classes apart.")
    return failed(
        f"You look for {material.positive!r}, but the model tells {n} classes apart: its accuracy "
        "is not that of finding the label.",
        "Fit it on labels that say yes or no: y == label.",
    )._replace(void=True)


def class_absent(material: Material) -> Outcome:
    """Check that every class is in every part."""
    if material.class_names is None and material.test is None:
        return not_applicable("Only the labels themselves say which classes there are.")
    known = _text_values(material.class_names or ())
    for part in material.parts:
        known |= _text_values(part.labels.tolist())
    for part in material.parts:
        absent = sorted(known - _text_values(part.labels.tolist()))
        if absent:
            return failed(
                f"The {part.name} part has no image of {_named(absent)}.",
                "Split by class (stratified), add images, or leave the class out.",
            )
    return passed(f"Each of {len(known)} classes is in every part.")


def class_tiny(material: Material) -> Outcome:
    """Check that no class has so few images that its figures mean nothing."""
    small = []
    for part in material.parts:
        for label, count in zip(*tally(part.labels), strict=True):
            if count < TINY_CLASS:
                small.append(f"{label} ({count} in the {part.name} part)")
    if not small:
        return passed(f"Every class has at least {TINY_CLASS} images in every part.")
    return failed(
        f"There are fewer than {TINY_CLASS} images of: {_named(small)}.",
        "Figures of such a class are hardly more than chance: add images, or merge classes.",
    )


def high_base_rate(material: Material) -> Outcome:
    """Check that accuracy is not high by the base rate alone."""
    part = material.parts[-1]
    values, counts = tally(material.targets(part))
    rate = float(counts.max() / counts.sum())
    said = (
        f"Always answering {_answer(material, values[counts.argmax()])} is right for {rate:.2%} of "
        f"the {part.name} part"
    )
    if rate < HIGH_BASE_RATE:
        return passed(f"{said}.")
    return failed(
        f"{said}: accuracy alone looks high whatever a model does.",
        "Read accuracy beside the base rate, and balanced accuracy, precision and recall.",
    )


def sorted_rows(material: Material) -> Outcome:
    """Check that rows in the order of their classes are not split unshuffled."""
    labels = material.training.labels
    if material.shuffled:
        return passed("The folds are drawn at random, or class by class.")
    counts = tally(labels)[1]
    expected = (len(labels) - 1) * (1 - float(((counts / len(labels)) ** 2).sum()))
    changes = int((labels[1:] != labels[:-1]).sum())
    if changes >= SORTED_SHARE * expected:
        return passed("The training rows are not sorted by class.")
    return failed(
        f"The training rows are sorted by class: the label changes {changes} times, and would "
        f"some {expected:,.0f} times in random order.",
        "A splitter that does not shuffle, such as KFold, leaves whole classes out of its training "
        "parts. Shuffle the rows, or take StratifiedKFold(shuffle=True).",
    )


def conflicting_labels(material: Material) -> Outcome:
    """Check that no image has two labels."""
    copies, part = material.exact_within, material.training
    differ = part.labels[copies.first] != part.labels[copies.second]
    pairs = [
        (part, a, part, b) for a, b in zip(copies.first[differ], copies.second[differ], strict=True)
    ]
    if material.test is not None:
        across, test = material.exact_across, material.test
        differ = part.labels[across.first] != test.labels[across.second]
        pairs += [
            (part, a, test, b)
            for a, b in zip(across.first[differ], across.second[differ], strict=True)
        ]
    if not pairs:
        return passed("No two equal rows have different labels.")
    exhibits = tuple(
        Exhibit((one.where(a), other.where(b)), f"{one.labels[a]} and {other.labels[b]}")
        for one, a, other, b in pairs
    )
    return failed(
        f"{len(pairs):,} rows equal another row that has another label.",
        "At least one label of each pair is wrong: look at the images.",
        exhibits,
        len(pairs),
    )


def _kind(part: LabelledRows) -> str:
    if part.labels.dtype.kind != "O":
        return _KINDS.get(part.labels.dtype.kind, str(part.labels.dtype))
    kinds = {np.asarray(label).dtype.kind for label in part.labels.tolist()}
    return _KINDS.get(kinds.pop(), "objects") if len(kinds) == 1 else "mixed types"


def _text(label: Any) -> str:
    """Return a label as text, 2.0 as '2'."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _text_values(labels: Any) -> set[str]:
    return {_text(label) for label in labels}


def _answer(material: Material, value: Any) -> str:
    if material.positive is None:
        return repr(str(value))
    wanted = _text(material.positive)
    others = [name for name in map(_text, material.class_names or ()) if name != wanted]
    return f"'{wanted if value else others[0] if len(others) == 1 else f'not {wanted}'}'"


def _named(labels: Any) -> str:
    texts = [_text(label) for label in labels]
    rest = len(texts) - MOST_SPELLED_OUT
    return ", ".join(texts[:MOST_SPELLED_OUT]) + (f" and {rest} more" if rest > 0 else "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
