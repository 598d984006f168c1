"""What a step's parameters may be, beside their fields, and how they are read from a text."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import Field, field
from typing import Any, NamedTuple

from imlogit.errors import ParameterError

Plain = int | float | str | bool
"""What a parameter is: JSON has each of them."""

MOST_LETTERS = 1000

_WORDS = {"yes": True, "true": True, "no": False, "false": False}


class Allowed(NamedTuple):
    """What a parameter may be, and what it does.

    Attributes
    ----------
    kind : type
        int, float, str or bool.
    help : str
    least, most : float
        Of numbers.
    names : tuple of str
        Of texts; none where any will do.
    """

    kind: type
    help: str
    least: float = -math.inf
    most: float = math.inf
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind is bool:
            return "yes or no"
        if self.kind is str:
            some = f"a text of at most {MOST_LETTERS:,} letters"
            return f"one of {', '.join(self.names)}" if self.names else some
        number = "a whole number" if self.kind is int else "a number"
        return f"{number} from {self.least:g} to {self.most:g}"


def whole(default: int, least: int, most: int, help: str) -> Any:
    """Return a field that holds a whole number."""
    return field(default=default, metadata={"allowed": Allowed(int, help, least, most)})


def real(default: float, least: float, most: float, help: str) -> Any:
    """Return a field that holds a number."""
    return field(default=default, metadata={"allowed": Allowed(float, help, least, most)})


def choice(default: str, names: tuple[str, ...], help: str) -> Any:
    """Return a field that holds one of some names."""
    return field(default=default, metadata={"allowed": Allowed(str, help, names=names)})


def free_text(help: str) -> Any:
    """Return a field that holds any text, and none by default."""
    return field(default="", metadata={"allowed": Allowed(str, help)})


def switch(default: bool, help: str) -> Any:
    """Return a field that holds True or False."""
    return field(default=default, metadata={"allowed": Allowed(bool, help)})


def allowed_of(parameter: Field[Any]) -> Allowed:
    """Return what a field may hold."""
    allowed: Allowed = parameter.metadata["allowed"]
    return allowed


def check_parameter(parameter: Field[Any], value: Any) -> Plain:
    """Return a parameter's value as the type it has.

    Raises
    ------
    ParameterError
        Says what it may be.
    """
    allowed = allowed_of(parameter)
    good = _is_of(allowed.kind, value)
    if good and allowed.kind in (int, float):
        good = allowed.least <= value <= allowed.most
    if good and allowed.kind is str:
        good = value in allowed.names if allowed.names else len(value) <= MOST_LETTERS
    if not good:
        raise ParameterError(
            f"{parameter.name}={reprlib.repr(value)} must be {allowed}", parameter=parameter.name
        )
    plain: Plain = allowed.kind(value)
    return plain


def parse_parameter(parameter: Field[Any], text: str) -> Plain:
    """Return the value that a text such as "512" says.

    Raises
    ------
    ParameterError
        Says what it may be.
    """
    kind = allowed_of(parameter).kind
    readers: Mapping[type, Any] = {bool: lambda word: _WORDS[word.lower()]}
    try:
        value = readers.get(kind, kind)(text)
    except (KeyError, ValueError):
        value = text if kind is not str else None
    return check_parameter(parameter, value)


def _is_of(kind: type, value: Any) -> bool:
    """Whether a value is of a kind; NumPy's numbers count, and True is no number."""
    import numpy as np

    if kind is bool:
        return isinstance(value, (bool, np.bool_))
    if kind is str:
        return isinstance(value, str)
    numbers = (int, np.integer) if kind is int else (int, float, np.integer, np.floating)
    return isinstance(value, numbers) and not isinstance(value, bool)
