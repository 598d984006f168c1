"""The .npy format, in which NumPy writes one array: a strict reader.

NumPy allocates what a header asks for before it looks whether the bytes are there, and 128 bytes
can ask for 32 GiB. Here nothing is allocated before the header agrees with the size.
"""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imlogit.arrays import Pixels
from imlogit.errors import DataError
from imlogit.system.regular_file import open_regular
from imlogit.system.text import printable, reason

ENDING = ".npy"
# That of a plain array takes 128; NumPy itself parses ten thousand.
HEADER_BYTES = 1 << 12
# An archive's members give their bytes out as new objects: pieces keep those small.
PIECE_BYTES = 1 << 20
MOST_DIMENSIONS = 4
LARGEST = np.iinfo(np.int64).max
# Booleans, integers, floats and text: what has no pointers and no fields.
PLAIN_KINDS = "biufSU"
TYPE_LENGTH = 60
# Python 3.11 counts the depth of what it parses for all threads at once, and raises SystemError
# where two that parse take turns; filters of warnings belong to all threads as well.
ONE_PARSER = threading.Lock()


class Header(NamedTuple):
    """What an array says that it is."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """How many bytes the items take."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy(stream: IO[bytes], size: int, where: str) -> npt.NDArray[Any]:
    """Read one array, of plain items.

    Parameters
    ----------
    stream : binary file
        Need not be able to seek.
    size : int
        How many bytes it holds.
    where : str
        Its name, the start of the error.

    Returns
    -------
    ndarray of booleans, integers, floats or text, with at least one item

    Raises
    ------
    DataError
        For anything else: objects, which are never unpickled, and arrays that are not exactly
        what their header says.
    """
    with refusing(where):
        head = io.BytesIO(stream.read(HEADER_BYTES))
        header = read_header(head)
        _check(header, size - head.tell(), where)
        items = np.empty(header.n_bytes, np.uint8)
        arrived = _fill(stream, items, head.read())
        if arrived < len(items) or stream.read(1):  # an archive checks its sum at the end
            raise DataError(f"{where} changed while it was read. Try again.")
        array = items.view(header.dtype)
        return array.reshape(header.shape, order="F" if header.fortran else "C")


def map_npy(path: Path) -> npt.NDArray[Any]:
    """Map one array of plain items from its file, without reading it.

    Raises
    ------
    DataError
        As `read_npy`.
    """
    where = printable(path)
    with opened(path) as (file, size), refusing(where):
        head = io.BytesIO(file.read(HEADER_BYTES))
        header = read_header(head)
        _check(header, size - head.tell(), where)
        order: Any = "F" if header.fortran else "C"
        mapped = np.memmap(file, header.dtype, "r", head.tell(), header.shape, order)
        mapped.filename = str(path.resolve())  # which an open file's number does not say
        return mapped


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """Open a regular file; also return its size in bytes.

    Raises
    ------
    DataError
        If it is something else, or cannot be opened.
    """
    with ExitStack() as stack:
        with refusing(printable(path)):
            file, size = stack.enter_context(open_regular(path))
        yield file, size


@contextmanager
def refusing(where: str) -> Iterator[None]:
    """Raise whatever goes wrong with a file as an error that names it.

    Raises
    ------
    DataError
    """
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise DataError(
            f"{where} cannot be read ({error.strerror or error}). Is it there, and may it be read?"
        ) from error
    except MemoryError as error:
        raise DataError(f"{where} is too large for the memory that is left.") from error
    except Exception as error:  # hostile bytes raise some fifteen kinds in NumPy and zipfile
        raise DataError(
            f"{where} is damaged, or not what its name says ({printable(reason(error))}). Copy or "
            "save it again."
        ) from error


def read_header(head: IO[bytes]) -> Header:
    """Read what stands before the items; leave `head` at the first of them.

    Raises
    ------
    ValueError, and other errors of NumPy and Python
        If it is none. Which ones is not documented; `refusing` takes them all.
    """
    versions = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(head)
    if version not in versions:  # 3.0 is for names of fields, which are not read here
        raise ValueError(f"version {version[0]}.{version[1]} of .npy")
    with ONE_PARSER, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # headers of Python 2, and types of old spelling
        try:
            shape, fortran, dtype = versions[version](head)
        except MemoryError:  # so Python's parser says it
            raise ValueError("a header that is nested too deeply") from None
    return Header(tuple(map(int, shape)), fortran, dtype)


def _check(header: Header, held: int, where: str) -> None:
    """Refuse an array that is not plain, or for which there are more or fewer bytes than held."""
    shape, _, dtype = header
    if dtype.hasobject:
        raise DataError(
            f"{where} holds Python objects, which are never unpickled here: a pickle can run "
            "anything. Save it as an array of numbers or text."
        )
    if dtype.kind not in PLAIN_KINDS or not dtype.itemsize:
        raise DataError(
            f"{where} is of the type {printable(str(dtype))[:TYPE_LENGTH]}. Save it as an array of "
            "numbers or text."
        )
    if len(shape) > MOST_DIMENSIONS or not all(0 <= length <= LARGEST for length in shape):
        raise DataError(
            f"{where} declares a shape that no images have: {len(shape)} dimensions, "
            f"{_bounds(shape)}. Save it again."
        )
    if 0 in shape:
        raise DataError(f"{where} has the shape {shape}: it holds nothing. Leave it out.")
    if header.n_bytes != held:
        raise DataError(
            f"{where} declares {shape} of {dtype}, {header.n_bytes:,} bytes, but holds {held:,}: "
            "it is cut short, or its header is wrong. Copy or save it again."
        )


def _bounds(shape: tuple[int, ...]) -> str:
    low, high = (max(-LARGEST, min(length, LARGEST)) for length in (min(shape), max(shape)))
    return f"the smallest of {low:,} and the largest of {high:,} or beyond"


def _fill(stream: IO[bytes], items: Pixels, begin: bytes) -> int:
    """Read into `items`, after `begin`, until it is full or the stream ends; return how many."""
    view, arrived = items.data, len(begin)
    view[:arrived] = begin
    while arrived < len(items):
        got = stream.readinto(view[arrived : arrived + PIECE_BYTES])  # type: ignore[attr-defined]
        if not got:
            break
        arrived += got
    return arrived
