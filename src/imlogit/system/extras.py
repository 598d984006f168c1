"""Optional libraries: one line that names what to install, and no chatter of theirs."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, BinaryIO

from imlogit.errors import MissingExtraError

_STANDARD_ERROR = 2
# Lines of TensorFlow's C++ side that are no error: it has no switch for those before its own
# logging is set up.
_CHATTER = re.compile(
    rb"[IW]\d{4} \d\d:|WARNING: All log messages before absl|INFO: Created TensorFlow Lite"
)


def need(module: str, extra: str, what: str) -> Any:
    """Import an optional library.

    Parameters
    ----------
    module : str
    extra : str
        The extra of imlogit that brings it.
    what : str
        What needs it, the start of the message.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        if module in sys.modules:
            return import_module(module)
        with quiet():
            return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f'{what} needs {module.partition(".")[0]}: pip install "imlogit[{extra}]"'
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep TensorFlow's chatter off standard error; everything else comes when the block ends.

    Where TensorFlow is first imported in the block, it is silent from then on.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        kept = os.dup(_STANDARD_ERROR)
    except OSError:  # there is no standard error
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said, os.fdopen(kept, "wb") as standard_error:
        os.dup2(said.fileno(), _STANDARD_ERROR)
        try:
            yield
        finally:
            with suppress(OSError):  # a full disk: what stays in the buffer comes afterwards
                sys.stderr.flush()
            os.dup2(standard_error.fileno(), _STANDARD_ERROR)
            _pass_on(said, standard_error)


def _pass_on(said: BinaryIO, standard_error: BinaryIO) -> None:
    said.seek(0)
    standard_error.writelines(
        line.removesuffix(b"\n") + b"\n" for line in said if not _CHATTER.match(line)
    )
