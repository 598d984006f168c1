"""How many processors to use, and of which kind they are."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

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


def machine() -> dict[str, str]:
    """Return what the last bits of sums depend on beside the versions of libraries.

    The processor, and the kernels that BLAS has chosen for it, as texts by name.
    """
    import numpy  # noqa: F401 - whose BLAS is looked for
    from threadpoolctl import threadpool_info

    libraries = {
        " ".join(str(one.get(key) or "") for key in ("internal_api", "version", "architecture"))
        for one in threadpool_info()
        if one["user_api"] == "blas"
    }
    return {"processor": _processor(), "blas": ", ".join(sorted(libraries)).strip()}


def _processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
        names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
        if names:
            return " ".join(names[0].split())
    return platform.processor() or platform.machine()
