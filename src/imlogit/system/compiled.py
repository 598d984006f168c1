"""Functions compiled by Numba: serial, without the interpreter lock, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


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
