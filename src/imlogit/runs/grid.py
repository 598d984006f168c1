"""The values of C that a sweep tries, as a text or numbers give them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from imlogit.errors import ParameterError

MOST_CS = 1000


def parse_cs(text: str) -> tuple[float, ...]:
    """Return the values of ``FIRST:LAST:COUNT``, evenly spaced in log C, or ``C,C,...``.

    Raises
    ------
    ParameterError
        For anything else, and for values that are not positive and finite.
    """
    try:
        if ":" not in text:
            return _checked_grid(tuple(map(float, text.split(","))), text)
        first, last, count = text.split(":")
        ends, number = (float(first), float(last)), int(count)
    except ValueError:
        raise _wrong_grid(text) from None
    _checked_grid(ends, text, different=False)
    if not 1 <= number <= MOST_CS:
        raise _wrong_grid(text)
    import numpy as np  # not before it is needed: a command's help reads this file

    return tuple(map(float, np.geomspace(ends[0], ends[1], number)))


def _checked_grid(
    values: Sequence[float], given: object, *, different: bool = True
) -> tuple[float, ...]:
    good = all(value > 0 and math.isfinite(value) for value in values)
    good = good and (not different or len(set(values)) == len(values))
    if not good or not 1 <= len(values) <= MOST_CS:
        raise _wrong_grid(given)
    return tuple(values)


def grid_from(given: Sequence[float] | str) -> tuple[float, ...]:
    """Return the values of C that a text or numbers give.

    Raises
    ------
    ParameterError
    """
    if isinstance(given, str):
        return parse_cs(given)
    try:
        values = tuple(map(float, given))
    except (TypeError, ValueError):
        raise _wrong_grid(given) from None
    return _checked_grid(values, given)


def _wrong_grid(given: object) -> ParameterError:
    return ParameterError(
        f"Cs={given!r}: give FIRST:LAST:COUNT, as in 1e-4:1e2:20, or values with commas between; "
        f"all positive, finite and different, up to {MOST_CS} of them.",
        parameter="Cs",
    )
