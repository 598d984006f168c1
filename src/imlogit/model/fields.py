"""The fields of a model file, and what each of them must be."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from imlogit.errors import ModelFileError
from imlogit.model.rules import FEATURE_ARRAY, MOST_WEIGHT, first_broken
from imlogit.system.summarized import Summarized
from imlogit.system.text import by

_SAVE_AGAIN = "Fit and save the model again."


@dataclass(frozen=True, eq=False, repr=False)
class SavedModel(Summarized):
    """What a model file holds; checked when it is made, whether from a fit or from a file.

    `imlogit.model.rules` has the table of what each field may be.

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
    features : dict or None
        What becomes of images before they are multiplied, as `FittedChain.to_parts` describes it;
        None where they stay as they are. `coef` then has a column for each feature, and
        `pixel_scale` multiplies features.
    multi_label : bool or None
        True where a row has any number of labels: then `classes` are the labels, one row of `coef`
        each, of which a row has those that are more probable than not.
    feature_arrays : dict of str to ndarray of float32
        What the feature steps learnt, as `FittedChain.to_parts` names it.
    maker : FittedChain, path or None
        What makes the features, where it is at hand: the steps themselves, or the file that one of
        them names. No file holds it.

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
    features: dict[str, Any] | None = None
    multi_label: bool | None = None
    feature_arrays: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    maker: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_weights(self.coef, self.intercept)
        _check_feature_arrays(self.feature_arrays, self.features is not None)
        facts = {f.name: getattr(self, f.name) for f in fields(self)}
        check_facts(facts, self.coef.shape)
        own: dict[str, Any] = {
            "coef": _frozen_copy(self.coef),
            "intercept": _frozen_copy(self.intercept),
            "certificate": _json_copy("certificate", self.certificate),
            "versions": _json_copy("versions", self.versions),
            "feature_arrays": {
                name: _frozen_copy(array, "<f4") for name, array in self.feature_arrays.items()
            },
        }
        if self.features is not None:
            own["features"] = _json_copy("features", self.features)
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


def check_facts(facts: Mapping[str, Any], shape: tuple[int, ...]) -> None:
    """Refuse facts that no model has, before there is anything made of them.

    Parameters
    ----------
    facts : mapping
        The fields of `SavedModel` by name; those of the weights are not looked at.
    shape : tuple of int
        The weights' (k, d).

    Raises
    ------
    ModelFileError
        Names the field and what it may be.
    """
    rule = first_broken(facts, (shape[0], shape[1]))
    if rule is not None:
        _demand(False, rule.field, rule.allowed, rule.value(facts))


def _check_weights(coef: Any, intercept: Any) -> None:
    for name, value, ndim in (("coef", coef, 2), ("intercept", intercept, 1)):
        is_weights = isinstance(value, np.ndarray) and value.dtype == np.float64
        _demand(is_weights and value.ndim == ndim, name, f"a {ndim}-D float64 array", value)
        _demand(value.size > 0, name, "without an empty side", value.shape)
        finite = bool(np.isfinite(value).all())
        _demand(finite, name, "finite, without NaN or infinity", value)
        small = max(-value.min(), value.max()) <= MOST_WEIGHT
        _demand(small, name, f"from {-MOST_WEIGHT:g} to {MOST_WEIGHT:g}", value)
    _demand(len(intercept) == len(coef), "intercept", f"{len(coef)} numbers", intercept.shape)


def _check_feature_arrays(arrays: Any, has_features: bool) -> None:
    for name, array in arrays.items():
        named = has_features and isinstance(name, str) and FEATURE_ARRAY.fullmatch(name) is not None
        _demand(named, "feature_arrays", "named POSITION.NAME, of feature steps", name)
        is_array = isinstance(array, np.ndarray) and array.dtype == np.float32
        _demand(is_array and array.ndim > 0, "feature_arrays", "arrays of float32", array)
        _demand(array.size > 0, "feature_arrays", "without an empty side", array.shape)


def _demand(good: bool, name: str, demand: str, value: object) -> None:
    if not good:
        refuse(f"{name} must be {demand}, not {reprlib.repr(value)}", _SAVE_AGAIN)


def _frozen_copy(array: NDArray[Any], dtype: str = "<f8") -> NDArray[Any]:
    own = np.array(array, dtype=dtype, order="C", copy=True)
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
