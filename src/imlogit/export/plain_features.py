"""Feature steps of a JSON file in plain NumPy, as docs/export.md says: none of our own kernels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.features.chain import FittedChain

WHITE = 255
# So many images at a time: of each, `patches` holds every place's patch and every response.
TOGETHER = 16


def recipes(features: FittedChain) -> list[dict[str, Any]]:
    """Return what other programs need of each step, in their order: numbers and arrays.

    Steps that leave images as they are, are left out. Every step has a recipe.
    """
    return [
        {"step": fitted.name, **(fitted.recipe or {})}
        for fitted in features.steps
        if fitted.name != "pixels"
    ]


def computed(images: NDArray[Any], steps: Iterable[Mapping[str, Any]]) -> Floats:
    """Return the features (n, d) of images (n, h, w) or (n, h, w, c) of bytes."""
    steps = [
        {key: np.array(value) if isinstance(value, list) else value for key, value in step.items()}
        for step in steps
    ]
    made = []
    for start in range(0, len(images), TOGETHER):
        some = images[start : start + TOGETHER]
        values = some.reshape(*some.shape[:3], -1).astype(np.float64)
        for step in steps:
            values = _STEPS[step["step"]](values, step)
        made.append(values.reshape(len(some), -1))
    return np.concatenate(made)


def _deskew(images: Floats, step: Mapping[str, Any]) -> Floats:
    pixels = images[..., 0].astype(np.int64)
    height, width = pixels.shape[1:]
    y, x = np.arange(height), np.arange(width)
    mass, moment = pixels.sum(axis=2), (pixels * x).sum(axis=2)
    total, down, across, squares, products = (
        one.sum(axis=1).astype(np.float64)
        for one in (mass, mass * y, moment, mass * y * y, moment * y)
    )
    variance = total * squares - down * down
    covariance = total * products - down * across
    most = step["most_slant"]
    some = variance > 0
    slant = np.where(some, np.clip(covariance / np.where(some, variance, 1), -most, most), 0)
    lit = np.maximum(total, 1)
    move = np.where(total > 0, across / lit - (width - 1) / 2 - slant * (down / lit), 0)
    moves = (move[:, None] + slant[:, None] * y)[:, :, None]
    left = np.floor(moves)
    # a column of nothing on either side
    padded = np.pad(pixels, ((0, 0), (0, 0), (1, 1))).astype(np.float64)
    at = (x + left + 1).astype(np.int64)
    one, other = (
        np.take_along_axis(padded, np.clip(places, 0, width + 1), axis=2) for places in (at, at + 1)
    )
    return np.floor(one + (other - one) * (moves - left) + 0.5)[..., None]


def _hog(images: Floats, step: Mapping[str, Any]) -> Floats:
    votes = _votes(images, step)
    found: list[Floats] = []
    for cells in step["grids"]:
        down, across = (nearness(int(cells), side) for side in votes.shape[1:3])
        counts = np.einsum("ry,sx,nyxco->nrsco", down, across, votes)
        counts = counts.reshape(*counts.shape[:3], -1)
        low, high = slice(None, -1), slice(1, None)
        # image, row, column, cell of the block, bin
        blocks = np.stack([counts[:, v, u] for v in (low, high) for u in (low, high)], axis=3)
        norm = np.sqrt(np.square(blocks).sum(axis=(3, 4), keepdims=True) + step["least_norm"] ** 2)
        part = np.minimum(blocks / (norm * step["clip"]), 1)
        found.append(np.floor(np.sqrt(part) * WHITE + 0.5).reshape(len(images), -1))
    return np.concatenate(found, axis=1)


def _votes(images: Floats, step: Mapping[str, Any]) -> Floats:
    """Return what each pixel adds to each direction, (n, h, w, colours, orientations)."""
    edged = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    dy = edged[:, 2:, 1:-1] - edged[:, :-2, 1:-1]
    dx = edged[:, 1:-1, 2:] - edged[:, 1:-1, :-2]
    size = np.sqrt(dx * dx + dy * dy)
    if not step["each_colour"]:
        strongest = size.argmax(axis=3)[..., None]
        dy, dx, size = (np.take_along_axis(one, strongest, axis=3) for one in (dy, dx, size))
    turn = 2 * math.pi if step["signed"] else math.pi
    angle = np.arctan2(dy, dx)
    places = np.where(angle < 0, angle + turn, angle) * (step["orientations"] / turn)
    away = places[..., None] - np.arange(step["orientations"])
    # the first direction is also the one after the last
    near = np.maximum(1 - np.abs(away), 0) + np.maximum(1 - np.abs(away - step["orientations"]), 0)
    return np.asarray(size[..., None] * near)


def nearness(cells: int, side: int) -> Floats:
    """Return how near each pixel is to each cell's middle, (cells, side)."""
    middles = (np.arange(side) + 0.5) * cells / side - 0.5
    return np.maximum(1 - np.abs(middles - np.arange(cells)[:, None]), 0)


def _patches(images: Floats, step: Mapping[str, Any]) -> Floats:
    size = step["size"]
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    places = windows.shape[:3]
    patches = np.moveaxis(windows, 3, -1).reshape(math.prod(places), -1)
    spread = patches.shape[-1] * np.square(patches).sum(axis=-1) - patches.sum(axis=-1) ** 2
    units = (step["unit"] / np.sqrt(spread + step["added"])).astype(np.float32)
    products = patches.astype(np.float32) @ step["filters"].T.astype(np.float32)
    products *= units[:, None]
    # without fractions
    responses = products.astype(np.int32).reshape(*places, -1) - step["offsets"].astype(np.int32)
    threshold = step["threshold"]
    over = np.maximum(responses - threshold, 0), np.maximum(-responses - threshold, 0)
    cells = [list(map(slice, one, one[1:])) for one in (step["rows"], step["columns"])]
    sums = np.array(
        [
            [[one[:, row, column].sum(axis=(1, 2)) for one in over] for column in cells[1]]
            for row in cells[0]
        ]
    )  # row, column, side, image, filter
    sums = sums.transpose(3, 0, 1, 2, 4).reshape(len(images), *step["factors"].shape)
    squares = (sums * step["factors"].astype(np.float64)).astype(np.float32).astype(np.float64)
    return np.floor(np.minimum(np.sqrt(squares) + 0.5, WHITE))


_STEPS: dict[str, Callable[[Floats, Mapping[str, Any]], Floats]] = {
    "deskew": _deskew,
    "hog": _hog,
    "patches": _patches,
}
