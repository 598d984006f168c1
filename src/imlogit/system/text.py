"""Texts of any origin, fit to be printed."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice

REASON_LENGTH = 200
# Of a folder with more names, the first are enough for a guess.
MOST_NAMES = 10_000
PERIODS = {"day": 86_400, "hour": 3600, "minute": 60}
# The last four are what Chinese and Japanese keyboards type; spreadsheets take them, too.
_STARTS_OF_FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Marks that join letters, and blanks that hold words together, as names may have them.
KEPT = "\u200c\u200d\xa0\u202f"
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


def printable_text(text: str) -> str:
    """Return a text fit to be printed, with marks that join letters and blanks that hold words."""
    if text.isprintable():
        return text
    return "".join(char if char in KEPT else printable(char) for char in text)


def printable_lines(text: str) -> str:
    """Return a text of several lines fit to be printed, whatever is in its lines."""
    return "\n".join(map(printable_text, text.split("\n")))


def spreadsheet_text(text: str) -> str:
    """Return a text as a cell of CSV that no spreadsheet takes for a formula.

    It is fit to be printed, and after an apostrophe where it begins as formulas do. A number stays
    one, with its sign.
    """
    safe = printable_text(text)
    formula = safe.startswith(_STARTS_OF_FORMULAS) and _NUMBER.fullmatch(safe) is None
    return f"'{safe}" if formula else safe


def first_of(names: Sequence[str], most: int = 10) -> str:
    """Return the first names, fit to be printed, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more


def counted(number: int, one: str, many: str = "") -> str:
    """Return how many there are of something, such as 1 image and 2,000 images.

    Parameters
    ----------
    number : int
    one : str
        What one of them is called.
    many : str, optional
        What several are called, where that does not end in an s alone.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def reason(error: BaseException) -> str:
    """Return an exception as one short line, fit to be printed, whoever worded it."""
    text = printable(" ".join(f"{type(error).__name__}: {error}".split()))
    return text if len(text) <= REASON_LENGTH else text[: REASON_LENGTH - 3] + "..."


def nearest(name: object, known: Iterable[str], before: str = "") -> str:
    """Return a sentence that asks whether another name was meant, or nothing.

    Parameters
    ----------
    name : object
        What is not known; as a text.
    known : iterable of str
        What is; capital letters count as small ones.
    before : str, optional
        What stands before the name that is found, such as its folder.

    Examples
    --------
    >>> nearest("minst", ["mnist", "pets"])
    " Did you mean 'mnist'?"
    """
    spelled = {one.lower(): one for one in reversed(list(known)) if one}
    found = get_close_matches(str(name).lower(), spelled, n=1)
    return f" Did you mean '{printable(before + spelled[found[0]])}'?" if found else ""


def nearest_path(
    path: str | os.PathLike[str], folders: Sequence[str] = ("",), known: Sequence[str] = ()
) -> str:
    """Return a sentence that asks whether another name in its folder was meant, or nothing.

    Parameters
    ----------
    path : path-like
        At which nothing lies.
    folders : sequence of str
        What it may be relative to; by default the current folder.
    known : sequence of str
        Names beside those of files, for a name without a folder.
    """
    whole = os.fspath(path).rstrip(os.sep)
    name = os.path.basename(whole)  # noqa: PTH119 - the rest stays as it was given
    before = whole.removesuffix(name)
    places = [os.path.expanduser(os.path.join(one, before)) for one in folders]  # noqa: PTH111, PTH118
    beside = [one for place in places for one in _names_in(place or os.curdir)]
    return nearest(name, [*([] if before else known), *beside], before)


def _names_in(folder: str) -> list[str]:
    """Return names in a folder, but for hidden ones; none where that is not told."""
    with suppress(OSError, ValueError), os.scandir(folder) as entries:  # a null character
        seen = islice(entries, MOST_NAMES)
        return sorted(entry.name for entry in seen if not entry.name.startswith("."))
    return []


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


def bytes_in_words(size: int) -> str:
    """Return a number of bytes in a unit that suits it, such as 1.5 GB."""
    unit = next((name for name in ("TB", "GB", "MB", "KB") if size >= BYTES[name]), "B")
    return f"{size / BYTES[unit]:.4g} {unit}"


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
