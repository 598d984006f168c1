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
AGAIN_SECONDS = 0.01


def main() -> None:
    """Run the command line; an interrupt ends it with exit code 130, wherever it strikes."""
    interrupted = False

    def interrupt(_signum: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    sys.unraisablehook = _interrupt_again
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


def _interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Repeat an interrupt that struck where Python ignores exceptions, as in a finalizer."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    import _thread
    import os
    import threading

    def strike() -> None:
        if os.name == "posix":
            os.kill(os.getpid(), signal.SIGINT)  # which wakes what sleeps
        else:
            _thread.interrupt_main()

    # by then what ignored it is over
    timer = threading.Timer(AGAIN_SECONDS, strike)
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
