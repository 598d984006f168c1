"""The Numba engine's kernels: serial loops over lanes of rows, compiled once and cached.

A *lane* is a fixed range of rows, the same for any number of threads. Each kernel works
through the lanes ``first`` to ``last`` and writes one partial result for each, so the sum over
lanes, taken in order, has the same bits however the lanes were shared out.

Reassociation lets the compiler use vector registers within a row; nothing assumes the absence
of infinities or nan.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba

# After so many rows a working-precision sum goes over into float64.
FLUSH_ROWS = 256


def kernel(function: Callable[..., None]) -> Callable[..., None]:
    """Compile a function without the interpreter lock, and keep the machine code on disk."""
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"reassoc", "contract", "nsz", "arcp"},
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in: compile in every process
        return numba.njit(**options)(function)


@kernel
def multiply(x, lanes, weights, first, last, out):  # type: ignore[no-untyped-def]
    """``out[j, i] = x[i] . weights[j]``, added up in the weights' precision."""
    real = weights.dtype.type
    for lane in range(first, last):
        for i in range(lanes[lane], lanes[lane + 1]):
            row = x[i]
            for j in range(weights.shape[0]):
                w = weights[j]
                total = real(0)
                for p in range(row.size):
                    total += real(row[p]) * w[p]
                out[j, i] = total


@kernel
def accumulate(x, lanes, residual, buffer, first, last, out):  # type: ignore[no-untyped-def]
    """``out[lane, j] = sum_i residual[j, i] x[i]``, in the precision of ``buffer`` (k, d)."""
    real = buffer.dtype.type
    for lane in range(first, last):
        for start in range(lanes[lane], lanes[lane + 1], FLUSH_ROWS):
            for j in range(residual.shape[0]):
                part = buffer[j]
                part[:] = real(0)
                for i in range(start, min(start + FLUSH_ROWS, lanes[lane + 1])):
                    r = real(residual[j, i])
                    row = x[i]
                    for p in range(part.size):
                        part[p] += r * real(row[p])
                for p in range(part.size):
                    out[lane, j, p] += part[p]


@kernel
def evaluate(lanes, z, u, steps, b, signs, costs, first, last, m, r, h, out):  # type: ignore[no-untyped-def]
    """Signed margins ``m``, residuals ``r`` and curvatures ``h`` at a point of the span.

    ``out[lane, j]``: loss, residual of the negative and of the positive rows, smallest margin.
    """
    for lane in range(first, last):
        for j in range(z.shape[0]):
            loss = 0.0
            negative = 0.0
            positive = 0.0
            worst = math.inf
            for i in range(lanes[lane], lanes[lane + 1]):
                cost = costs[j, i]
                margin = z[j, i] + b[j] + steps[j, 0] * u[j, 0, i] + steps[j, 1] * u[j, 1, i]
                sign = signs[j, i]
                margin *= sign
                small = math.exp(-abs(margin))
                share = 1.0 / (1.0 + small)
                dual = cost * share
                if margin >= 0:
                    dual *= small
                m[j, i] = margin
                r[j, i] = -sign * dual
                h[j, i] = cost * small * share * share
                if cost > 0:
                    loss += cost * (math.log1p(small) - min(margin, 0.0))
                    worst = min(worst, margin)
                    if sign > 0:
                        positive += dual
                    else:
                        negative += dual
            out[lane, j, 0] = loss
            out[lane, j, 1] = negative
            out[lane, j, 2] = positive
            out[lane, j, 3] = worst


@kernel
def project(lanes, u, r, h, first, last, out):  # type: ignore[no-untyped-def]
    """``out[lane, j]``: the span's gradient (3) and the upper triangle of its Hessian (6)."""
    for lane in range(first, last):
        for j in range(r.shape[0]):
            g0 = g1 = g2 = h00 = h01 = h02 = h11 = h12 = h22 = 0.0
            for i in range(lanes[lane], lanes[lane + 1]):
                u0 = u[j, 0, i]
                u1 = u[j, 1, i]
                g = r[j, i]
                c = h[j, i]
                g0 += g * u0
                g1 += g * u1
                g2 += g
                h00 += c * u0 * u0
                h01 += c * u0 * u1
                h02 += c * u0
                h11 += c * u1 * u1
                h12 += c * u1
                h22 += c
            part = out[lane, j]
            part[0] = g0
            part[1] = g1
            part[2] = g2
            part[3] = h00
            part[4] = h01
            part[5] = h02
            part[6] = h11
            part[7] = h12
            part[8] = h22
