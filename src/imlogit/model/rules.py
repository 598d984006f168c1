"""What each field of a model file must be: the one table that files are checked by.

docs/model-file.md has it, made of the code.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from imlogit.core.certificate import REASONS
from imlogit.model.fingerprints import MOST_FINGERPRINTS, are_fingerprints

CLASS_TYPES = {"str": str, "int": int, "float": float, "bool": bool}
FITS = ("crop", "pad", "stretch")
INT64 = range(-(2**63), 2**63)
# A name is a folder's as a rule, of 255 bytes at most.
MOST_LETTERS = 1000
MOST_CLASSES = 100_000
MOST_DIMENSIONS = 32
MOST_VERSIONS = 64
MOST_STEPS = 2**31 - 1
MOST_FEATURE_STEPS, MOST_FEATURE_VALUES = 8, 64
# What a feature step learnt: its place among the steps, and a name.
FEATURE_ARRAY = re.compile(r"[0-7]\.[a-z_]{1,64}")
# Products of weights, scales and float32 features stay far below the largest float64, 1.8e308.
MOST_WEIGHT = 1e150
SCALES = (1e-100, 1e100)
MOST_FIGURE = 1e300
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
_DTYPE = re.compile(r"[<>=|]?[A-Za-z0-9_]{1,64}")
_NUMBER = re.compile(r"[0-9.e+-]{1,32}|inf")
_DIGEST = re.compile("[0-9a-f]{64}")

# What certificates of the first files do not have.
OPTIONAL = frozenset({"fit_intercept", "plan"})

Facts = Mapping[str, Any]


class Rule(NamedTuple):
    """What one field must be.

    Attributes
    ----------
    field : str
        Its name; of the certificate's own fields, as ``certificate.tol``.
    allowed : str
        What it may be, as "must be ..." goes on.
    holds : callable
        Takes the value, all facts, and the shape (k, d) of the weights.
    """

    field: str
    allowed: str
    holds: Callable[[Any, Facts, tuple[int, int]], bool]

    def value(self, facts: Facts) -> Any:
        """Return what the field holds; None where there is no such field."""
        first, _, second = self.field.partition(".")
        found = facts.get(first)
        return found.get(second) if second and isinstance(found, dict) else found


def is_size(value: object) -> bool:
    """Whether a value from JSON can be one side of an array."""
    return type(value) is int and value >= 1


def is_text(value: object, most: int = MOST_LETTERS) -> bool:
    """Whether a value is text of bounded length that comes back from JSON as it was."""
    if not isinstance(value, str) or len(value) > most:
        return False
    # Two halves of a surrogate pair would come back from JSON as one character.
    return bool(json.loads(json.dumps(value)) == value)


def _is_classes(value: Any, facts: Facts, shape: tuple[int, int]) -> bool:
    if not isinstance(value, tuple) or not 2 <= len(value) <= MOST_CLASSES:
        return False
    kind = facts["classes_dtype"]
    if not all(type(label) is CLASS_TYPES[kind] for label in value):
        return False
    if kind == "str":
        ordered = all(map(is_text, value)) and len(set(value)) == len(value)
    else:
        small = (math.isfinite(label) if kind == "float" else label in INT64 for label in value)
        ordered = all(small) and all(first < second for first, second in pairwise(value))
    return ordered and (shape[0] == len(value) or (shape[0] == 1 and len(value) == 2))


def _is_multi_label(value: Any, facts: Facts, shape: tuple[int, int]) -> bool:
    alone = all(facts.get(name) is None for name in ("threshold", "positive", "rest"))
    return value is None or (value is True and alone and shape[0] == len(facts["classes"]))


def _is_shape(value: Any, facts: Facts, shape: tuple[int, int]) -> bool:
    if not isinstance(value, tuple):
        return value is None
    few = 1 <= len(value) <= MOST_DIMENSIONS
    if not few or not all(map(is_size, value)):
        return False
    return facts.get("features") is not None or math.prod(value) == shape[1]


def _is_features(value: Any, facts: Facts, _: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or set(value) != {"input_shape", "steps"}:
        return False
    shape, steps = facts["image_shape"], value["steps"]
    if shape is None or value["input_shape"] != list(shape) or facts["fitted_dtype"] != "uint8":
        return False
    few = isinstance(steps, list) and 1 <= len(steps) <= MOST_FEATURE_STEPS
    return few and all(map(_is_feature_step, steps))


def _is_feature_step(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"name", "version", "parameters"}:
        return False
    parameters = value["parameters"]
    named = is_text(value["name"]) and is_size(value["version"])
    if not named or not isinstance(parameters, dict) or len(parameters) > MOST_FEATURE_VALUES:
        return False
    return all(map(is_text, parameters)) and all(map(_is_plain, parameters.values()))


def _is_plain(value: object) -> bool:
    """Whether a value is a boolean, text or a number of bounded size."""
    is_number = _is_number(value, -MOST_FIGURE, MOST_FIGURE)
    return isinstance(value, bool) or is_text(value) or is_number


def _is_positive(value: Any, facts: Facts, _: object) -> bool:
    if value is None:
        return True
    classes = facts["classes"]
    if len(classes) != 2 or not is_text(value):
        return False
    return classes == (False, True) or str(classes[1]) == value


def _is_rest(value: Any, facts: Facts, _: object) -> bool:
    if value is None:
        return True
    positive = facts["positive"]
    if positive is None or facts["classes"] != (False, True) or not isinstance(value, tuple):
        return False
    texts = 1 <= len(value) <= MOST_CLASSES and all(map(is_text, value))
    return texts and positive not in value and len(set(value)) == len(value)


def _is_threshold(value: Any, facts: Facts, _: object) -> bool:
    within = isinstance(value, float) and 0 < value <= 1
    return value is None or (within and len(facts["classes"]) == 2)


def _is_versions(value: Any, *_: object) -> bool:
    if not isinstance(value, dict) or len(value) > MOST_VERSIONS:
        return False
    return all(_is_match(_NAME, one) for pair in value.items() for one in pair)


def _is_certificate(value: Any, *_: object) -> bool:
    if not isinstance(value, dict) or any(value.get(name, "") is None for name in OPTIONAL):
        return False
    known = {rule.field.partition(".")[2] for rule in CERTIFICATE_RULES}
    return known - OPTIONAL <= set(value) <= known


def _is_match(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_number(value: object, least: float, most: float) -> bool:
    return type(value) in (int, float) and least <= value <= most  # type: ignore[operator]


def _is_penalty(value: Any, *_: object) -> bool:
    try:
        return _is_match(_NUMBER, value) and float(value) > 0
    except ValueError:
        return False


def _is_count(value: Any, *_: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_STEPS


def _is_figure(value: Any, *_: object) -> bool:
    return value is None or _is_number(value, 0, MOST_FIGURE)


def _one_of(*allowed: str | bool | None) -> Callable[..., bool]:
    return lambda value, *_: any(value == one and type(value) is type(one) for one in allowed)


def _text(least: int = 0, *, or_none: bool = False) -> Callable[..., bool]:
    def holds(value: Any, *_: object) -> bool:
        return (or_none and value is None) or (is_text(value) and len(value) >= least)

    return holds


def _quoted(words: Sequence[str]) -> str:
    return " or ".join(f'"{word}"' for word in words)


_FIGURE = f"a number from 0 to {MOST_FIGURE:g}, or null where it is not finite"
_COUNT = f"a whole number from 0 to {MOST_STEPS:,}"

CERTIFICATE_RULES = (
    Rule("certificate.status", _quoted(list(REASONS)), _one_of(*REASONS)),
    Rule("certificate.C", "a number over 0, or inf, as text", _is_penalty),
    Rule("certificate.fit_intercept", "true or false", _one_of(True, False, None)),
    Rule(
        "certificate.tol",
        f"a number over 0, at most {MOST_FIGURE:g}",
        lambda value, *_: _is_number(value, 0, MOST_FIGURE) and value > 0,
    ),
    *(Rule(f"certificate.{one}", _COUNT, _is_count) for one in ("iterations", "passes")),
    *(
        Rule(f"certificate.{one}", _FIGURE, _is_figure)
        for one in ("objective", "gap", "relative_gap", "max_gradient")
    ),
    Rule(
        "certificate.plan",
        f"text of at most {MOST_LETTERS:,} characters",
        _text(or_none=True),
    ),
)
# Later rules rely on those before them.
RULES = (
    Rule("classes_dtype", _quoted(list(CLASS_TYPES)), _one_of(*CLASS_TYPES)),
    Rule(
        "classes",
        f"2 to {MOST_CLASSES:,} different values of classes_dtype, one for each row of the weights "
        f"or two for one row: text of at most {MOST_LETTERS:,} characters, or ascending, finite "
        "values of 64 bits",
        _is_classes,
    ),
    Rule(
        "image_shape",
        f"1 to {MOST_DIMENSIONS} whole numbers over 0 whose product is the number of columns of "
        "the weights where there are no features, or null",
        _is_shape,
    ),
    Rule(
        "pixel_scale",
        f"a float from {SCALES[0]:g} to {SCALES[1]:g}",
        lambda value, *_: isinstance(value, float) and SCALES[0] <= value <= SCALES[1],
    ),
    Rule(
        "fitted_dtype",
        "the name of a type, such as uint8 or >f8: 1 to 64 letters, digits and _",
        lambda value, *_: _is_match(_DTYPE, value),
    ),
    Rule("multi_class", _quoted(["ovr", "multinomial"]), _one_of("ovr", "multinomial")),
    Rule(
        "data_name",
        f"text of at most {MOST_LETTERS:,} characters, or null",
        _text(or_none=True),
    ),
    Rule(
        "data_sha256",
        "64 hexadecimal digits in small letters, or null",
        lambda value, *_: value is None or _is_match(_DIGEST, value),
    ),
    Rule(
        "positive",
        f"the second of two classes as text, or where these are false and true any text of at most "
        f"{MOST_LETTERS:,} characters, or null",
        _is_positive,
    ),
    Rule(
        "rest",
        f"where positive names the second of false and true or 0 and 1: 1 to {MOST_CLASSES:,} "
        f"other, different texts of at most {MOST_LETTERS:,} characters, or null",
        _is_rest,
    ),
    Rule(
        "fingerprints",
        f"1 to {MOST_FINGERPRINTS:,} fingerprints of 12 hexadecimal digits in ascending order, as "
        "one text, or null",
        lambda value, *_: value is None or are_fingerprints(value),
    ),
    Rule(
        "versions",
        f"at most {MOST_VERSIONS} names with versions, each of 1 to 64 letters, digits and . _ + -",
        _is_versions,
    ),
    Rule("threshold", "for two classes a float over 0, at most 1, or null", _is_threshold),
    Rule("normalize", '"l2" or null', _one_of("l2", None)),
    Rule("fit", f"{_quoted(FITS)}, or null", _one_of(*FITS, None)),
    Rule(
        "features",
        f"of models of uint8 images, input_shape, as image_shape, and steps: 1 to "
        f"{MOST_FEATURE_STEPS} objects, each with name, version and parameters, these at most "
        f"{MOST_FEATURE_VALUES} texts, numbers, true or false by name; or null",
        _is_features,
    ),
    Rule(
        "multi_label",
        "true where classes are labels of which a row has any number, without threshold, positive "
        "and rest, or null",
        _is_multi_label,
    ),
    Rule(
        "certificate",
        f"an object with the fields below, {' and '.join(sorted(OPTIONAL))} if they are known, "
        "and no others",
        _is_certificate,
    ),
    *CERTIFICATE_RULES,
)


def first_broken(facts: Facts, shape: tuple[int, int]) -> Rule | None:
    """Return the first rule that facts break, or None."""
    return next((rule for rule in RULES if not rule.holds(rule.value(facts), facts, shape)), None)
