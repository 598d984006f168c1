"""The format of MATLAB 5 to 7: a strict reader of arrays of numbers, which does nothing else.

SciPy's own reads far more, and on damaged files it can end the whole process.
"""

from __future__ import annotations

import math
import struct
import zlib
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imlogit.data.formats.idx import DEFLATE_LIMIT
from imlogit.errors import DataError

# A file begins with a text, at whose end it says in which order bytes are.
HEADER_BYTES, BEGIN = 128, b"MATLAB 5"
ORDERS = {b"IM": "<", b"MI": ">"}
ARRAY, PACKED = 14, 15
COMPLEX = 0x0800
# The types of items by the numbers that they have as a class of arrays, and in a file.
CLASSES = {
    **{6: "float64", 7: "float32", 8: "int8", 9: "uint8", 10: "int16", 11: "uint16"},
    **{12: "int32", 13: "uint32", 14: "int64"},
}
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8"}
# What stands before the items is short.
FLAGS_BYTES, LENGTHS_BYTES, NAME_BYTES = 8, 4 * 8, 64
PIECE_BYTES = 1 << 18


class Variable(NamedTuple):
    """An array, as a file describes it.

    Attributes
    ----------
    dtype : str or None
        None for what is no array of real numbers.
    start, length, packed : int, int, bool
        Where its element lies, how many bytes it takes, and whether they are packed.
    order : str
        Of bytes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None
    start: int
    length: int
    packed: bool
    order: str


def find_variables(file: IO[bytes], size: int, where: str) -> dict[str, Variable]:
    """Return what variables a file of this size holds, by their names; no item is read.

    Raises
    ------
    DataError
        If it is of another format, or cut short.
    Exception
        Where it is damaged: several kinds.
    """
    header = file.read(HEADER_BYTES)
    order = ORDERS.get(header[-2:])
    if not header.startswith(BEGIN) or order is None:
        raise DataError(f"{where} is no file of MATLAB 5 to 7. Save it with: save('-v7', ...).")
    found: dict[str, Variable] = {}
    while tag := file.read(8):
        kind, length = struct.unpack(f"{order}II", tag)
        start = file.tell()
        if length > size - start:
            raise DataError(f"{where} is cut short. Copy it again.")
        if kind in (ARRAY, PACKED):
            variable = _describe(_Element(file, length, kind == PACKED, order), start)
            found[variable.name] = variable
        file.seek(start + length)
    return found


def read_variable(file: IO[bytes], variable: Variable) -> npt.NDArray[Any]:
    """Return the array of a variable with a dtype, in Fortran order.

    Raises
    ------
    Exception
        Where it is damaged, or holds more or fewer items than it says: several kinds.
    """
    file.seek(variable.start)
    element = _Element(file, variable.length, variable.packed, variable.order)
    _describe(element, variable.start)
    kind, length, items = element.read_tag()
    stored = np.dtype(variable.order + STORED[kind])
    n_bytes = math.prod(variable.shape) * stored.itemsize
    if length != n_bytes or n_bytes > variable.length * DEFLATE_LIMIT:
        raise ValueError(f"{variable.name} says that it has {n_bytes:,} bytes")
    if items is None:
        items = element.read(length)
        element.read(-length % 8)
    element.check_end()
    return (
        np.frombuffer(items, stored)
        .astype(variable.dtype, copy=False)
        .reshape(variable.shape, order="F")
    )


class _Element:
    """The bytes of one element, unpacked where they are packed, and never more than asked for."""

    def __init__(self, file: IO[bytes], length: int, packed: bool, order: str) -> None:
        self._file, self._left = file, length
        self._unpacker = zlib.decompressobj() if packed else None
        self._waiting = b""
        self.length, self.packed, self.order = length, packed, order

    def read(self, n: int) -> bytes:
        """Return exactly n bytes."""
        pieces = []
        while n:
            pieces.append(self._piece(min(n, PIECE_BYTES)))
            if not pieces[-1]:
                raise ValueError("it ends too early")
            n -= len(pieces[-1])
        return b"".join(pieces)

    def read_tag(self) -> tuple[int, int, bytes | None]:
        """Return a part's kind and length, and its few bytes where they stand in the tag."""
        tag = self.read(8)
        kind, length = struct.unpack(f"{self.order}II", tag)
        short = kind >> 16
        if not short:
            return kind, length, None
        return kind & 0xFFFF, short, tag[4 : 4 + short]

    def read_part(self, most: int) -> bytes:
        """Return a part of at most so many bytes."""
        _, length, short = self.read_tag()
        if short is not None:
            return short
        if length > most:
            raise ValueError(f"{length:,} bytes where there are at most {most}")
        return self.read(length + -length % 8)[:length]

    def check_end(self) -> None:
        """Check that nothing follows, and that what was unpacked has the sum that it should."""
        if self._piece(1) or (self._unpacker is not None and not self._unpacker.eof):
            raise ValueError("it does not end where it should")

    def _piece(self, n: int) -> bytes:
        """Return some bytes, n at most; none at the end."""
        if self._unpacker is None:
            return self._take(n)
        while not self._unpacker.eof:
            piece = self._unpacker.decompress(self._waiting, n)
            self._waiting = self._unpacker.unconsumed_tail
            if piece:
                return piece
            if not self._waiting and not self._unpacker.eof:
                self._waiting = self._take(PIECE_BYTES)
                if not self._waiting:
                    break
        return b""

    def _take(self, n: int) -> bytes:
        taken = self._file.read(min(n, self._left))
        self._left -= len(taken)
        return taken


def _describe(element: _Element, start: int) -> Variable:
    """Read what stands before the items of an array."""
    if element.packed and element.read_tag()[0] != ARRAY:
        raise ValueError("something other than an array is packed")
    flags = struct.unpack(f"{element.order}II", element.read_part(FLAGS_BYTES))[0]
    lengths = element.read_part(LENGTHS_BYTES)
    shape = struct.unpack(f"{element.order}{len(lengths) // 4}i", lengths)
    if min(shape, default=-1) < 0:
        raise ValueError(f"the lengths {shape}")
    name = element.read_part(NAME_BYTES).decode("ascii")
    dtype = None if flags & COMPLEX else CLASSES.get(flags & 0xFF)
    return Variable(name, shape, dtype, start, element.length, element.packed, element.order)
