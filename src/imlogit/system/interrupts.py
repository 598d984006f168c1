"""Ctrl-C, held back where it would leave a lock locked."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self


class DeferredInterrupt:
    """A context in which an interrupt is noted, and answered at its end.

    Python raises `KeyboardInterrupt` between any two instructions of the main thread. Between
    those that acquire a lock and those that see to its release, it stays locked, and whoever asks
    for it next waits for ever (https://github.com/python/cpython/issues/74174).
    """

    def __init__(self) -> None:
        self._noted: list[tuple[int, FrameType | None]] = []
        self._before: object = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):  # else it is ignored, or ends the process
                self._before = before
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if not callable(self._before):
            return
        signal.signal(signal.SIGINT, self._before)
        if self._noted:
            self._before(*self._noted[0])

    @property
    def noted(self) -> bool:
        """Whether there was an interrupt."""
        return bool(self._noted)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._noted.append((signum, frame))
