"""Kernels of the step `patches`: a strip of an image, from pixels to pooled responses.

Filters, pixels, responses and their sums are whole numbers that float32 and int32 hold exactly, and
all else is rounded number by number: no order of sums, size of a product, thread or processor
changes a bit, and any other program comes to the same features.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from imlogit.system.compiled import exact_kernel

# So many filters at a time: their responses to a strip stay in the cache until they are pooled.
FILTERS_TOGETHER = 256


@exact_kernel
def pool_responses(  # type: ignore[no-untyped-def]
    images, size, added, unit, filters, offsets, threshold, rows, columns, out
):
    """Set ``out[i, a, b]``, shape (2 F,), to the sums over cell (a, b) of the rectified responses.

    ``rows`` and ``columns`` are the borders of the cells, among the positions of the patches.
    """
    n_filters, length = filters.shape
    width = columns[-1]
    most = rows[0]
    for a in range(rows.size - 1):
        most = max(most, rows[a + 1] - rows[a])
    strip = np.empty((most * width, length), np.float32)
    units = np.empty(most * width, np.float32)
    buffer = np.empty(most * width * min(n_filters, FILTERS_TOGETHER), np.float32)
    for i in range(images.shape[0]):
        for a in range(rows.size - 1):
            n = (rows[a + 1] - rows[a]) * width
            _cut(images[i], rows[a], rows[a + 1], width, size, added, unit, strip, units)
            for start in range(0, n_filters, FILTERS_TOGETHER):
                stop = min(start + FILTERS_TOGETHER, n_filters)
                responses = buffer[: n * (stop - start)].reshape(n, stop - start)
                np.dot(strip[:n], filters[start:stop].T, responses)
                for b in range(columns.size - 1):
                    above = out[i, a, b, start:stop]
                    below = out[i, a, b, n_filters + start : n_filters + stop]
                    above[:] = 0
                    below[:] = 0
                    for y in range(rows[a + 1] - rows[a]):
                        for x in range(columns[b], columns[b + 1]):
                            at = y * width + x
                            row = responses[at]
                            _rectify(row, units[at], offsets[start:stop], threshold, above, below)


@numba.njit(inline="always")
def _cut(image, first, last, width, size, added, unit, strip, units):  # type: ignore[no-untyped-def]
    """Write the patches of some rows of positions, and what their products are multiplied by."""
    n_values = size * image.shape[2]
    length = size * n_values
    # with the channels of a pixel side by side, a patch's row is one run of bytes
    flat = image.reshape(image.shape[0], image.shape[1] * image.shape[2])
    for y in range(first, last):
        for x in range(width):
            patch = strip[(y - first) * width + x]
            total = squares = np.int32(0)
            for v in range(size):
                run = flat[y + v, x * image.shape[2] : x * image.shape[2] + n_values]
                part = patch[v * n_values : (v + 1) * n_values]
                for u in range(n_values):
                    value = np.int32(run[u])
                    total = np.int32(total + value)
                    squares = np.int32(squares + value * value)
                    part[u] = np.float32(value)
            spread = length * np.int64(squares) - np.int64(total) * np.int64(total)
            units[(y - first) * width + x] = np.float32(
                unit / math.sqrt(np.float64(spread) + added)
            )


@numba.njit(inline="always")
def _rectify(products, unit, offsets, threshold, above, below):  # type: ignore[no-untyped-def]
    """Add what exceeds the threshold, on either side of zero."""
    none = np.int32(0)
    for f in range(products.size):
        r = np.int32(np.int32(products[f] * unit) - offsets[f])
        above[f] = np.int32(above[f] + max(np.int32(r - threshold), none))
        below[f] = np.int32(below[f] + max(np.int32(np.int32(-r) - threshold), none))


@exact_kernel
def quantise(sums, factors, out):  # type: ignore[no-untyped-def]
    """Set ``out`` to the square roots of ``sums`` times ``factors``, rounded to 0..255."""
    for i in range(sums.shape[0]):
        row, made = sums[i], out[i]
        for p in range(row.size):
            # float32 keeps away from the squares between two bytes, or is on them
            square = np.float64(np.float32(row[p] * np.float64(factors[p])))
            made[p] = np.uint8(min(math.sqrt(square) + 0.5, 255.0))
