"""The step that leaves images as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels
from imlogit.features.step import FittedStep, Step


@dataclass(frozen=True)
class PixelsStep(Step):
    """The pixels themselves."""

    name: ClassVar[str] = "pixels"
    makes_images: ClassVar[bool] = True

    def restore(
        self, input_shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]
    ) -> FittedPixels:
        """Return the fitted step, which has no arrays."""
        return FittedPixels(self, input_shape, arrays)


class FittedPixels(FittedStep):
    """The pixels themselves, of images of one shape."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        """That of an image."""
        return self.input_shape

    @property
    def recipe(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def transform(self, images: Pixels, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the images themselves, without a copy unless there is an ``out``."""
        self.check(images)
        if out is None:
            return images
        out[:] = images
        return out

    def fill(self, images: Pixels, out: NDArray[Any]) -> None:
        """Copy a few images."""
        np.copyto(out, images)

    def spread(self, images: Pixels, shares: Floats) -> Floats:
        """Return the shares as they are: each feature is a pixel."""
        del images
        return shares
