"""Feature steps one after another, from their text to a model file and back."""

from __future__ import annotations

import json
import math
import os
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels
from imlogit.errors import DataError, ParameterError
from imlogit.features.parameters import Plain, parse_parameter
from imlogit.features.step import Files, FittedStep, NoFeaturesError, Step
from imlogit.features.table import STEPS
from imlogit.system.text import first_of, nearest

# What passes from one step to the next is held for so many images at a time.
CHUNK_ROWS = 2048
MOST_STEPS = 8


@dataclass(frozen=True)
class Chain:
    """Feature steps in their order, before they have seen images.

    Parameters
    ----------
    steps : tuple of Step
        One or more; all but the last make images.

    Raises
    ------
    ParameterError
    """

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= MOST_STEPS:
            raise _refused(f"has {len(self.steps)} steps: give 1 to {MOST_STEPS}")
        for step, after in zip(self.steps, self.steps[1:], strict=False):
            if not step.makes_images:
                raise _refused(
                    f"has {after.name} after {step.name}, which makes features, no images: let "
                    f"{step.name} be the last"
                )

    @classmethod
    def parse(cls, text: str) -> Chain:
        """Return the steps that a text such as "deskew+patches:filters=512,size=6" names.

        Raises
        ------
        ParameterError
            Names the step or the parameter that is not known, and the nearest that is.
        """
        return cls(tuple(_parse_step(part) for part in _parts_of(text)))

    def __str__(self) -> str:
        return "+".join(step.text for step in self.steps)

    @property
    def is_pixels(self) -> bool:
        """Whether images stay as they are."""
        return all(step.name == "pixels" for step in self.steps)

    def fit(self, images: Pixels, *, seed: int = 0) -> FittedChain:
        """Fit every step to training images, each to what the one before makes of them.

        Parameters
        ----------
        images : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
        seed : int
            The same seed and images give the same bits.

        Raises
        ------
        DataError
            For images of a shape or content that a step cannot work with.
        """
        fitted: list[FittedStep] = []
        for position, step in enumerate(self.steps):
            fitted.append(step.fit(images, seed=seed))
            if position + 1 < len(self.steps):
                images = fitted[-1].transform(images)
        return FittedChain(tuple(fitted))


@dataclass(frozen=True, eq=False)
class FittedChain:
    """Feature steps that have seen their training images.

    Parameters
    ----------
    steps : tuple of FittedStep
    """

    steps: tuple[FittedStep, ...]

    def __str__(self) -> str:
        return "+".join(map(str, self.steps))

    @property
    def chain(self) -> Chain:
        """The steps before they were fitted."""
        return Chain(tuple(fitted.step for fitted in self.steps))

    @property
    def is_pixels(self) -> bool:
        """Whether images stay as they are."""
        return self.chain.is_pixels

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one image, (h, w) or (h, w, c)."""
        return self.steps[0].input_shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of what becomes of one image."""
        return self.steps[-1].output_shape

    @property
    def n_features(self) -> int:
        """How many numbers become of one image."""
        return math.prod(self.output_shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the features."""
        return self.steps[-1].dtype

    @property
    def remarks(self) -> dict[str, str]:
        """What is to be known of the steps, as short texts by what they are about."""
        return {about: said for step in self.steps for about, said in step.remarks.items()}

    @property
    def backbone(self) -> Files | None:
        """The files of the network that a step runs, if one does."""
        return next((step.files for step in self.steps if step.files is not None), None)

    @property
    def adds_up(self) -> bool:
        """Whether the shares of pixels add up to the margin."""
        return self.steps[-1].adds_up

    @property
    def scale(self) -> float:
        """What the features are multiplied by, to be comparable to pixels / 255."""
        return self.steps[-1].scale

    def transform(self, images: Pixels, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the features of images, made in blocks on all threads.

        Parameters
        ----------
        images : ndarray of uint8, shape (n, *input_shape)
        out : ndarray of `dtype`, shape (n, n_features), optional
            In C order; where to write, in memory or mapped.

        Returns
        -------
        ndarray of `dtype`, shape (n, n_features)
            The same bits for any number of threads; where images stay as they are, a view.

        Raises
        ------
        DataError
            For images of another shape or type than those of the fit.
        """
        self.steps[0].check(images)
        if self.is_pixels and out is None:
            return images.reshape(len(images), self.n_features)
        made = np.empty((len(images), self.n_features), self.dtype) if out is None else out
        self._check_out(made, len(images))
        for start in range(0, len(images), CHUNK_ROWS):
            chunk = images[start : start + CHUNK_ROWS]
            for fitted in self.steps[:-1]:
                chunk = fitted.transform(chunk)
            place = made[start : start + CHUNK_ROWS].reshape(len(chunk), *self.output_shape)
            try:
                self.steps[-1].transform(chunk, place)
            except NoFeaturesError as error:
                raise error.after(start) from None
        return made

    def evidence(self, images: Pixels, weights: Floats) -> Floats:
        """Return each pixel's share of the margin, which is their sum and the intercept.

        Where shares do not add up they are by occlusion, as `OpaqueStep` says.

        Parameters
        ----------
        images : ndarray of uint8, shape (n, *input_shape)
            A few: the shares are float64.
        weights : ndarray of float64, shape (n_features,)
            As fitted to the features times `scale`.

        Returns
        -------
        ndarray of float64, shape (n, *input_shape)
        """
        self.steps[0].check(images)
        stages = [images]
        for fitted in self.steps[:-1]:
            stages.append(fitted.transform(stages[-1]))
        shares = self.steps[-1].evidence(stages[-1], weights)
        for fitted, stage in zip(self.steps[-2::-1], stages[-2::-1], strict=True):
            shares = fitted.spread(stage, shares)
        return shares

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return what a model file keeps: a description for JSON, and arrays by name."""
        described = [
            {
                "name": fitted.name,
                "version": fitted.step.version,
                "parameters": fitted.parameters,
            }
            for fitted in self.steps
        ]
        arrays = {
            f"{position}.{name}": array
            for position, fitted in enumerate(self.steps)
            for name, array in fitted.arrays.items()
        }
        return {"input_shape": list(self.input_shape), "steps": described}, arrays

    @classmethod
    def from_parts(
        cls,
        described: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
        backbone: str | os.PathLike[str] | None = None,
    ) -> FittedChain:
        """Return the steps that `to_parts` described, whoever wrote them.

        Parameters
        ----------
        described, arrays
            As `to_parts` returned them.
        backbone : path-like, optional
            Where the file lies that a step names, if one does.

        Raises
        ------
        DataError
            In one line, for whatever no fitted chain has: an unknown step or version, a parameter
            out of bounds, an array too many, of another shape or type, or not finite.
        """
        chain = Chain(tuple(map(_described_step, _steps_of(described))))
        shape = _shape_of(described)
        wanted = [f"{position}." for position in range(len(chain.steps))]
        strange = [name for name in arrays if not name.startswith(tuple(wanted))]
        if strange:
            raise DataError(f"no feature step has the arrays {first_of(strange)}")
        fitted: list[FittedStep] = []
        for step, prefix in zip(chain.steps, wanted, strict=True):
            step = step.at(backbone)
            step.check_shape(shape)
            own = {
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            }
            _check_arrays(step, shape, own)
            fitted.append(step.restore(shape, own))
            shape = fitted[-1].output_shape
        return cls(tuple(fitted))

    def _check_out(self, out: NDArray[Any], n_images: int) -> None:
        wanted = (n_images, self.n_features)
        if out.shape != wanted or out.dtype != self.dtype or not out.flags.c_contiguous:
            raise DataError(
                f"out is of shape {out.shape} and type {out.dtype}: give {wanted} of {self.dtype}, "
                "in C order"
            )


def _refused(what: str) -> ParameterError:
    return ParameterError(f"features {what}", parameter="features")


def _parts_of(text: str) -> list[str]:
    """Split a text at +; what follows a step that is given a file may hold any letters."""
    files = "|".join(name for name, kind in STEPS.items() if kind.positional)
    last = re.search(rf"(?:^|\+)\s*(?:{files})\s*:", text)
    if last is None:
        return text.split("+")
    before = text[: last.start()].split("+") if last.start() else []
    return [*before, text[last.start() :].removeprefix("+")]


def _split_parameters(text: str, kind: type[Step]) -> list[str]:
    """Return what stands between commas, the first with the name of its parameter."""
    if not kind.positional:
        return text.split(",")
    first = re.split(r",(?=\s*\w+\s*=)", text, maxsplit=1)
    return [f"{kind.positional}={first[0]}", *(first[1].split(",") if first[1:] else ())]


def _parse_step(text: str) -> Step:
    """Return the step that a text such as "patches:filters=512,size=6" names."""
    name, colon, rest = (piece.strip() for piece in text.partition(":"))
    kind = _kind_of(name)
    known = {field.name: field for field in fields(kind)}
    given: dict[str, Plain] = {}
    if kind.positional and not rest:
        raise _refused(f"has {name} without a {kind.positional}: write {name}:PATH")
    for part in _split_parameters(rest, kind) if colon else []:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise _refused(f"has {part!r} after {name}: write {name}:parameter=value")
        if key in given:
            raise _refused(f"gives {key} of {name} twice")
        if key not in known:
            takes = f"takes {first_of(list(known))}" if known else "takes no parameters"
            raise _refused(f"has {key!r}: {name} {takes}.{nearest(key, known)}")
        try:
            given[key] = parse_parameter(known[key], value)
        except ParameterError as error:
            raise _refused(f"has a {name} whose {error}") from None
    return kind(**given)


def _kind_of(name: str) -> type[Step]:
    if name not in STEPS:
        steps = ", ".join(STEPS)
        raise _refused(
            f"has {reprlib.repr(name)}, which is no step: there are {steps}.{nearest(name, STEPS)}"
        )
    return STEPS[name]


def _steps_of(described: Any) -> Sequence[Any]:
    steps = described.get("steps") if isinstance(described, Mapping) else None
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
        raise DataError(f"features must have 1 to {MOST_STEPS} steps, not {reprlib.repr(steps)}")
    return steps


def _shape_of(described: Mapping[str, Any]) -> tuple[int, ...]:
    shape = described.get("input_shape")
    good = isinstance(shape, list) and len(shape) in (2, 3)
    if not good or not all(type(one) is int and 1 <= one <= 65_536 for one in shape or ()):
        raise DataError(f"features have the image shape {reprlib.repr(shape)}")
    return tuple(shape or ())


def _described_step(described: Any) -> Step:
    if not isinstance(described, dict) or set(described) != {"name", "version", "parameters"}:
        raise DataError(f"a feature step is described as {reprlib.repr(described)}")
    name, version = described["name"], described["version"]
    parameters = described["parameters"]
    try:
        kind = _kind_of(str(name))
        known = {field.name for field in fields(kind)}
        if not isinstance(parameters, dict) or set(parameters) | set(kind.later) != known:
            raise DataError(
                f"the feature step {name} has the parameters {reprlib.repr(parameters)}, not "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        step = kind(**parameters)
    except ParameterError as error:
        raise DataError(str(error)) from None
    if version != kind.version or type(version) is not int:
        raise DataError(
            f"the feature step {name} is of version {reprlib.repr(version)}, and this imlogit "
            f"makes version {kind.version}: fit the model again"
        )
    return step


def _check_arrays(step: Step, shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]) -> None:
    kinds = step.array_kinds(shape)
    if set(arrays) != set(kinds):
        raise DataError(
            f"the feature step {step.name} has the arrays {json.dumps(sorted(arrays))}, not "
            f"{json.dumps(sorted(kinds))}"
        )
    for name, kind in kinds.items():
        array = arrays[name]
        if array.shape != kind.shape or array.dtype.name != kind.dtype:
            raise DataError(
                f"{name} of the feature step {step.name} is {array.dtype} of shape {array.shape}, "
                f"not {kind.dtype} of {kind.shape}"
            )
        if not np.isfinite(array).all():
            raise DataError(f"{name} of the feature step {step.name} is not finite")
