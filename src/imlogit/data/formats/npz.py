"""The .npz format, a zip archive of .npy members: a strict reader that unpacks no bombs.

Nothing is ever unpacked to disk, so that the names of members can do no harm.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from typing import IO, Any

import numpy.typing as npt

from imlogit.data.formats.idx import DEFLATE_LIMIT
from imlogit.data.formats.npy import read_npy, refusing
from imlogit.errors import DataError

MEGA = 1_000_000
# An archive may unpack to this much whatever its size, for blank images pack a thousandfold.
HARMLESS_BYTES = 256 * MEGA
# Beyond that, a bomb comes near the 1032 that deflate can do; photographs pack twofold, digits
# tenfold.
MOST_EXPANSION = 100
# The two that NumPy writes, with the most that they can do; of the others no limit is known.
METHODS = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: DEFLATE_LIMIT}
ENCRYPTED = 1


class Archive:
    """The members of an archive.

    Parameters
    ----------
    file : binary file
    size : int
        How many bytes it holds.
    where : str
        Its name, the start of the error.

    Raises
    ------
    DataError
        If it is no zip archive.
    """

    def __init__(self, file: IO[bytes], size: int, where: str) -> None:
        with refusing(where):
            self._zip = zipfile.ZipFile(file)
        self._size, self._where = size, where

    @property
    def names(self) -> list[str]:
        """The names of all members; some may be the same."""
        return self._zip.namelist()

    def check_expansion(self, names: Iterable[str]) -> None:
        """Refuse to read members that unpack to far more than the archive is.

        Its own size is what counts, for its members may lie one over the other.

        Raises
        ------
        DataError
        """
        unpacked = sum(self._zip.getinfo(name).file_size for name in names)
        if unpacked > max(HARMLESS_BYTES, MOST_EXPANSION * self._size):
            raise DataError(
                f"{self._where} would unpack to {unpacked / MEGA:,.0f} MB, more than "
                f"{MOST_EXPANSION} times its size, as archives do that are made to fill a memory. "
                "If it is sound, save its arrays with numpy.savez, which does not pack them."
            )

    def read(self, name: str, where: str) -> npt.NDArray[Any]:
        """Read the array of a member's name; it is called `where` in errors.

        Raises
        ------
        DataError
            If it is encrypted, packed in another way, damaged, or no array of plain items.
        """
        member = self._zip.getinfo(name)
        if member.flag_bits & ENCRYPTED:
            raise DataError(f"{where} is encrypted. Save the arrays again without a password.")
        if member.compress_type not in METHODS:
            raise DataError(
                f"{where} is packed in a way that NumPy does not write (method "
                f"{member.compress_type}). Save the arrays with numpy.savez_compressed."
            )
        most = min(member.compress_size, self._size) * METHODS[member.compress_type]
        if member.file_size > most:
            raise DataError(
                f"{where} declares {member.file_size:,} bytes, but cannot hold more than {most:,}: "
                "the archive is damaged. Copy or save it again."
            )
        with refusing(where), self._zip.open(member) as stream:
            return read_npy(stream, member.file_size, where)
