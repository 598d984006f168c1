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
            mass = moment = np.int64(0)
            for x in range(width):
                value = np.int64(row[x])
                mass += value
                moment += value * x
            total += mass
            down += mass * y
            across += moment
            squares += mass * y * y
            products += moment * y
        # whole numbers, so that no order of sums matters
        variance = float(total * squares - down * down)
        slant = 0.0
        if variance > 0:
            slant = float(total * products - down * across) / variance
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
