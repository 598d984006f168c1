"""The fields of a model file, and what each of them must be."""

from __future__ import annotations

import json
import math
import re
import reprlib
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from imlogit.core.certificate import REASONS
from imlogit.errors import ModelFileError
from imlogit.model.fingerprints import are_fingerprints
from imlogit.system.summarized import Summarized
from imlogit.system.text import by

_CLASS_TYPES = {"str": str, "int": int, "float": float, "bool": bool}
_INT64 = range(-(2**63), 2**63)
_MAX_DIMENSIONS = 32
_FITS = ("crop", "pad", "stretch")
_SAVE_AGAIN = "Fit and save the model again."


@dataclass(frozen=True, eq=False, repr=False)
class SavedModel(Summarized):
    """What a model file holds; checked when it is made, whether from a fit or from a file.

    Parameters
    ----------
    coef : ndarray of float64, shape (k, d)
        Weights, one row per class; one row in all for two classes.
    intercept : ndarray of float64, shape (k,)
        Intercepts.
    classes : tuple of str, int, float or bool
        The class labels, two or more, in the order of the rows of `coef`.
    classes_dtype : {"str", "int", "float", "bool"}
        The type that every label has.
    image_shape : tuple of int or None
        The shape of one image, (h, w) or (h, w, c); None if the rows were not images.
    pixel_scale : float
        The number that every pixel is multiplied by.
    fitted_dtype : str
        The dtype of the data that the model was fitted on, such as "uint8".
    multi_class : {"ovr", "multinomial"}
        One against the rest, or the softmax.
    data_name : str or None
        The name of the data set.
    data_sha256 : str or None
        The SHA-256 of the data set, 64 lowercase hexadecimal digits.
    positive : str or None
        The label looked for, where the model tells one class from all others: of two classes, the
        second, which is True or 1 or has this name.
    certificate : dict
        What is proven about the fit, as `imlogit.Certificate.to_dict` has it, with ``C`` as text
        and ``fit_intercept``. JSON values only (lists, not tuples; no NaN or infinity), no times.
    versions : dict of str to str
        Library versions by name.
    threshold : float or None
        For two classes, the probability from which on the second is given, over 0 and at most 1.
    normalize : "l2" or None
        The norm that every row is divided by.
    fit : {"crop", "pad", "stretch"} or None
        How images of other sizes are brought to `image_shape`, as those of the fit were; None where
        all had it.
    rest : tuple of str or None
        Where `positive` is what True or 1 is called, the names of all other classes that the images
        of the fit had, one or more; None where they are not known.
    fingerprints : str or None
        By which images of the fit are known again, as `fingerprints_of` returns them.

    Raises
    ------
    ModelFileError
        If a field is not what is said here, or if a weight is not finite.
    """

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    classes: tuple[str | int | float | bool, ...]
    classes_dtype: str
    image_shape: tuple[int, ...] | None
    pixel_scale: float
    fitted_dtype: str
    multi_class: str
    data_name: str | None
    data_sha256: str | None
    positive: str | None
    certificate: dict[str, Any]
    versions: dict[str, str]
    threshold: float | None = None
    normalize: str | None = None
    fit: str | None = None
    rest: tuple[str, ...] | None = None
    fingerprints: str | None = None

    def __post_init__(self) -> None:
        _check_weights(self.coef, self.intercept)
        _check_classes(self.classes, self.classes_dtype, len(self.coef))
        _check_others(self)
        own: dict[str, Any] = {
            "coef": _frozen_copy(self.coef),
            "intercept": _frozen_copy(self.intercept),
            "certificate": _json_copy("certificate", self.certificate),
            "versions": _json_copy("versions", self.versions),
        }
        _check_certificate(own["certificate"])
        for name, value in own.items():
            object.__setattr__(self, name, value)

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called: "not 2" and "2" where 2 is told from more than one."""
        if self.against_rest is not None:
            return f"not {self.against_rest}", self.against_rest
        if self.rest is not None and self.positive is not None:
            return *self.rest, self.positive
        return tuple(map(str, self.classes))

    @property
    def against_rest(self) -> str | None:
        """The label that is told from whatever else there is; None where classes have names."""
        if self.rest is not None:
            return self.positive if len(self.rest) > 1 else None
        return None if str(self.classes[1]) == self.positive else self.positive

    @property
    def codes_by_label(self) -> dict[str, int]:
        """The class of every label that the model knows.

        Of "2" against the rest that is nothing where the other labels are not known: with those
        of one side alone, whatever is counted would be of that side.
        """
        if self.against_rest is None:
            return {name: code for code, name in enumerate(self.names)}
        if self.rest is None:
            return {}
        return {**dict.fromkeys(self.rest, 0), self.against_rest: 1}

    def _summary(self) -> dict[str, str]:
        return {
            "classes": f"{len(self.classes):,}",
            "weights": f"{self.coef.size:,}",
            "images": by(self.image_shape) if self.image_shape else "none",
        }


def dumps(value: object) -> str:
    """Return JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def refuse(what: str, advice: str) -> NoReturn:
    """Raise the error that says what is wrong and what to do."""
    raise ModelFileError(f"{what}. {advice}")


def _check_weights(coef: Any, intercept: Any) -> None:
    for name, value, ndim in (("coef", coef, 2), ("intercept", intercept, 1)):
        is_weights = isinstance(value, np.ndarray) and value.dtype == np.float64
        _demand(is_weights and value.ndim == ndim, name, f"a {ndim}-D float64 array", value)
        _demand(value.size > 0, name, "without an empty side", value.shape)
        _demand(bool(np.isfinite(value).all()), name, "finite, without NaN or infinity", value)
    _demand(len(intercept) == len(coef), "intercept", f"{len(coef)} numbers", intercept.shape)


def _check_classes(classes: Any, dtype: Any, k: int) -> None:
    _demand(dtype in tuple(_CLASS_TYPES), "classes_dtype", f"one of {list(_CLASS_TYPES)}", dtype)
    _demand(isinstance(classes, tuple) and len(classes) >= 2, "classes", "two or more", classes)
    for label in classes:
        good = type(label) is _CLASS_TYPES[dtype]
        good = good and (dtype != "int" or label in _INT64)
        good = good and (dtype != "float" or math.isfinite(label))
        good = good and (dtype != "str" or _is_text(label))
        _demand(good, "classes", f"of type {dtype}, finite, 64 bits at most", label)
    _demand(len(set(classes)) == len(classes), "classes", "all different", classes)
    fits = k == len(classes) or (k == 1 and len(classes) == 2)
    _demand(fits, "classes", f"as many as the rows of weights ({k})", classes)


def _check_others(m: SavedModel) -> None:
    d = m.coef.shape[1]
    holds = {
        "image_shape": (_is_shape(m.image_shape, d), f"None or a tuple whose product is {d}"),
        "pixel_scale": (_is_positive_float(m.pixel_scale), "a finite float over 0"),
        "fitted_dtype": (_is_text(m.fitted_dtype) and m.fitted_dtype != "", "text"),
        "multi_class": (m.multi_class in ("ovr", "multinomial"), '"ovr" or "multinomial"'),
        "data_name": (m.data_name is None or _is_text(m.data_name), "text or None"),
        "data_sha256": (_is_digest(m.data_sha256), "None or 64 hexadecimal digits"),
        "positive": (_is_positive(m), "None, or the name of the second of two classes"),
        "certificate": (isinstance(m.certificate, dict), "a dict"),
        "versions": (_is_text_by_name(m.versions), "text by name"),
        "normalize": (m.normalize in (None, "l2"), '"l2" or None'),
        "rest": (_is_rest(m), "None, or the other labels, where True or 1 is a positive one"),
        "fingerprints": (
            m.fingerprints is None or are_fingerprints(m.fingerprints),
            "None, or fingerprints in their order",
        ),
        "fit": (m.fit in (None, *_FITS), f"None or one of {list(_FITS)}"),
        "threshold": (_is_threshold(m), "None, or for two classes a float over 0, at most 1"),
    }
    for name, (good, demand) in holds.items():
        _demand(good, name, demand, getattr(m, name))


def _check_certificate(c: dict[str, Any]) -> None:
    counts = [c.get(name) for name in ("iterations", "passes")]
    figures = [c.get(name) for name in ("objective", "gap", "relative_gap", "max_gradient")]
    holds = {
        "status": c.get("status") in tuple(REASONS),
        "iterations and passes": all(type(n) is int and n in _INT64 and n >= 0 for n in counts),
        "objective, gaps and gradient": all(x is None or _is_number(x) for x in figures),
        "tol": _is_number(c.get("tol")) and c["tol"] > 0,
        "C": _is_text(c.get("C")) and _is_penalty(c["C"]),
        "fit_intercept": isinstance(c.get("fit_intercept", True), bool),
    }
    for name, good in holds.items():
        _demand(good, "certificate", f"one with its {name}", c)


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < math.inf  # type: ignore[arg-type]


def _is_penalty(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


def _is_positive(m: SavedModel) -> bool:
    if m.positive is None:
        return True
    if len(m.classes) != 2 or not _is_text(m.positive):
        return False
    return m.classes == (False, True) or str(m.classes[1]) == m.positive


def _is_rest(m: SavedModel) -> bool:
    if m.rest is None:
        return True
    if not isinstance(m.rest, tuple) or m.positive is None or m.classes != (False, True):
        return False
    texts = all(map(_is_text, m.rest)) and m.positive not in m.rest
    return texts and 0 < len(m.rest) == len(set(m.rest))


def is_size(value: object) -> bool:
    """Whether a value from JSON can be one side of an array."""
    return type(value) is int and value >= 1


def _is_shape(value: Any, d: int) -> bool:
    if not isinstance(value, tuple):
        return value is None
    few = 1 <= len(value) <= _MAX_DIMENSIONS
    return few and all(map(is_size, value)) and math.prod(value) == d


def _is_positive_float(value: object) -> bool:
    return isinstance(value, float) and 0 < value < math.inf


def _is_threshold(m: SavedModel) -> bool:
    if m.threshold is None:
        return True
    return isinstance(m.threshold, float) and 0 < m.threshold <= 1 and len(m.classes) == 2


def _is_digest(value: object) -> bool:
    return value is None or (
        isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None
    )


def _is_text(value: object) -> bool:
    # Two halves of a surrogate pair would come back from JSON as one character.
    return isinstance(value, str) and json.loads(json.dumps(value)) == value


def _is_text_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _demand(good: bool, name: str, demand: str, value: object) -> None:
    if not good:
        refuse(f"{name} must be {demand}, not {reprlib.repr(value)}", _SAVE_AGAIN)


def _frozen_copy(array: NDArray[np.float64]) -> NDArray[np.float64]:
    own = np.array(array, dtype="<f8", order="C", copy=True)
    own.setflags(write=False)
    return own


def _json_copy(name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Copy through JSON, and refuse what would come back changed (a tuple, a key of 1)."""
    try:
        copied: dict[str, Any] = json.loads(dumps(value))
        good = copied == value
    except (TypeError, ValueError, RecursionError):
        good = False
    _demand(good, name, "made of JSON values only, without NaN or infinity", value)
    return copied
