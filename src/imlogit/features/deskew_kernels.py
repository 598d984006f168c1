"""Kernels of the step `deskew`: the moments of an image, and its rows moved sideways."""

from __future__ import annotations

import math

import numpy as np

from imlogit.system.compiled import exact_kernel


@exact_kernel
def find_slants(images, most, out):  # type: ignore[no-untyped-def]
    """Set ``out[i]`` to (a, b): row y is to move left by ``a + b y``, to stand upright."""
    height, width = images.shape[1:]
    for i in range(images.shape[0]):
        total = down = across = squares = products = np.int64(0)
        for y in range(height):
            row = images[i, y]
            lit = moment = np.int64(0)
            for x in range(width):
                value = np.int64(row[x])
                lit += value
                moment += value * x
            total += lit
            down += lit * y
            across += moment
            squares += lit * y * y
            products += moment * y
        # sums of whole numbers, whose order does not matter; their products may be beyond int64
        mass, fall = float(total), float(down)
        variance = mass * float(squares) - fall * fall
        slant = 0.0
        if variance > 0:
            slant = (mass * float(products) - fall * float(across)) / variance
            slant = min(max(slant, -most), most)
        out[i, 1] = slant
        out[i, 0] = 0.0
        if total > 0:
            out[i, 0] = across / total - (width - 1) / 2 - slant * (down / total)


@exact_kernel
def move_rows(images, slants, out):  # type: ignore[no-untyped-def]
    """Set ``out[i, y, x]`` to what lies at ``x + a + b y`` of row y, between two pixels."""
    height, width = images.shape[1:]
    for i in range(images.shape[0]):
        for y in range(height):
            move = slants[i, 0] + slants[i, 1] * y
            left = np.int64(math.floor(move))
            part = move - left
            row, made = images[i, y], out[i, y]
            for x in range(width):
                at = x + left
                one = float(row[at]) if 0 <= at < width else 0.0
                other = float(row[at + 1]) if 0 <= at + 1 < width else 0.0
                made[x] = np.uint8(math.floor(one + (other - one) * part + 0.5))
