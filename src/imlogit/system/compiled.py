"""Functions compiled by Numba: serial, without the interpreter lock, kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., None]) -> Callable[..., None]:
    """Compile a function without the interpreter lock, and keep the machine code on disk."""
    return _compiled(function, fastmath={"reassoc", "contract", "nsz", "arcp"})


def exact_kernel(function: Callable[..., None]) -> Callable[..., None]:
    """Compile as `kernel` does, each operation rounded as it stands: the same on any machine."""
    return _compiled(function, fastmath=False)


def _compiled(function: Callable[..., None], fastmath: set[str] | bool) -> Callable[..., None]:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in: compile in every process
        return numba.njit(**options)(function)
