"""What a format is, and the formats of the table by name and by ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imlogit.errors import ExportError
from imlogit.export.table import FORMATS
from imlogit.model.head import Answers, Head
from imlogit.system.text import nearest

Inputs = NDArray[np.generic]
Runner = Callable[[Inputs], Answers]
FLOAT32_TOLERANCE = 5e-6
FLOAT64_TOLERANCE = 1e-9
# What TensorFlow and LiteRT look for where no signature is named.
SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Format:
    """How a head is written, and how what was written is run again.

    Attributes
    ----------
    write : callable
        ``write(head, path)`` makes the file or folder.
    load : callable
        ``load(path)`` gives what runs it on inputs, by the format's own library.
    tolerance : float
        What probabilities may differ by from the model's.
    sidecar : bool
        Whether the format has no place of its own for class names.
    mark : str
        For a folder, the file in it by which it is known.
    """

    write: Callable[[Head, Path], None]
    load: Callable[[Path], Runner]
    tolerance: float = FLOAT32_TOLERANCE
    sidecar: bool = False
    mark: str = ""


def open_format(name: str, float64: bool = False) -> Format:
    """Return a format by name.

    Raises
    ------
    ExportError
        For an unknown name, or one that has no float64.
    MissingExtraError
        For a format whose extra is not installed.
    """
    suffix_of(name)
    module = import_module(FORMATS[name].home)
    if float64 and not hasattr(module, "FLOAT64"):
        raise ExportError(f"float64 is for onnx; {name} has one kind of number only.")
    found: Format = module.FLOAT64 if float64 else module.FORMAT
    return found


def suffix_of(name: str) -> str:
    """Return how the files of a format end.

    Raises
    ------
    ExportError
        For an unknown name.
    """
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise ExportError(
            f"{name!r} is not a format.{nearest(name, FORMATS)} Choose one of {known}."
        )
    return FORMATS[name].suffix


def format_of(path: Path) -> str:
    """Return the name of the format that a path ends in.

    Raises
    ------
    ExportError
        If it ends in none of them.
    """
    for name, row in FORMATS.items():
        if path.suffix == row.suffix:
            return name
    known = ", ".join(row.suffix for row in FORMATS.values())
    raise ExportError(f"{path}: no format ends so. Choose one of {known}.")
