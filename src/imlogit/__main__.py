"""The command `imlogit`: as little as it takes to answer Ctrl-C at any moment."""

from __future__ import annotations

import gc
import signal
import sys
from types import FrameType

INTERRUPTED = 130
# Looking for garbage among all that the imports create takes a quarter of a short command's
# time; a command lives too briefly to need it more often than this.
OBJECTS_BETWEEN_COLLECTIONS = 200_000


def main() -> None:
    """Run the command line; an interrupt ends it with exit code 130, wherever it strikes."""
    interrupted = False

    def interrupt(_signum: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        from imlogit.cli.app import run

        code = run(sys.argv[1:])
    except BaseException:
        # An interrupt in the middle of an import may come out as an ImportError.
        if not interrupted:
            raise
        code = INTERRUPTED
    if interrupted:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("\nInterrupted.", file=sys.stderr)  # noqa: T201 - rich may not be there yet
        code = INTERRUPTED
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
