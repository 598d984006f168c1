"""Text files as they are, gzipped, or in a zip archive: streamed, and never unpacked to disk."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from imlogit.data.formats.idx import GZIP_MAGIC
from imlogit.data.formats.npy import refusing
from imlogit.data.formats.npz import ENCRYPTED, HARMLESS_BYTES, MEGA, METHODS, MOST_EXPANSION
from imlogit.errors import DataError
from imlogit.system.regular_file import open_regular
from imlogit.system.text import first_of, printable

ZIP_MAGIC = b"PK\x03\x04"
ZIP_ENDING = ".zip"
BUFFER_BYTES = 1 << 16
UNPACKED = "Unpack it, and give the file or the folder that was in it"


class TextStream(NamedTuple):
    """A text file that is open.

    Attributes
    ----------
    file : BufferedReader
        Its bytes, unpacked.
    size : int
        What `position` has come to at its end.
    position : callable
        Says how much was read.
    """

    file: io.BufferedReader
    size: int
    position: Callable[[], int]


class Bounded(io.RawIOBase):
    """A stream that ends in an error where it has given out more than it may.

    Parameters
    ----------
    stream : binary file
    max_bytes : int
    where : str
        Its name, the start of the error.
    """

    def __init__(self, stream: IO[bytes] | io.BufferedIOBase, max_bytes: int, where: str) -> None:
        self._stream, self._max_bytes, self._where = stream, max_bytes, where
        self.done = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read some bytes into a buffer; raise DataError where these are too many."""
        piece = self._stream.read(len(buffer))
        self.done += len(piece)
        if self.done > self._max_bytes:
            raise bomb(self._where, self.done)
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def open_text(path: Path, where: str, endings: Sequence[str]) -> Iterator[TextStream]:
    """Open a text file; whether it is packed is seen from its first bytes, not from its name.

    Parameters
    ----------
    path : Path
    where : str
        Its name, the start of the error.
    endings : sequence of str
        How the names of such files end, unpacked; an archive must hold one of them.

    Yields
    ------
    TextStream

    Raises
    ------
    DataError
        For what cannot be read, is damaged or encrypted, or unpacks to far more than it is; and
        for an archive that holds none of these files, or several.
    """
    try:
        with open_regular(path) as (raw, size):
            magic = raw.peek(len(ZIP_MAGIC))
            most = max(HARMLESS_BYTES, MOST_EXPANSION * size)
            if magic.startswith(GZIP_MAGIC):
                with gzip.GzipFile(fileobj=raw, mode="rb") as unzipped:
                    bounded = Bounded(unzipped, most, where)
                    yield TextStream(_buffered(bounded), size, raw.tell)
            elif magic.startswith(ZIP_MAGIC):
                with refusing(where):
                    archive = zipfile.ZipFile(raw)
                with _open_member(archive, most, where, endings) as stream:
                    yield stream
            else:
                yield TextStream(raw, size, raw.tell)
    except (zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{where} is damaged ({error}). Copy or download it again.") from error
    except OSError as error:
        raise DataError(
            f"{where} cannot be read ({error.strerror or error}). Check that it is there, and its "
            "permissions."
        ) from error


def text_in(content: bytes) -> TextStream:
    """Return text that is in memory as a file that is open."""
    bounded = Bounded(io.BytesIO(content), len(content), "")
    return TextStream(_buffered(bounded), len(content), lambda: bounded.done)


def members_of(path: Path, endings: Sequence[str]) -> list[str] | None:
    """Return the files in a zip archive whose names end so; None where it cannot be listed."""
    try:
        with refusing(""), open_regular(path) as (raw, _):
            return _members(zipfile.ZipFile(raw), endings)
    except DataError:
        return None


def _members(archive: zipfile.ZipFile, endings: Sequence[str]) -> list[str]:
    return [
        name
        for name in archive.namelist()
        if name.lower().endswith(tuple(endings))
        and not name.startswith("__MACOSX/")
        and not name.rpartition("/")[2].startswith(".")
    ]


@contextmanager
def _open_member(
    archive: zipfile.ZipFile, most: int, where: str, endings: Sequence[str]
) -> Iterator[TextStream]:
    """Open the one file of an archive that is wanted."""
    names = _members(archive, endings)
    if len(names) != 1:
        found = f"{len(names):,} such files ({first_of(names)})" if names else "no such file"
        raise DataError(
            f"{where} must hold one file {' or '.join(endings)}, and holds {found}. Unpack it, and "
            "give the file that you want."
        )
    member = archive.getinfo(names[0])
    if member.flag_bits & ENCRYPTED:
        raise DataError(f"{where} is encrypted. {UNPACKED}.")
    if member.compress_type not in METHODS:
        raise DataError(
            f"{where} is packed in a way that is not read here (method {member.compress_type}). "
            f"{UNPACKED}."
        )
    if member.file_size > most:
        raise bomb(where, member.file_size)
    with refusing(where):
        stream = archive.open(member)
    bounded = Bounded(stream, most, where)
    yield TextStream(_buffered(bounded), member.file_size, lambda: bounded.done)


def _buffered(stream: io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(stream, BUFFER_BYTES)


def bomb(where: str, n_bytes: int) -> DataError:
    """Return the error of what unpacks to so many bytes that it is not read."""
    return DataError(
        f"{printable(where)} unpacks to {n_bytes / MEGA:,.0f} MB or more, over {MOST_EXPANSION} "
        f"times its size, as files do that are made to fill a memory. If it is sound: {UNPACKED}."
    )
