"""Texts of any origin, fit to be printed."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence

REASON_LENGTH = 200
PERIODS = {"day": 86_400, "hour": 3600, "minute": 60}
BYTES = {"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


def printable(name: str | os.PathLike[str]) -> str:
    """Return a name fit to be printed: bytes that are no text and controls are escaped."""
    text = os.fspath(name)
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable()
        else char.encode("unicode_escape", "backslashreplace").decode()
        if not "\udc80" <= char <= "\udcff"
        else f"\\x{ord(char) - 0xDC00:02x}"
        for char in text
    )


def first_of(names: Sequence[str], most: int = 10) -> str:
    """Return the first names, fit to be printed, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more


def reason(error: BaseException) -> str:
    """Return an exception as one short line."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= REASON_LENGTH else text[: REASON_LENGTH - 3] + "..."


def by(shape: tuple[int, ...], sign: str = " x ") -> str:
    """Return a shape as people write it, such as 28 x 28."""
    return sign.join(map(str, shape))


def ago(seconds: float) -> str:
    """Return how long ago something was, in its largest whole unit, such as 3 days ago."""
    for name, length in PERIODS.items():
        count = int(seconds // length)
        if count > 0:
            return f"{count:,} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def parse_bytes(size: object, least: int = 1) -> int:
    """Return a number of bytes, or what a text such as ``"2 GB"`` says.

    Raises
    ------
    ValueError
        For anything else, and for less than the least.
    """
    found = re.fullmatch(r"\s*([\d.]+(?:e\d+)?)\s*([KMGT]?B?)\s*", str(size), re.IGNORECASE)
    try:
        number = math.nan if found is None else float(found[1]) * BYTES[found[2].upper()]
    except (KeyError, ValueError):
        number = math.nan
    if isinstance(size, bool) or not least <= number < math.inf:
        raise ValueError(f"{size!r} is no size: give bytes, or a text such as '2GB'")
    return int(number)
