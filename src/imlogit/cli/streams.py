"""Standard output and error as they may be: closed, or of an encoding that lacks letters."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys

# Narrower than this no table can be read: so wide a terminal says nothing, as COLUMNS=0 does.
LEAST_WIDTH = 20
USUAL_WIDTH = 80

# Where results are redirected to a disk that is full: no fault of anyone's here.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def prepare_streams() -> None:
    r"""Make standard output and error such that whatever is printed can be.

    One that is closed, as a service's may be, becomes one that takes everything; what its encoding
    lacks is written as ``\u732b``, as Python and JSON write it.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):  # nothing may be left to be flushed
                stream.reconfigure(errors="backslashreplace")


def leave_nothing_to_flush() -> None:
    """Drop what standard output and error do not take, or Python would fail over it at its end.

    It would say so in words of its own, and exit with a code of its own (120).
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def can_be_printed(text: str) -> bool:
    """Whether standard output has all letters of a text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
