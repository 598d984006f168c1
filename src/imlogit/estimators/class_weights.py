"""How much each class counts, as a text says it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from imlogit.errors import ParameterError
from imlogit.system.text import first_of


def weights_by_name(given: str, names: Sequence[str]) -> dict[str, float]:
    """Return the weights that a text gives classes, whose names may have commas in them.

    Raises
    ------
    ParameterError
        For a class that there is not, and weights that are none.
    """
    weights: dict[str, float] = {}
    name = ""
    for piece in given.split(","):
        name = f"{name},{piece}" if name else piece
        called, _, number = name.rpartition("=")
        if called not in names:
            continue
        try:
            weights[called] = float(number)
        except ValueError:
            continue
        name = ""
    if name or not all(0 <= value < math.inf for value in weights.values()):
        raise ParameterError(
            f"class_weight={given!r}: give 'balanced', or NAME=WEIGHT,... with weights of 0 or "
            f"more and names of these: {first_of(names)}.",
            parameter="class_weight",
        )
    return weights
