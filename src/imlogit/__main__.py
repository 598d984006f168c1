"""The command `imlogit`: as little as it takes to answer Ctrl-C and SIGTERM at any moment."""

from __future__ import annotations

import gc
import signal
import sys
from types import FrameType

# What ends a command, and what is said of it; the exit code is the shell's, 128 and the number.
ENDINGS = {signal.SIGINT: "Interrupted.", signal.SIGTERM: "Terminated."}
OF_A_SIGNAL = 128
# Looking for garbage among all that the imports create takes a quarter of a short command's
# time; a command lives too briefly to need it more often than this.
OBJECTS_BETWEEN_COLLECTIONS = 200_000
AGAIN_SECONDS = 0.01


def main() -> None:
    """Run the command line; an interrupt ends it with its exit code, wherever it strikes."""
    struck: list[int] = []

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        struck.append(signum)
        raise KeyboardInterrupt

    for signum in ENDINGS:
        signal.signal(signum, interrupt)
    sys.unraisablehook = _interrupt_again
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    try:
        from imlogit.cli.app import run

        code = run(sys.argv[1:])
    except BaseException:
        # An interrupt in the middle of an import may come out as an ImportError.
        if not struck:
            raise
    if struck:
        for signum in ENDINGS:
            signal.signal(signum, signal.SIG_IGN)
        first = signal.Signals(struck[0])
        print(f"\n{ENDINGS[first]}", file=sys.stderr)  # noqa: T201 - rich may not be there yet
        code = OF_A_SIGNAL + first
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
