"""Texts of any origin, fit to be printed."""

from __future__ import annotations

import os
from collections.abc import Sequence

REASON_LENGTH = 200


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
