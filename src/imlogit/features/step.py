"""The contract of a feature step: images in, images or features out, a block of rows at a time."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels
from imlogit.errors import DataError
from imlogit.features.parameters import Plain, check_parameter
from imlogit.system.text import by
from imlogit.system.threads import Team

# Rows that one call of a thread makes: few enough to keep every thread busy.
BLOCK_ROWS = 32
WHITE = 255


class NoFeaturesError(DataError):
    """One image of which a step makes no features.

    Attributes
    ----------
    row : int
        Which, of those that were given.
    what : str
        Why.
    """

    def __init__(self, row: int, what: str, where: str = "") -> None:
        super().__init__(f"{where or f'image {row}'}: {what}", parameter="features")
        self.row = row
        self.what = what

    def after(self, n_rows: int) -> NoFeaturesError:
        """Return the same error, where so many rows stand before."""
        return NoFeaturesError(self.row + n_rows, self.what)

    def named(self, where: str) -> NoFeaturesError:
        """Return the same error with what the image is called."""
        return NoFeaturesError(self.row, self.what, where)


class ArrayKind(NamedTuple):
    """What an array of a fitted step must be."""

    shape: tuple[int, ...]
    dtype: str


class Files(NamedTuple):
    """A file that a step needs, and those that it needs in turn.

    Attributes
    ----------
    file : Path
    others : tuple of str
        Below its folder.
    """

    file: Path
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step(ABC):
    """What is to be done to images, before it has seen any: a name and parameters.

    A step is a frozen dataclass whose fields are its parameters, made by the functions in
    `imlogit.features.parameters`.

    Attributes
    ----------
    name : str
        What it is called in ``features="deskew+hog"`` and in a model file.
    version : int
        Of its code; another one makes other numbers.
    makes_images : bool
        Whether another step may follow.
    positional : str
        The parameter that is written first, without its name; it may hold any letters.
    later : tuple of str
        Parameters that files of older versions lack: what these did is the usual.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    makes_images: ClassVar[bool] = False
    positional: ClassVar[str] = ""
    later: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, check_parameter(field, getattr(self, field.name)))

    @property
    def parameters(self) -> dict[str, Plain]:
        """Every parameter by name: whole numbers, floats, texts, True or False."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def text(self) -> str:
        """The step as it is written, with the parameters that are not the usual ones."""
        usual = type(self)().parameters
        given = [
            _value_text(value) if key == self.positional else f"{key}={_value_text(value)}"
            for key, value in sorted(self.parameters.items(), key=self._place)
            if value != usual[key]
        ]
        return f"{self.name}:{','.join(given)}" if given else self.name

    def _place(self, parameter: tuple[str, Plain]) -> bool:
        return parameter[0] != self.positional

    @property
    def least_side(self) -> int:
        """The least height and width of images that the step can work with."""
        return 1

    def check_shape(self, image_shape: tuple[int, ...]) -> None:
        """Refuse images of a shape that the step cannot work with.

        Raises
        ------
        DataError
        """
        if min(image_shape[:2]) < self.least_side:
            raise DataError(
                f"{self.name} with {self._in_words()} needs images of {self.least_side} x "
                f"{self.least_side} or more, and these are {by(image_shape[:2])}: choose smaller "
                "parameters, or larger images"
            )

    def at(self, place: str | os.PathLike[str] | None) -> Self:
        """Return the step with the file that it names at a place, of those that name one."""
        del place
        return self

    def _in_words(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.parameters.items())

    def array_kinds(self, image_shape: tuple[int, ...]) -> dict[str, ArrayKind]:
        """Return what the fitted step's arrays are for images of a shape, by name."""
        del image_shape
        return {}

    def learn(self, images: Pixels, seed: int) -> dict[str, NDArray[Any]]:
        """Return the fitted step's arrays, from training images alone."""
        del images, seed
        return {}

    @abstractmethod
    def restore(
        self, input_shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]
    ) -> FittedStep:
        """Return the fitted step of these arrays, which are known to be as `array_kinds` says."""

    def fit(self, images: Pixels, *, seed: int) -> FittedStep:
        """Fit to training images.

        Parameters
        ----------
        images : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
        seed : int
            The same seed and images give the same bits.

        Raises
        ------
        DataError
            For images of a shape or content that the step cannot work with.
        """
        check_pixels(images)
        self.check_shape(images.shape[1:])
        return self.restore(images.shape[1:], self.learn(images, seed))


@dataclass(frozen=True, eq=False)
class FittedStep(ABC):
    """A step that has seen its training images.

    Parameters
    ----------
    step : Step
    input_shape : tuple of int
        (h, w) or (h, w, c).
    arrays : mapping of str to ndarray
        What was learnt, for a model file; read-only.
    """

    step: Step
    input_shape: tuple[int, ...]
    arrays: Mapping[str, NDArray[Any]]

    dtype: ClassVar[np.dtype[Any]] = np.dtype(np.uint8)
    """Of what it makes: uint8, float16 or float32."""
    adds_up: ClassVar[bool] = True
    """Whether the shares of pixels add up to the margin."""
    chunk_rows: ClassVar[int] = 2048
    """So many images are made at a time where somebody waits for news, or may interrupt."""

    def __post_init__(self) -> None:
        own = {name: _read_only(array) for name, array in self.arrays.items()}
        object.__setattr__(self, "arrays", own)

    @property
    def name(self) -> str:
        """The step's name."""
        return self.step.name

    @property
    def parameters(self) -> dict[str, Plain]:
        """The step's parameters."""
        return self.step.parameters

    @property
    @abstractmethod
    def output_shape(self) -> tuple[int, ...]:
        """Of what it makes of one image: (h, w[, c]), or (rows, columns, features) of cells."""

    @property
    def code(self) -> str:
        """What else than the step's version its numbers may depend on."""
        return ""

    @property
    def remarks(self) -> dict[str, str]:
        """What is to be known of the step, as short texts by what they are about."""
        return {}

    @property
    def files(self) -> Files | None:
        """The files that the step needs beside the model file, if it does."""
        return None

    def __str__(self) -> str:
        return self.step.text

    @property
    def scale(self) -> float:
        """What its numbers are multiplied by, to be comparable to pixels / 255."""
        return 1 / WHITE if self.dtype == np.uint8 else 1.0

    @cached_property
    def n_features(self) -> int:
        """How many numbers it makes of one image."""
        return math.prod(self.output_shape)

    def transform(self, images: Pixels, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return what becomes of images, made on all threads.

        Parameters
        ----------
        images : ndarray of uint8, shape (n, *input_shape)
        out : ndarray of `dtype`, shape (n, *output_shape), optional
            In C order; where to write, in memory or mapped.

        Returns
        -------
        ndarray of `dtype`, shape (n, *output_shape)
            The same bits for any number of threads.

        Raises
        ------
        DataError
            For images of another shape or type than those of the fit.
        """
        self.check(images)
        shape = (len(images), *self.output_shape)
        made = np.empty(shape, self.dtype) if out is None else out

        def work(rows: slice) -> None:
            self.fill(np.ascontiguousarray(images[rows]), made[rows])

        by_blocks(len(images), work)
        return made

    @abstractmethod
    def fill(self, images: Pixels, out: NDArray[Any]) -> None:
        """Write what becomes of a few images to ``out``; called by several threads at once."""

    @abstractmethod
    def spread(self, images: Pixels, shares: Floats) -> Floats:
        """Return what each pixel carries, of what each number that is made carries.

        Parameters
        ----------
        images : ndarray of uint8, shape (n, *input_shape)
        shares : ndarray of float64, shape (n, *output_shape)
            Such as each feature times its weight, which add up to the margin.

        Returns
        -------
        ndarray of float64, shape (n, *input_shape)
            An image's sum is that of its shares.
        """

    def evidence(self, images: Pixels, weights: Floats) -> Floats:
        """Return each pixel's share of the margin, which is their sum and the intercept.

        Parameters
        ----------
        images : ndarray of uint8, shape (n, *input_shape)
        weights : ndarray of float64, shape (n_features,)
            As fitted to the features times `scale`.

        Returns
        -------
        ndarray of float64, shape (n, *input_shape)
        """
        features = self.transform(images).astype(np.float64)
        return self.spread(images, features * self.scale * weights.reshape(self.output_shape))

    @property
    def recipe(self) -> dict[str, Any] | None:
        """What any program needs to make the same, as docs/export.md says; None if it cannot."""
        return None

    def picture(self) -> Pixels | None:
        """Return what the step looks for, as one picture (h, w[, 3]); None where it has none."""
        return None

    def check(self, images: Pixels) -> None:
        """Refuse images of another shape or type than those of the fit."""
        check_pixels(images)
        if images.shape[1:] != self.input_shape:
            raise DataError(
                f"{self.name} was fitted on images of shape {by(self.input_shape)} and got images "
                f"of shape {by(images.shape[1:])}: resize or transpose them"
            )


def _value_text(value: Plain) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value) if isinstance(value, float) else str(value)


def by_blocks(n_rows: int, work: Callable[[slice], None]) -> None:
    """Call ``work`` on blocks of rows, on all threads; the blocks depend on nothing else."""
    with Team() as team:

        def share(first: int, last: int) -> None:
            for block in range(first, last):
                work(slice(block * BLOCK_ROWS, (block + 1) * BLOCK_ROWS))

        if n_rows:
            team.share(share, -(-n_rows // BLOCK_ROWS))


def check_pixels(images: Any) -> None:
    """Refuse what is not images of uint8.

    Raises
    ------
    DataError
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
        raise DataError(f"feature steps take images of uint8, and got {kind}: scale to 0..255")
    if images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise DataError(
            f"feature steps take images (n, height, width) or (n, height, width, channels), and "
            f"got the shape {images.shape}"
        )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    own = np.array(array, order="C", copy=True)
    own.setflags(write=False)
    return own
