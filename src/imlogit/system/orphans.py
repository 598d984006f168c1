"""Processes of ours that end when the one that started them is gone."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time

LOOKING_SECONDS = 0.25


def end_with_parent(parent: int) -> None:
    """End this process soon after its parent, which may be killed and say nothing.

    Parameters
    ----------
    parent : int
        The parent's process number, known from the parent itself: it may be gone already.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    known = multiprocessing.parent_process()
    if os.name == "nt" and known is not None:
        known.join()  # numbers of processes that are gone are not changed there, but waited for
    else:
        while os.getppid() == parent:
            time.sleep(LOOKING_SECONDS)
    os._exit(1)
