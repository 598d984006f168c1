"""Ctrl-C and SIGTERM, held back where they would leave a lock locked."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

# What ends a command, which tidies up first.
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], Any]


class DeferredInterrupt:
    """A context in which an interrupt is noted, and answered at its end.

    Python raises `KeyboardInterrupt` between any two instructions of the main thread. Between
    those that acquire a lock and those that see to its release, it stays locked, and whoever asks
    for it next waits for ever (https://github.com/python/cpython/issues/74174).
    """

    def __init__(self) -> None:
        self._noted: list[tuple[int, FrameType | None]] = []
        self._before: list[tuple[int, Handler]] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for signum in INTERRUPTS:
                before = signal.getsignal(signum)
                if callable(before):  # else it is ignored, or ends the process
                    self._before.append((signum, before))
                    signal.signal(signum, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        # SIGINT, the more frequent, last: until then it is noted
        for signum, before in reversed(self._before):
            signal.signal(signum, before)
        if self._noted:
            signum, frame = self._noted[0]
            dict(self._before)[signum](signum, frame)

    @property
    def noted(self) -> bool:
        """Whether there was an interrupt."""
        return bool(self._noted)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._noted.append((signum, frame))
