"""The one table of engines: a name, and where its class is."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from imlogit.core.contract import Engine
from imlogit.engines.matrix import as_matrix
from imlogit.errors import ParameterError
from imlogit.system.text import nearest

# An engine is a class called as ``cls(matrix, scale)``.
ENGINES = {
    "dask": ("imlogit.engines.dask", "DaskEngine"),
    "numba": ("imlogit.engines.numba_cpu", "NumbaEngine"),
    "reference": ("imlogit.engines.reference", "ReferenceEngine"),
    "tensorflow": ("imlogit.engines.tensorflow", "TensorFlowEngine"),
}
# What Numba compiles: TensorFlow's leaves to it what is small, and Dask's workers run it.
COMPILED = ("dask", "numba", "tensorflow")
# The CUDA driver's library, by system.
DRIVERS = ("libcuda.so.1", "nvcuda.dll")


def open_engine(name: str, features: Any, scale: float = 1.0) -> Engine:
    """Open an engine by name.

    Parameters
    ----------
    name : str
        A key of `ENGINES`, or "auto": Dask for rows on a cluster, TensorFlow where it is installed
        and there is a GPU, else Numba, or the reference where Numba may not compile.
    features : Matrix or ndarray of uint8, 16-bit or other floats, shape (n, d)
        Finite, of any layout; never modified, never copied whole but to a device.
    scale : float
        What each feature is multiplied by inside the engine.

    Raises
    ------
    ParameterError
        For an unknown name.
    MissingExtraError
        For an engine whose extra is not installed.
    """
    check_engine(name)
    matrix = as_matrix(features)
    module, cls = ENGINES[matrix.engine or best_engine() if name == "auto" else name]
    engine: Engine = getattr(import_module(module), cls)(matrix, scale)
    return engine


def local_engine(name: str) -> str:
    """Return the engine that predicts on arrays at hand, for which a cluster does not pay."""
    return "auto" if name == "dask" else name


def check_engine(name: str) -> None:
    """Refuse an engine that there is not, or that cannot be here.

    Raises
    ------
    ParameterError
    """
    if name != "auto" and name not in ENGINES:
        known = ", ".join(repr(known) for known in ("auto", *ENGINES))
        guess = nearest(name, ("auto", *ENGINES))
        raise ParameterError(
            f"engine={name!r} is not known.{guess} Choose one of {known}", parameter="engine"
        )
    if name in COMPILED and _is_interpreted():
        raise ParameterError(
            f"engine={name!r} is compiled, which NUMBA_DISABLE_JIT forbids: give "
            "engine='reference'",
            parameter="engine",
        )


@cache
def best_engine() -> str:
    """Return the engine that "auto" means here, found out without importing TensorFlow."""
    if _is_interpreted():
        return "reference"
    return "tensorflow" if find_spec("tensorflow") and count_gpus() else "numba"


def _is_interpreted() -> bool:
    """Whether Numba is told not to compile, as debuggers and coverage do."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def count_gpus() -> int:
    """Return how many GPUs the CUDA driver sees; 0 without a driver."""
    for name in DRIVERS:
        try:
            driver = ctypes.CDLL(name)
        except OSError:
            continue
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value
    return 0
