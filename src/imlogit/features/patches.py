"""The step that compares each place of an image with patches of the training images.

A convolution with whitened patches of contrast-normalised places, rectified both ways, summed over
the cells of a grid (square root), and rounded to bytes. Filters and responses are rounded to whole
numbers that float32 multiplies and adds up exactly: no program that follows the same steps, in
whatever order, comes to another byte. docs/export.md says them.

References
----------
A. Coates and A. Y. Ng, "The importance of encoding versus training with sparse coding and vector
quantization", ICML 2011; L. Thiry, M. Arbel, E. Belilovsky and E. Oyallon, "The unreasonable
effectiveness of patches in deep convolutional kernels methods", ICLR 2021.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels
from imlogit.errors import DataError
from imlogit.features.parameters import choice, real, whole
from imlogit.features.patching import kernels
from imlogit.features.patching.centres import patch_centres
from imlogit.features.patching.whole_numbers import CONTRAST, MOST_LENGTH, Whole, whole_numbers
from imlogit.features.step import WHITE, ArrayKind, FittedStep, Step, by_blocks
from imlogit.system.text import by
from imlogit.system.threads import SingleThreadedBlas

# Added to the variances along the directions of normalised patches, which are about 1.
WHITENING = 0.1
# What whitening is learnt from, and from how many images at most features' ceilings are.
MOST_PATCHES, MOST_IMAGES, MOST_FEATURES = 50_000, 2_000, 2**26
CEILING_QUANTILE = 0.999
# A patch of less variance than this in grey levels shows nothing, and is no filter.
LEAST_VARIANCE = 25.0


@dataclass(frozen=True)
class PatchesStep(Step):
    """Responses to patches of the training images, or centres of these, pooled over a grid."""

    name: ClassVar[str] = "patches"

    filters: int = whole(256, 1, 65_536, "how many patches images are compared with")
    size: int = whole(7, 2, 64, "the side of a patch in pixels")
    grid: int = whole(4, 1, 64, "cells across and down over which responses are summed")
    threshold: float = real(0.25, 0.0, 100.0, "what a response must exceed, either way")
    by: str = choice("random", ("random", "kmeans"), "how patches are found: drawn, or as centres")

    later: ClassVar[tuple[str, ...]] = ("by",)

    @property
    def least_side(self) -> int:
        """What has a place for a patch in every cell."""
        return self.size + self.grid - 1

    def check_shape(self, image_shape: tuple[int, ...]) -> None:
        """Refuse images too small for a patch, and patches of too many numbers.

        Raises
        ------
        DataError
        """
        super().check_shape(image_shape)
        length = self.size**2 * math.prod(image_shape[2:])
        if length > MOST_LENGTH:
            raise DataError(
                f"patches of size={self.size} have {length:,} numbers in images of shape "
                f"{by(image_shape)}, and may have {MOST_LENGTH:,}: choose a smaller size"
            )

    def array_kinds(self, image_shape: tuple[int, ...]) -> dict[str, ArrayKind]:
        """Return what filters, their offsets and the features' ceilings are."""
        length = self.size**2 * math.prod(image_shape[2:])
        return {
            "filters": ArrayKind((self.filters, length), "float32"),
            "offsets": ArrayKind((self.filters,), "float32"),
            "ceilings": ArrayKind((self.grid, self.grid, 2 * self.filters), "float32"),
        }

    def learn(self, images: Pixels, seed: int) -> dict[str, NDArray[Any]]:
        """Return whitened filters, and what the features rarely exceed.

        Raises
        ------
        DataError
            For constant images.
        """
        rng = np.random.default_rng(seed)
        with SingleThreadedBlas():
            filters, offsets = self._filters(images, rng)
        blank = np.zeros((self.grid, self.grid, 2 * self.filters), np.float32)
        arrays = {"filters": filters, "offsets": offsets, "ceilings": blank}
        some = images[self._ceiling_rows(images, rng)]
        fitted = self.restore(images.shape[1:], arrays)
        sums = fitted.sums(some)
        rank = math.ceil(CEILING_QUANTILE * len(sums)) - 1
        usual = np.sqrt(np.partition(sums, rank, axis=0)[rank] / fitted.whole.per_one)
        return {**arrays, "ceilings": usual.astype(np.float32)}

    def restore(
        self, input_shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]
    ) -> FittedPatches:
        """Return the fitted step.

        Raises
        ------
        DataError
            For ceilings below 0.
        """
        if arrays["ceilings"].min() < 0:
            raise DataError("ceilings of the feature step patches are below 0")
        return FittedPatches(self, input_shape, arrays)

    def _filters(
        self, images: Pixels, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return whitened patches of unit length, as filters of normalised patches."""
        patches = self._random_patches(images, rng)
        normal = normalised(patches)
        mean = normal.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(normal.T))
        whitening = vectors / np.sqrt(np.maximum(values, 0) + WHITENING) @ vectors.T
        telling = normal[patches.var(axis=1) >= LEAST_VARIANCE]
        if len(telling) == 0:
            raise DataError(
                "the training images are constant as far as patches are looked at: there is "
                "nothing to compare images with"
            )
        chosen = telling[np.arange(self.filters) % len(telling)]
        directions = (chosen - mean) @ whitening
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        if self.by == "kmeans":
            directions = patch_centres((telling - mean) @ whitening, directions)
        filters = directions @ whitening
        return filters.astype(np.float32), (filters @ mean).astype(np.float32)

    def _random_patches(self, images: Pixels, rng: np.random.Generator) -> Floats:
        """Return patches at random places, a row each."""
        n = MOST_PATCHES
        which = rng.integers(len(images), size=n)
        down = rng.integers(images.shape[1] - self.size + 1, size=n)
        across = rng.integers(images.shape[2] - self.size + 1, size=n)
        windows = np.lib.stride_tricks.sliding_window_view(
            images.reshape(*images.shape[:3], -1), (self.size, self.size), axis=(1, 2)
        )
        found = np.moveaxis(windows[which, down, across], 1, -1)
        return found.reshape(n, -1).astype(np.float64)

    def _ceiling_rows(self, images: Pixels, rng: np.random.Generator) -> NDArray[np.intp]:
        most = max(1, MOST_FEATURES // (self.grid**2 * 2 * self.filters))
        size = min(len(images), MOST_IMAGES, most)
        return np.sort(rng.choice(len(images), size, replace=False))


class FittedPatches(FittedStep):
    """Filters learnt from the training images, for images of one shape."""

    step: PatchesStep

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(rows, columns, features) of the grid: each filter's sums above zero, then below."""
        return self.step.grid, self.step.grid, 2 * self.step.filters

    @property
    def borders(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where cells begin and end, among the places of a patch down and across."""
        cells = np.arange(self.step.grid + 1)
        down, across = (side - self.step.size + 1 for side in self.input_shape[:2])
        return cells * down // self.step.grid, cells * across // self.step.grid

    @cached_property
    def whole(self) -> Whole:
        """Filters, offsets and threshold in whole numbers."""
        n_places = math.prod(int(np.diff(one).max()) for one in self.borders)
        return whole_numbers(
            self.arrays["filters"], self.arrays["offsets"], self.step.threshold, n_places
        )

    @cached_property
    def factors(self) -> NDArray[np.float32]:
        """What sums of responses are multiplied by to be squares of bytes; 0 where none were."""
        squares = np.square(self.arrays["ceilings"].ravel().astype(np.float64)) * self.whole.per_one
        with np.errstate(divide="ignore"):
            return np.where(squares > 0, WHITE**2 / squares, 0.0).astype(np.float32)

    @property
    def recipe(self) -> dict[str, Any]:
        """The whole numbers, and the borders of the cells."""
        rows, columns = self.borders
        return {
            "size": self.step.size,
            "rows": rows,
            "columns": columns,
            "filters": self.whole.filters.astype(np.int32),
            "offsets": self.whole.offsets,
            "threshold": self.whole.threshold,
            "unit": self.whole.unit,
            "added": self.whole.added,
            "factors": self.factors.reshape(self.output_shape),
        }

    def sums(self, images: Pixels) -> NDArray[np.int32]:
        """Return the sums of the rectified responses over each cell, (n, *output_shape)."""
        out = np.empty((len(images), *self.output_shape), np.int32)

        def work(rows: slice) -> None:
            self._pool(np.ascontiguousarray(images[rows]), out[rows])

        by_blocks(len(images), work)
        return out

    def fill(self, images: Pixels, out: NDArray[Any]) -> None:
        """Write the features of a few images."""
        sums = np.empty(out.shape, np.int32)
        self._pool(images, sums)
        flat = len(images), self.n_features
        kernels.quantise(sums.reshape(flat), self.factors, out.reshape(flat))

    def _pool(self, images: Pixels, out: NDArray[np.int32]) -> None:
        kernels.pool_responses(
            images.reshape(*images.shape[:3], -1),
            self.step.size,
            self.whole.added,
            self.whole.unit,
            self.whole.filters,
            self.whole.offsets,
            np.int32(self.whole.threshold),
            *self.borders,
            out,
        )

    def spread(self, images: Pixels, shares: Floats) -> Floats:
        """Return each pixel's part: a cell's shares go to its places as they responded.

        Every pixel of a place carries the same.
        """
        out = np.zeros((*images.shape[:3], math.prod(images.shape[3:])))
        for image, share, made in zip(images, shares, out, strict=True):
            places = self._places(image, share)
            down, across = places.shape
            for y, x in np.ndindex(self.step.size, self.step.size):
                made[y : y + down, x : x + across] += places[:, :, None]
        return (out / self.arrays["filters"].shape[1]).reshape(images.shape)

    def picture(self) -> Pixels:
        """Return every filter as a tile, each over its own range, in a sheet about square."""
        size, n = self.step.size, self.step.filters
        channels = math.prod(self.input_shape[2:])
        shown = channels if channels in (1, 3) else 1
        filters = self.arrays["filters"].reshape(n, size, size, channels)[..., :shown]
        span = np.maximum(np.abs(filters).max(axis=(1, 2, 3), keepdims=True), 1e-30)
        tiles = np.full((n, size + 1, size + 1, shown), WHITE, np.uint8)
        tiles[:, 1:, 1:] = np.floor((filters / span + 1) * (WHITE / 2) + 0.5)
        across = math.ceil(math.sqrt(n))
        down = -(-n // across)
        blank = np.full((down * across - n, *tiles.shape[1:]), WHITE, np.uint8)
        sheet = np.concatenate([tiles, blank]).reshape(down, across, *tiles.shape[1:])
        sheet = sheet.swapaxes(1, 2).reshape(down * (size + 1), across * (size + 1), shown)
        edged = np.pad(sheet, ((0, 1), (0, 1), (0, 0)), constant_values=WHITE)
        return edged if shown == 3 else edged[..., 0]

    def _places(self, image: Pixels, shares: Floats) -> Floats:
        """Return what each place of a patch carries."""
        size = self.step.size
        windows = np.lib.stride_tricks.sliding_window_view(
            image.reshape(*image.shape[:2], -1), (size, size), axis=(0, 1)
        )
        patches = np.moveaxis(windows, 2, -1).reshape(*windows.shape[:2], -1).astype(np.float64)
        total = patches.sum(axis=-1)
        spread = patches.shape[-1] * np.square(patches).sum(axis=-1) - total**2
        units = (self.whole.unit / np.sqrt(spread + self.whole.added)).astype(np.float32)
        products = (patches @ self.whole.filters.T.astype(np.float64)).astype(np.float32)
        responses = (products * units[..., None]).astype(np.int32) - self.whole.offsets
        either = np.concatenate([responses, -responses], axis=-1)
        strengths = np.maximum(either - self.whole.threshold, 0).astype(np.float64)
        out = np.empty(strengths.shape[:2])
        rows, columns = (list(map(slice, one, one[1:])) for one in self.borders)
        for a, row in enumerate(rows):
            for b, column in enumerate(columns):
                part = strengths[row, column]
                total = part.sum(axis=(0, 1))
                part = np.where(total > 0, part, 1) / np.where(total > 0, total, part[..., 0].size)
                out[row, column] = part @ shares[a, b]
        return out


def normalised(patches: Floats) -> Floats:
    """Return patches, along the last axis, each less its mean and over its deviation."""
    centred = patches - patches.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + CONTRAST)
