"""The feature step `patches` in standard layers of Keras.

Whole numbers are convolved in float32 and added up in float64, which hold them exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats

WHITE = 255


def layered_patches(
    keras: Any, images: Any, shape: tuple[int, ...], step: Mapping[str, Any]
) -> Any:
    """Return the step's features, whole numbers, a row for each image.

    Parameters
    ----------
    keras : module
    images : KerasTensor, shape (n, *shape)
    shape : tuple of int
    step : mapping
        As `recipes` gives it.
    """
    layers = keras.layers
    size, channels = step["size"], math.prod(shape[2:])
    pixels = layers.Reshape((*shape[:2], channels), name="pixels")(images)
    wide = layers.Rescaling(1.0, name="wide", dtype="float64")(pixels)
    kernel = step["filters"].reshape(-1, size, size, channels).transpose(1, 2, 3, 0)
    products = _convolved(layers, wide, "products", "float32", kernel)
    product_units = layers.Multiply(name="in_units", dtype="float32")(
        [products, _units(layers, wide, channels, step)]
    )
    # of another type of number, without a fraction
    offsets = [-int(one) for one in step["offsets"]]
    responses = layers.Rescaling(1, offset=offsets, name="responses", dtype="int32")(product_units)
    sides = [
        _pooled(layers, responses, name, sign, step)
        for name, sign in (("above", 1.0), ("below", -1.0))
    ]
    sums = layers.Concatenate(name="sums", dtype="float64")(sides)
    factors = step["factors"].tolist()
    wide = layers.Rescaling(factors, name="wide_squares", dtype="float64")(sums)
    squares = layers.Rescaling(1.0, name="squares", dtype="float32")(wide)
    levels = [(level - 0.5) ** 2 for level in range(1, WHITE + 1)]
    found = layers.Discretization(levels, name="levels", dtype="float32")(squares)
    return layers.Flatten(name="features", dtype="float32")(found)


def _convolved(
    layers: Any,
    values: Any,
    name: str,
    dtype: str,
    kernel: NDArray[Any],
    bias: Floats | None = None,
) -> Any:
    layer = layers.Conv2D(
        kernel.shape[-1], kernel.shape[:2], use_bias=bias is not None, name=name, dtype=dtype
    )
    made = layer(values)
    layer.set_weights([kernel.astype(dtype)] + ([] if bias is None else [bias]))
    return made


def _units(layers: Any, wide: Any, channels: int, step: Mapping[str, Any]) -> Any:
    """Return what each place's products are multiplied by.

    No layer has a root. A place's centred values with a constant after them are brought to the
    length 1, which the constant then tells.
    """
    size = step["size"]
    length = size * size * channels
    centring = np.zeros((length, length + 1))
    centring[:, :length] = np.eye(length) - 1 / length
    constant = math.sqrt(step["added"] / length)
    kernel = centring.reshape(size, size, channels, -1)
    bias = np.append(np.zeros(length), constant)
    centred = _convolved(layers, wide, "centred", "float64", kernel, bias)
    unit = layers.UnitNormalization(name="of_length_1", dtype="float64")(centred)
    last = np.zeros((1, 1, length + 1, 1))
    last[..., -1, 0] = step["unit"] / (constant * math.sqrt(length))
    found = _convolved(layers, unit, "wide_units", "float64", last)
    return layers.Rescaling(1.0, name="units", dtype="float32")(found)


def _pooled(layers: Any, responses: Any, name: str, sign: float, step: Mapping[str, Any]) -> Any:
    """Return the sums over the cells of what exceeds the threshold, (n, grid, grid, filters)."""
    over = layers.Rescaling(sign, offset=-step["threshold"], name=f"{name}_less", dtype="float64")
    values = layers.ReLU(name=f"{name}_over", dtype="float64")(over(responses))
    for axis, borders in (("columns", step["columns"]), ("rows", step["rows"])):
        # columns last and rows before them, then the other way round
        order = (1, 3, 2) if axis == "columns" else (3, 2, 1)
        turned = layers.Permute(order, name=f"{name}_{axis}_last", dtype="float64")(values)
        dense = layers.Dense(
            len(borders) - 1, use_bias=False, name=f"{name}_{axis}", dtype="float64"
        )
        values = dense(turned)
        places = np.arange(borders[-1])[:, None]
        dense.set_weights([((places >= borders[:-1]) & (places < borders[1:])).astype(float)])
    # column of cells, filter, row of cells
    return layers.Permute((3, 1, 2), name=f"{name}_sums", dtype="float64")(values)
