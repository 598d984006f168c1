"""Who called this package, for warnings that point at a line of the caller's."""

from __future__ import annotations

import sys

PACKAGE = __name__.partition(".")[0]


def caller_level() -> int:
    """Return the ``stacklevel`` of the first frame outside this package, for `warnings.warn`.

    However many functions of ours lie between.
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    return level


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == PACKAGE
