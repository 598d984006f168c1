"""Feature steps in TensorFlow: whole numbers in float32, what is rounded in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from imlogit.export.plain_features import nearness

WHITE = 255


def features_of(
    tf: Any, images: Any, shape: tuple[int, ...], steps: Sequence[Mapping[str, Any]]
) -> Any:
    """Return the steps' features, float64, a row for each image.

    Parameters
    ----------
    tf : module
        TensorFlow.
    images : tensor of uint8, shape (n, *shape)
    shape : tuple of int
    steps : sequence of mappings
        As `recipes` gives them.
    """
    height, width = shape[:2]
    channels = int(np.prod(shape[2:], dtype=int))
    values = tf.cast(tf.reshape(images, [-1, height, width, channels]), tf.float64)
    for step in steps:
        values = _STEPS[step["step"]](tf, values, step)
    return tf.reshape(values, [tf.shape(images)[0], -1])


def _deskew(tf: Any, images: Any, step: Mapping[str, Any]) -> Any:
    height, width = images.shape[1:3]
    y, x = np.arange(height), np.arange(width)
    pixels = images[..., 0]
    whole = tf.cast(pixels, tf.int64)
    mass = tf.reduce_sum(whole, axis=2)
    moment = tf.reduce_sum(whole * x, axis=2)
    total, across, down, squares, products = (
        tf.cast(tf.reduce_sum(one, axis=1, keepdims=True), tf.float64)
        for one in (mass, moment, mass * y, mass * (y * y), moment * y)
    )
    spread = total * squares - down * down
    along = total * products - down * across
    most = step["most_slant"]
    slant = tf.clip_by_value(along / tf.maximum(spread, 1.0), -most, most)
    slant = tf.where(spread > 0, slant, tf.zeros_like(slant))
    lit = tf.maximum(total, 1.0)
    away = across / lit - (width - 1) / 2 - slant * (down / lit)
    moves = tf.where(total > 0, away, tf.zeros_like(away)) + slant * y.astype(np.float64)
    moves = moves[:, :, None]
    left = tf.floor(moves)
    edged = tf.pad(pixels, [[0, 0], [0, 0], [1, 1]])
    at = tf.cast(left, tf.int64) + (x + 1)
    one, other = (
        tf.gather(edged, tf.clip_by_value(places, 0, width + 1), axis=2, batch_dims=2)
        for places in (at, at + 1)
    )
    return tf.floor(one + (other - one) * (moves - left) + 0.5)[..., None]


def _hog(tf: Any, images: Any, step: Mapping[str, Any]) -> Any:
    height, width = images.shape[1:3]
    votes = _votes(tf, images, step)
    found = []
    for cells in map(int, step["grids"]):
        counts = tf.tensordot(votes, nearness(cells, width).T, [[2], [0]])  # n, h, c, o, s
        counts = tf.tensordot(counts, nearness(cells, height).T, [[1], [0]])  # n, c, o, s, r
        counts = tf.transpose(counts, [0, 4, 3, 1, 2])
        n_bins = counts.shape[3] * counts.shape[4]
        counts = tf.reshape(counts, [-1, cells, cells, n_bins])
        last = cells - 1
        parts = [counts[:, v : last + v, u : last + u] for v in (0, 1) for u in (0, 1)]
        block = tf.stack(parts, axis=3)
        square = tf.reduce_sum(block * block, axis=[3, 4], keepdims=True)
        norm = tf.sqrt(square + step["least_norm"] ** 2)
        part = tf.minimum(block / (norm * step["clip"]), 1.0)
        made = tf.floor(tf.sqrt(part) * float(WHITE) + 0.5)
        found.append(tf.reshape(made, [-1, last * last * 4 * n_bins]))
    return tf.concat(found, axis=1)


def _votes(tf: Any, images: Any, step: Mapping[str, Any]) -> Any:
    """Return what each pixel adds to each direction, (n, h, w, colours, orientations)."""
    dy, dx = (_differences(tf, images, axis) for axis in (1, 2))
    square = dy * dy + dx * dx
    if not step["each_colour"]:
        strongest = tf.argmax(square, axis=3)[..., None]
        dy, dx, square = (tf.gather(one, strongest, batch_dims=3) for one in (dy, dx, square))
    n = step["orientations"]
    turn = 2 * np.pi if step["signed"] else np.pi
    angle = tf.atan2(dy, dx)
    places = tf.where(angle < 0, angle + turn, angle) * (n / turn)
    away = places[..., None] - np.arange(n, dtype=np.float64)
    # the first direction is also the one after the last
    near = tf.maximum(1 - tf.abs(away), 0.0) + tf.maximum(1 - tf.abs(away - float(n)), 0.0)
    return tf.sqrt(square)[..., None] * near


def _differences(tf: Any, images: Any, axis: int) -> Any:
    side = images.shape[axis]
    after, before = (
        tf.gather(images, np.clip(np.arange(side) + move, 0, side - 1), axis=axis)
        for move in (1, -1)
    )
    return after - before


def _patches(tf: Any, images: Any, step: Mapping[str, Any]) -> Any:
    channels, size = images.shape[3], step["size"]
    filters = step["filters"].reshape(-1, size, size, channels).transpose(1, 2, 3, 0)

    def convolved(values: Any, by: Any) -> Any:
        return tf.nn.conv2d(tf.cast(values, tf.float32), by.astype(np.float32), 1, "VALID")

    units = _units(
        tf, images, step, lambda values: convolved(values, np.ones_like(filters[..., :1]))
    )
    whole = tf.cast(convolved(images, filters) * units, tf.int32) - step["offsets"]
    over = [tf.maximum(one - step["threshold"], 0) for one in (whole, -whole)]
    sums = tf.concat([_pooled(tf, one, step) for one in over], axis=3)
    squares = tf.cast(tf.cast(sums, tf.float64) * step["factors"].astype(np.float64), tf.float32)
    root = tf.sqrt(tf.cast(squares, tf.float64))
    return tf.floor(tf.minimum(root + 0.5, float(WHITE)))


def _units(tf: Any, images: Any, step: Mapping[str, Any], summed: Any) -> Any:
    """Return what each place's products are multiplied by."""
    squares = images * images
    # in two digits, whose sums float32 holds
    high = tf.floor(squares / 256)
    total, high, low = (
        tf.cast(summed(one), tf.float64) for one in (images, high, squares - high * 256)
    )
    length = float(step["filters"].shape[1])
    spread = length * (high * 256 + low) - total * total
    return tf.cast(step["unit"] / tf.sqrt(spread + step["added"]), tf.float32)


def _pooled(tf: Any, values: Any, step: Mapping[str, Any]) -> Any:
    """Return the sums over the cells, (n, grid, grid, filters)."""
    rows = [tf.reduce_sum(values[:, a:b], axis=1) for a, b in pairwise(step["rows"])]
    values = tf.stack(rows, axis=1)
    cells = [tf.reduce_sum(values[:, :, a:b], axis=2) for a, b in pairwise(step["columns"])]
    return tf.stack(cells, axis=2)


_STEPS = {"deskew": _deskew, "hog": _hog, "patches": _patches}
