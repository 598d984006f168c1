"""How many processors to use."""

from __future__ import annotations

import os

from imlogit.errors import ParameterError


def processor_count() -> int:
    """Return how many threads or processes to use.

    ``IMLOGIT_NUM_THREADS`` if it is set; else the processors that this process may use, and no
    more than ``OMP_NUM_THREADS``, by which joblib tells its workers their share.

    Raises
    ------
    ParameterError
        If ``IMLOGIT_NUM_THREADS`` is no number of threads.
    """
    from joblib import cpu_count

    wanted = os.environ.get("IMLOGIT_NUM_THREADS", "")
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ParameterError(
                f"IMLOGIT_NUM_THREADS={wanted!r} is not a number of threads (1, 2, …)"
            )
        return int(wanted)
    share = os.environ.get("OMP_NUM_THREADS", "")
    available: int = cpu_count()
    return min(available, int(share)) if share.isdecimal() and int(share) else available
