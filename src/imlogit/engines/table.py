"""The one table of engines: a name, and where its class is."""

from __future__ import annotations

from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from imlogit.core.contract import Engine

# An engine is a class called as ``cls(features, scale)``.
ENGINES = {
    "numba": ("imlogit.engines.numba_cpu", "NumbaEngine"),
    "reference": ("imlogit.engines.reference", "ReferenceEngine"),
}
AUTO = "numba"


def open_engine(name: str, features: NDArray[np.generic], scale: float = 1.0) -> Engine:
    """Open an engine by name.

    Parameters
    ----------
    name : str
        A key of `ENGINES`, or "auto".
    features : ndarray of uint8, float32 or float64, shape (n, d)
        Finite, in C order; never modified, never copied to another type.
    scale : float
        What each feature is multiplied by inside the engine.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if name != "auto" and name not in ENGINES:
        known = ", ".join(repr(known) for known in ("auto", *ENGINES))
        raise ValueError(f"engine={name!r} is not known; choose one of {known}")
    module, cls = ENGINES[AUTO if name == "auto" else name]
    engine: Engine = getattr(import_module(module), cls)(features, scale)
    return engine
