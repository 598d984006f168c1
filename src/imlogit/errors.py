"""The few exceptions and warnings that a user can meet.

Every message says what was wrong, where, and what to do next. It names a parameter as Python
spells it, ``size=(28, 28)`` or ``skip_bad=True``; the command line, which prints the message alone
and exits with code 2, spells it as its option.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ImlogitError(Exception):
    """The base of every error that imlogit raises on purpose.

    Attributes
    ----------
    parameter : str or None
        The name of the parameter that it is about, or that mends it.
    """

    def __init__(self, message: str = "", *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class ParameterError(ImlogitError, ValueError):
    """A parameter out of range, or parameters that do not go together."""


class TooLargeError(ParameterError, FloatingPointError):
    """Features, or costs of rows, whose sums overflow float64."""


class KindError(ImlogitError, TypeError):
    """An argument of a type that is not taken."""


class MemoryShortageError(ImlogitError, MemoryError):
    """A device that has too little memory for the images."""


class DataError(ImlogitError, ValueError):
    """Images or labels that cannot be read, or that are not what they claim to be."""


class BadItemsError(DataError):
    """A source of which single files or rows cannot be used.

    Attributes
    ----------
    problems : tuple of BadItem
        Every one of them: ``where`` it is and ``what`` is wrong.
    """

    def __init__(
        self, message: str, problems: Sequence[Any] = (), *, parameter: str | None = None
    ) -> None:
        super().__init__(message, parameter=parameter)
        self.problems = tuple(problems)


class DownloadError(DataError):
    """No source of a data set gave what was asked for."""


class ModelFileError(ImlogitError, ValueError):
    """A model file that is damaged, of another format, or not a model file."""


class ExportError(ImlogitError, ValueError):
    """A model that a format cannot hold, or an exported file that does not say what it says."""


class ClusterError(ImlogitError, ConnectionError):
    """A cluster that is closed, does not answer, has no workers, or workers of another version."""


class OutputError(ImlogitError, OSError):
    """A result that cannot be written; whatever was there before is untouched."""


class MissingExtraError(ImlogitError, ImportError):
    """A feature whose optional dependency is not installed."""


class FitInterrupted(KeyboardInterrupt):
    """A Ctrl-C during a fit.

    Attributes
    ----------
    partial : object
        What is finished and certified so far, of the kind that the interrupted function returns;
        None where nothing is.
    unfinished : object
        The same with what is certified, but short of the tolerance: its status is
        "interrupted".
    """

    def __init__(self, partial: Any = None, unfinished: Any = None) -> None:
        super().__init__("interrupted during a fit; what is finished is in .partial")
        self.partial = partial
        self.unfinished = unfinished


class GridEdgeWarning(UserWarning):
    """The best value of a parameter is the first or the last of those that were tried."""


class PixelScaleWarning(UserWarning):
    """Data that look like raw pixels but are not of type uint8."""


class SourceWarning(UserWarning):
    """Something about a source of images that is read, such as files that are left out."""


class ZeroRowsWarning(UserWarning):
    """Rows to be normalised that are all zeros, and have no direction."""
