"""A Python function in the place of feature steps: only for as long as the process lives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Pixels
from imlogit.errors import DataError
from imlogit.features.chain import FittedChain
from imlogit.features.opaque import OpaqueStep, refuse_unfinite
from imlogit.features.parameters import free_text
from imlogit.features.step import FittedStep, NoFeaturesError, Step, check_pixels

Function = Callable[[Pixels], Any]
MOST_NAME = 100


@dataclass(frozen=True)
class PythonStep(Step):
    """What a function is called: no file holds more of it, so that it is no step of the table."""

    name: ClassVar[str] = "python"  # which `imlogit.model.persist` refuses to save

    function: str = free_text("its name")

    def restore(
        self, input_shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]
    ) -> FittedStep:
        """Refuse: a name is no function."""
        del input_shape, arrays
        raise DataError(f"the function {self.function} is not known here")


@dataclass(frozen=True, eq=False)
class FittedPython(OpaqueStep):
    """A function of images of one shape.

    Parameters
    ----------
    step, input_shape, arrays
        As of `FittedStep`.
    call : callable
        Takes images (n, h, w) or (n, h, w, c) of uint8, and returns numbers, a row for each.
    width : int
        How many numbers an image has.
    """

    call: Function = field(repr=False)
    width: int

    dtype: ClassVar[np.dtype[Any]] = np.dtype(np.float32)
    chunk_rows: ClassVar[int] = 256

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(features,)."""
        return (self.width,)

    def transform(self, images: Pixels, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return what the function says of images, some of them at a time."""
        self.check(images)
        made = np.empty((len(images), self.width), self.dtype) if out is None else out
        for start in range(0, len(images), self.chunk_rows):
            rows = slice(start, start + self.chunk_rows)
            try:
                self.fill(images[rows], made[rows])
            except NoFeaturesError as error:
                raise error.after(start) from None
        return made

    def fill(self, images: Pixels, out: NDArray[Any]) -> None:
        """Write what the function says of a few images."""
        found = _rows_of(self.call, images)
        if found.shape[1] != self.width:
            raise DataError(
                f"features={self.step.text}: {found.shape[1]:,} numbers an image, and "
                f"{self.width:,} before: return as many of every image",
                parameter="features",
            )
        out[:] = found
        refuse_unfinite(out, "the function")


def function_chain(call: Function, images: Pixels) -> FittedChain:
    """Return a function of images as steps that were fitted.

    Parameters
    ----------
    call : callable
    images : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
        The training images, the first of which is tried.

    Raises
    ------
    DataError
        For a function that does not return rows of numbers.
    """
    check_pixels(images)
    width = _rows_of(call, images[:1]).shape[1]
    step = PythonStep(name_of(call))
    return FittedChain((FittedPython(step, images.shape[1:], {}, call, width),))


def name_of(call: Function) -> str:
    """Return what a function is called."""
    return str(getattr(call, "__name__", type(call).__name__))[:MOST_NAME]


def _rows_of(call: Function, images: Pixels) -> NDArray[Any]:
    found = np.asarray(call(images))
    if found.dtype.kind not in "fiub" or found.ndim != 2 or len(found) != len(images):
        raise DataError(
            f"features={name_of(call)}: of {len(images):,} images it returned {found.dtype} of "
            f"shape {found.shape}: return an array of numbers with a row for each image",
            parameter="features",
        )
    if not found.shape[1]:
        raise DataError(f"features={name_of(call)} returned no numbers", parameter="features")
    return found.astype(np.float32)
