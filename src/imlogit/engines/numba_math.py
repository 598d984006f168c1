"""Exponential and logarithm for kernels, written so that the compiler can vectorise them.

A call of the C library for each row would take five times as long. Both are accurate to a few
units in the last place.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

# Below this the exponential is smaller than every normal double.
_LEAST = -708.0
_LOG2_E = 1 / math.log(2)
# ln 2 in two parts: the first has so few digits that multiples of it are exact.
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_BIAS, _MANTISSA_BITS = 1023, 52
# Taylor's coefficients: of exp from the square on, for |r| <= ln(2) / 2, and of
# log((1 + t) / (1 - t)) / t in t^2, for |t| <= 1/3.
_EXP = tuple(1 / math.factorial(i) for i in range(2, 14))
_LOG = tuple(2 / (2 * i + 1) for i in range(17))
E2, E3, E4, E5, E6, E7, E8, E9, E10, E11, E12, E13 = _EXP
L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11, L12, L13, L14, L15, L16 = _LOG


@intrinsic
def _as_float(_typing_context: Any, _bits: Any) -> Any:
    """Read 64 bits as a double."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


scale_of: Any = _as_float


@numba.njit(inline="always")
def exp_negative(x):  # type: ignore[no-untyped-def]
    """Return ``exp(x)`` for ``x <= 0``: ``2^n exp(r)`` with ``x = n ln(2) + r``."""
    x = x if x > _LEAST else _LEAST
    n = np.floor(x * _LOG2_E + 0.5)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    q = E12 + r * E13
    q = E9 + r * (E10 + r * (E11 + r * q))
    q = E5 + r * (E6 + r * (E7 + r * (E8 + r * q)))
    q = E2 + r * (E3 + r * (E4 + r * q))
    power = scale_of((numba.int64(n) + _BIAS) << _MANTISSA_BITS)
    return (1.0 + r * (1.0 + r * q)) * power


@numba.njit(inline="always")
def log1p_unit(s):  # type: ignore[no-untyped-def]
    """Return ``log(1 + s)`` for ``0 <= s <= 1``: of ``(1 + t) / (1 - t)``."""
    t = s / (2.0 + s)
    v = t * t
    q = L15 + v * L16
    q = L11 + v * (L12 + v * (L13 + v * (L14 + v * q)))
    q = L7 + v * (L8 + v * (L9 + v * (L10 + v * q)))
    q = L3 + v * (L4 + v * (L5 + v * (L6 + v * q)))
    return t * (L0 + v * (L1 + v * (L2 + v * q)))
