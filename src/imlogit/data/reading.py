"""How a source is to be read: the options that sources of images share."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field, fields
from typing import Any

from imlogit.errors import DataError, ParameterError

LAYOUTS = ("hwc", "chw")
FITS = ("crop", "pad", "stretch")
# Pillow itself refuses images of more than twice its own limit, some 179 megapixels.
MOST_MEGAPIXELS = 178.0
MEGA = 1_000_000
# In what was written down: longer than a path may be, and larger than any size or limit.
MOST_LETTERS, MOST_NUMBER = 4096, 1e12


def option_of(default: Any, help_: str, **how: Any) -> Any:
    """Return a field that says what the command line and the reference say of it."""
    return field(default=default, metadata={"help": help_, **how})


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How images are read.

    Parameters
    ----------
    size : tuple of int, optional
        (height, width) that every image is brought to, with antialiasing. By default images
        stay as they are, unless they differ in size or have more than 100,000 numbers: then a size
        is chosen, and said.
    fit : {"crop", "pad", "stretch"}, default="crop"
        What becomes of other proportions: the middle is taken, black is put beside, or they are
        not kept.
    grey : bool, default=False
        Convert colour to grey.
    shape : tuple of int, optional
        (height, width) or (height, width, channels) of images that come as rows of numbers; by
        default they are taken as square, grey or of three channels.
    layout : {"hwc", "chw"}, optional
        Whether the channels of a pixel stand together, or each channel is a plane of its own.
    labels : str, optional
        A table, CSV or TSV, of the files below a folder and their classes: where it is, from here
        or within the folder.
    label_from : str, optional
        Where in the names of files their class stands: a regular expression, of which the first
        group or else the whole match is the class, or a separator, such as "_", before the last of
        which it stands.
    label_column : str or int, optional
        The column of a table that names the classes, or its position from 0 (-1 is the last); by
        default it is found by its name, or the first where columns have none.
    skip_bad : bool, default=False
        Go on without files and rows that cannot be used.
    follow_links : bool, default=False
        Follow symbolic links that lead out of a folder.
    max_megapixels : float, default=25
        Larger images are refused before they are decoded.
    max_megabytes : float, default=64
        Larger image files are refused before they are read.

    Raises
    ------
    ParameterError
        For a value out of range.
    """

    size: tuple[int, int] | None = option_of(
        None,
        "Bring every image to this size; one is chosen for photos of many sizes, or large ones.",
        metavar="HxW",
        parse=lambda text: parse_shape(text, "size", (2,)),
    )
    fit: str = option_of(
        "crop",
        "To another size by its middle, with black beside, or without its proportions.",
        metavar="crop|pad|stretch",
    )
    grey: bool = option_of(False, "Convert colour to grey.")
    shape: tuple[int, ...] | None = option_of(
        None,
        "The shape of images that come as rows of numbers; by default square, grey or colour.",
        metavar="HxW[xC]",
        parse=lambda text: parse_shape(text, "shape", (2, 3)),
    )
    layout: str | None = option_of(
        None,
        "Where the channels are: hwc, together at each pixel, or chw, each a plane of its own.",
        metavar="hwc|chw",
    )
    labels: str | None = option_of(
        None, "A table of the files below a folder and their classes.", metavar="FILE"
    )
    label_from: str | None = option_of(
        None,
        "Where in names of files the class stands: a regular expression, or a separator after it.",
        metavar="PATTERN",
    )
    label_column: str | int | None = option_of(
        None,
        "The column of a table that names the classes, or its position from 0; by default found.",
        metavar="NAME",
        parse=str,
    )
    skip_bad: bool = option_of(False, "Go on without files and rows that cannot be used.")
    follow_links: bool = option_of(False, "Follow symbolic links that lead out of a folder.")
    max_megapixels: float = option_of(25.0, "Refuse larger images before they are decoded.")
    max_megabytes: float = option_of(64.0, "Refuse larger image files before they are read.")

    def __post_init__(self) -> None:
        _check_lengths("size", self.size, (2,))
        _check_lengths("shape", self.shape, (2, 3))
        if self.layout is not None and self.layout not in LAYOUTS:
            raise ParameterError(
                f"The layout is {self.layout!r}: give one of {', '.join(LAYOUTS)}.",
                parameter="layout",
            )
        if self.fit not in FITS:
            raise ParameterError(
                f"The fit is {self.fit!r}: give one of {', '.join(FITS)}.", parameter="fit"
            )
        _check_column(self.label_column)
        if self.labels is not None:  # a path will do
            object.__setattr__(self, "labels", os.fspath(self.labels))
        if self.labels is not None and self.label_from is not None:
            raise ParameterError(
                "labels=... and label_from=... cannot both be given.", parameter="label_from"
            )
        if not 0 < self.max_megapixels <= MOST_MEGAPIXELS:
            raise ParameterError(
                f"max_megapixels is {self.max_megapixels:g}: give a number over 0, at most "
                f"{MOST_MEGAPIXELS:g}.",
                parameter="max_megapixels",
            )
        if not 0 < self.max_megabytes < math.inf:
            raise ParameterError(
                f"max_megabytes is {self.max_megabytes:g}: give a number over 0.",
                parameter="max_megabytes",
            )

    @property
    def max_pixels(self) -> int:
        """The most pixels of one image."""
        return int(self.max_megapixels * MEGA)

    @property
    def max_bytes(self) -> int:
        """The most bytes of one image file."""
        return int(self.max_megabytes * MEGA)

    def chosen(self) -> dict[str, Any]:
        """Return the options that differ from their defaults, as JSON has them."""
        return {
            field.name: list(value) if isinstance(value, tuple) else value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    @classmethod
    def of(cls, chosen: dict[str, Any]) -> Reading:
        """Return the reading that `chosen` describes.

        Raises
        ------
        DataError
            For options that there are not.
        ParameterError
            For values out of range.
        """
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in chosen.items()
        }
        try:
            _check_kinds(chosen)
            return cls(**values)
        except TypeError as error:
            raise DataError(f"These are no options of reading images: {error}.") from None


def _check_kinds(chosen: dict[str, Any]) -> None:
    """Refuse values of JSON of another kind than an option takes, whoever wrote them down.

    Raises
    ------
    TypeError
    """
    kinds: dict[str, Any] = {"size": list, "shape": list, "label_column": (str, int)}
    for option in fields(Reading):
        value = chosen.get(option.name, option.default)
        usual = str if option.default is None else type(option.default)
        kind = kinds.get(option.name, (int, float) if usual is float else usual)
        is_kind = isinstance(value, kind) and (usual is bool or not isinstance(value, bool))
        numbers = value if isinstance(value, list) else [value]
        small = all(not isinstance(n, (int, float)) or abs(n) < MOST_NUMBER for n in numbers)
        short = not isinstance(value, str) or len(value) <= MOST_LETTERS
        if value != option.default and not (is_kind and small and short):
            raise TypeError(f"{option.name} is of another kind, or out of range")


def parse_shape(text: str, name: str, lengths: tuple[int, ...]) -> tuple[int, ...]:
    """Read ``HxW`` or ``HxWxC``.

    Parameters
    ----------
    text : str
    name : str
        The parameter that it was given for, named in the error.
    lengths : tuple of int
        How many numbers there may be.

    Raises
    ------
    ParameterError
    """
    numbers = tuple(int(part) for part in re.split("[xX×]", text) if part.isdecimal())
    if len(numbers) not in lengths or re.fullmatch(r"\d+([xX×]\d+)*", text) is None:
        form = "HxW or HxWxC, such as 32x32x3" if 3 in lengths else "HxW, such as 28x28"
        raise ParameterError(f"{name}={text!r}: give {form}.", parameter=name)
    return numbers


def _check_lengths(name: str, value: Any, lengths: tuple[int, ...]) -> None:
    if value is None:
        return
    whole = isinstance(value, tuple) and all(type(n) is int and n > 0 for n in value)
    if not whole or len(value) not in lengths:
        raise ParameterError(
            f"The {name} is {value!r}: give a tuple of {' or '.join(map(str, lengths))} whole "
            "numbers over 0.",
            parameter=name,
        )


def _check_column(column: Any) -> None:
    if column is not None and (column == "" or type(column) not in (str, int)):
        raise ParameterError(
            f"label_column is {column!r}: give the name of a column, or its position from 0.",
            parameter="label_column",
        )
