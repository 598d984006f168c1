"""One file within an archive: where its bytes lie, and their unpacking, when they are asked for."""

from __future__ import annotations

import zipfile
import zlib
from typing import NamedTuple

from imlogit.data.formats.npz import METHODS
from imlogit.system.regular_file import open_regular

DAMAGED = "damaged within its archive"
# What stands before a member of a zip archive, beside its name and what is added to that.
HEADER_BYTES, HEADER_MAGIC = 30, b"PK\x03\x04"


class MemberError(Exception):
    """A member that cannot be read; says why, without a full stop."""


class Member(NamedTuple):
    """A file within an archive on disk; as a value, it can be given to another process.

    Attributes
    ----------
    path : str
        Of the archive.
    start : int
        Where it begins; for a member of a zip archive, the header that stands before it.
    packed, size : int
        How many bytes it has there, and unpacked.
    method : int
        How it is packed, as zip archives number that.
    crc : int or None
        The checksum; None in tar archives, which have none.
    """

    path: str
    start: int
    packed: int
    size: int
    method: int = zipfile.ZIP_STORED
    crc: int | None = None

    def read(self) -> bytes:
        """Return all its bytes.

        Raises
        ------
        MemberError
        """
        content = self._unpack(self.packed, self.size + 1)
        if len(content) != self.size or (self.crc is not None and zlib.crc32(content) != self.crc):
            raise MemberError(DAMAGED)
        return content

    def begin(self, most: int) -> bytes:
        """Return its first bytes, as many as `most` or all that there are.

        Raises
        ------
        MemberError
        """
        return self._unpack(min(self.packed, 2 * most), most)

    def _unpack(self, packed: int, most: int) -> bytes:
        """Unpack some of its bytes; there are never more than `most`."""
        try:
            with open_regular(self.path) as (file, total):
                start = self.start
                if self.crc is not None:
                    file.seek(max(0, start))
                    header = file.read(HEADER_BYTES)
                    if len(header) < HEADER_BYTES or not header.startswith(HEADER_MAGIC):
                        raise MemberError(DAMAGED)
                    start += HEADER_BYTES + sum(
                        int.from_bytes(header[at : at + 2], "little") for at in (26, 28)
                    )
                if not 0 <= start <= start + self.packed <= total:
                    raise MemberError(DAMAGED)
                file.seek(start)
                content = file.read(packed)
        except OSError as error:
            raise MemberError(f"cannot be read ({error.strerror or error})") from None
        if self.method == zipfile.ZIP_STORED:
            return content[:most]
        assert self.method in METHODS
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, most)
        except zlib.error:
            raise MemberError(DAMAGED) from None
