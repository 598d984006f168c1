"""What is to be known of how a source was read: said at once, and kept with the images."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from imlogit.errors import SourceWarning


def remark(message: str) -> None:
    """Warn of something about a source that is being read, such as files that are left out."""
    warnings.warn(message, SourceWarning, stacklevel=3)


@contextlib.contextmanager
def held_back() -> Iterator[list[str]]:
    """Hold remarks back while a source is read, and give them as a list, each once.

    If it cannot be read they are said: they may be why. Other warnings are said at once.
    """
    found: list[str] = []
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", SourceWarning)
            show = warnings.showwarning

            def hold(message: Any, category: type[Warning], *others: Any) -> None:
                if issubclass(category, SourceWarning):
                    caught.append(warnings.WarningMessage(message, category, *others))
                else:
                    show(message, category, *others)

            warnings.showwarning = hold  # type: ignore[assignment]
            yield found
    except BaseException:
        _say_again(caught)
        raise
    found += dict.fromkeys(str(one.message) for one in caught)


def say(remarks: Iterable[str]) -> None:
    """Warn of what was noted."""
    for message in remarks:
        remark(message)


def _say_again(caught: Iterable[warnings.WarningMessage]) -> None:
    for one in caught:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
