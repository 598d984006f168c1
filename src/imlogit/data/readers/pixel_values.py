"""Numbers that claim to be pixels: to uint8, or refused with the range that was seen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from imlogit.arrays import Pixels
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.text import by

# Few enough that a wide type costs little memory.
NUMBERS_AT_A_TIME = 1 << 21
# Floats that were divided by 255 in single precision.
ROUNDING = 1e-3


def as_pixels(values: npt.NDArray[Any], where: str) -> Pixels:
    """Convert numbers to uint8 pixels; nothing is wrapped, clipped or rounded away.

    Parameters
    ----------
    values : ndarray of numbers or booleans
        Whole numbers 0..255 of any type, or floats that are multiples of 1/255 from 0 to 1; True
        is white.
    where : str
        Where they are from, the start of the error.

    Returns
    -------
    ndarray of uint8, of the same shape

    Raises
    ------
    DataError
        For anything else; says what range was seen.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "biuf":
        raise DataError(f"{where}: pixels are of type {values.dtype}, not numbers.")
    low, high = _range(values)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DataError(f"{where}: some pixels are not a number, or infinite.")
    inside = low >= 0 and high <= 255
    pixels = _rounded(values, 255.0 if high <= 1 else 1.0) if inside else None
    if pixels is None:
        raise DataError(
            f"{where}: pixels run from {low:g} to {high:g} and are not all whole numbers from 0 "
            "to 255 (or those divided by 255). Scale and round them before."
        )
    return pixels


def as_images(rows: Pixels, reading: Reading, where: str) -> Pixels:
    """Give rows of pixels the shape of images, or images their layout.

    Parameters
    ----------
    rows : ndarray of uint8, shape (n, d), (n, h, w), (n, h, w, c) or (n, c, h, w)
    reading : Reading
        Its ``shape`` and ``layout``.
    where : str
        Where they are from, the start of the error.

    Returns
    -------
    ndarray of uint8, shape (n, h, w) or (n, h, w, c)

    Raises
    ------
    DataError
        For rows that are neither square nor of the shape that was given, and for colour without
        a layout.
    """
    if rows.ndim == 2:
        shape = reading.shape or square(rows.shape[1], where)
        if math.prod(shape) != rows.shape[1]:
            raise DataError(
                f"{where}: an image has {rows.shape[1]:,} numbers, and "
                f"shape={shape} would take {math.prod(shape):,}.",
                parameter="shape",
            )
        if len(shape) == 3 and shape[2] > 1:
            return _of_colour(rows, shape, reading, where)
        return rows.reshape(len(rows), *shape[:2])
    if rows.ndim == 4 and reading.layout == "chw":
        rows = np.ascontiguousarray(np.moveaxis(rows, 1, 3))
    if rows.ndim not in (3, 4) or 0 in rows.shape:
        raise DataError(f"{where}: images of shape {rows.shape} are neither (n, h, w) nor rows.")
    if reading.layout is None and rows.ndim == 4 and rows.shape[3] > 4 >= rows.shape[1]:
        raise DataError(
            f"{where}: images of shape {rows.shape[1:]} look like {rows.shape[1]} planes; say so "
            "with layout='chw', or layout='hwc' where they are not.",
            parameter="layout",
        )
    if rows.ndim == 4 and rows.shape[3] == 1:
        rows = rows[..., 0]
    if reading.shape is not None and rows.shape[1:] != reading.shape:
        raise DataError(
            f"{where}: the images are {by(rows.shape[1:])} already; leave shape={reading.shape} "
            "out.",
            parameter="shape",
        )
    return rows


def square(n_numbers: int, where: str) -> tuple[int, ...]:
    """Return the shape of a square image, grey or of three channels, by how many numbers it has.

    Raises
    ------
    DataError
        If it is neither.
    """
    for channels in ((), (3,)):
        side = math.isqrt(n_numbers // math.prod(channels))
        if side and side * side * math.prod(channels) == n_numbers:
            return side, side, *channels
    raise DataError(
        f"{where}: {n_numbers:,} numbers are no square image. Say what they are with "
        "shape=(h, w), or shape=(h, w, c).",
        parameter="shape",
    )


def _of_colour(rows: Pixels, shape: tuple[int, ...], reading: Reading, where: str) -> Pixels:
    height, width, channels = shape
    if reading.layout is None:
        raise DataError(
            f"{where}: {rows.shape[1]:,} numbers are {height} x {width} pixels of {channels} "
            "channels. Say how they lie: layout='chw' (a plane for each channel, as CIFAR-10 has "
            "them) or layout='hwc' (pixel by pixel).",
            parameter="layout",
        )
    if reading.layout == "hwc":
        return rows.reshape(len(rows), *shape)
    planes = rows.reshape(len(rows), channels, height, width)
    return np.ascontiguousarray(np.moveaxis(planes, 1, 3))


def _rounded(values: npt.NDArray[Any], scale: float) -> Pixels | None:
    """Return numbers from 0 to 255, floats times `scale`; None if some are not whole then."""
    if values.dtype == bool:
        return values * np.uint8(255)
    if values.dtype.kind != "f":
        return values.astype(np.uint8)
    rows = np.atleast_1d(values)
    pixels = np.empty(rows.shape, np.uint8)
    step = max(1, NUMBERS_AT_A_TIME * len(rows) // max(1, rows.size))
    for start in range(0, len(rows), step):
        part = rows[start : start + step] * scale
        rounded = np.rint(part)
        if (np.abs(part - rounded) > (ROUNDING if scale > 1 else 0)).any():
            return None
        pixels[start : start + step] = rounded
    return pixels.reshape(values.shape)


def _range(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest value; nan if any is."""
    if not values.size:
        return 0.0, 0.0
    return float(values.min()), float(values.max())
