"""The IDX format, in which MNIST was published: a strict reader.

Four bytes (0, 0, the item type, the number of dimensions), each dimension as a big-endian 32-bit
integer, then the items. Headers lie, so nothing is believed before the file's size agrees.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from imlogit.arrays import Pixels
from imlogit.errors import DataError
from imlogit.system.regular_file import open_regular

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"
# Deflate cannot expand its input further than this, so a header that claims more is a lie.
DEFLATE_LIMIT = 1032


def read_idx(path: Path, ndim: int, max_bytes: int = 1 << 32) -> Pixels:
    """Read an IDX file of unsigned bytes, gzipped or not.

    Parameters
    ----------
    path : Path
        The file; whether it is gzipped is seen from its first bytes, not from its name.
    ndim : int
        The number of dimensions it must have: 3 for images, 1 for labels.
    max_bytes : int, default=4 GiB
        Files that hold more than this are refused.

    Returns
    -------
    ndarray of uint8, with `ndim` dimensions

    Raises
    ------
    DataError
        If the file cannot be read or is not exactly what its header says; names the file.
    """
    try:
        with open_regular(path) as (raw, size):
            return _read(raw, size, path, ndim, max_bytes)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}. Copy or download it again.") from error


def _read(raw: BinaryIO, size: int, path: Path, ndim: int, max_bytes: int) -> Pixels:
    zipped = raw.read(2) == GZIP_MAGIC
    raw.seek(0)
    stream: BinaryIO = gzip.GzipFile(fileobj=raw, mode="rb") if zipped else raw  # type: ignore[assignment]

    shape = _shape(stream, path, ndim)
    header, declared = 4 + 4 * ndim, math.prod(shape)
    most = min(max_bytes, size * DEFLATE_LIMIT if zipped else size - header)
    if declared > most:
        raise DataError(
            f"{path} declares {shape}, {declared:,} bytes, but cannot hold more than {most:,}: it "
            "is cut short, or its header is wrong. Copy or download it again."
        )
    items = np.empty(declared, np.uint8)
    arrived = _fill(stream, items)
    if arrived < declared or stream.read(1):
        found = "more" if arrived == declared else f"only {arrived:,}"
        raise DataError(
            f"{path} declares {shape}, {declared:,} bytes, but holds {found}. Copy or download it "
            "again."
        )
    return items.reshape(shape)


def _shape(stream: BinaryIO, path: Path, ndim: int) -> tuple[int, ...]:
    header = stream.read(4 + 4 * ndim)
    if len(header) < 4 or header[:2] != b"\0\0":
        raise DataError(f"{path} is not an IDX file: its first two bytes are not zero.")
    if header[2] != UNSIGNED_BYTE:
        raise DataError(
            f"{path} holds items of IDX type 0x{header[2]:02x}; only unsigned bytes (0x08) are "
            "read here."
        )
    if header[3] != ndim:
        raise DataError(
            f"{path} has {header[3]} dimension(s), not {ndim}: images have 3 and labels 1. Are "
            "the two files swapped?"
        )
    if len(header) < 4 + 4 * ndim:
        raise DataError(f"{path} ends inside its header. Copy or download it again.")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4", offset=4))
    if 0 in shape:
        raise DataError(f"{path} declares {shape}: it holds nothing.")
    return shape


def _fill(stream: BinaryIO, items: Pixels) -> int:
    """Read into `items` until it is full or the stream ends; return the bytes read."""
    view, arrived = items.data, 0
    while arrived < len(items):
        got = stream.readinto(view[arrived:])  # type: ignore[attr-defined]
        if not got:
            break
        arrived += got
    return arrived
