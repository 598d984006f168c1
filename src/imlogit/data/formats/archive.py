"""What a zip or tar archive holds, listed once: nothing is ever unpacked to disk."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedIOBase, BufferedReader
from typing import NamedTuple, Self

from imlogit.data.formats.idx import GZIP_MAGIC
from imlogit.data.formats.magic import LOOKED_AT, kind_of
from imlogit.data.formats.members import Member
from imlogit.data.formats.npz import ENCRYPTED, HARMLESS_BYTES, MEGA, METHODS, MOST_EXPANSION
from imlogit.data.formats.packed_text import Bounded, bomb
from imlogit.errors import DataError
from imlogit.system.regular_file import open_regular

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
UNPACK = "Unpack it, and give the folder that was in it"
UTF_8 = 0x800
# Deeper names are made to cost time.
MOST_PARTS = 100
# So much of a packed tar archive is held in memory, as it can be read in its own order only.
MOST_HELD = 1000 * MEGA
DRIVE = re.compile("[A-Za-z]:")
LINK = "a link within an archive, which is not followed"
OPENERS: dict[bytes, Callable[[BufferedReader], BufferedIOBase]] = {
    GZIP_MAGIC: lambda raw: gzip.GzipFile(fileobj=raw, mode="rb"),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}


class Entry(NamedTuple):
    """A file of an archive.

    Attributes
    ----------
    content : Member, bytes or None
        None for one that is not wanted.
    problem : str or None
        Why it cannot be read, where that is known.
    """

    content: Member | bytes | None
    problem: str | None = None


@dataclass
class Listing:
    """What an archive holds.

    Attributes
    ----------
    files : dict of str to Entry
        By their names, with "/" between folders. Of two with one name the later counts.
    folders : set of str
        Those that are listed themselves; others show in the names of files.
    outside : list of str
        Names that lead out of the archive, or too deep.
    """

    files: dict[str, Entry] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    outside: list[str] = field(default_factory=list)


class _Strict(tarfile.TarInfo):
    """A header of a tar archive; one that is damaged, or missing, is not the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Return the header of a block."""
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf and not any(buf):  # the end, as it is to be
                raise
            raise tarfile.ReadError(str(error) if buf else "its end is missing") from None


def list_archive(path: str, where: str, wanted: Callable[[str, bytes | None], bool]) -> Listing:
    """List the files of an archive; its kind is seen from its first bytes.

    Parameters
    ----------
    path : str
    where : str
        Its name, the start of the error.
    wanted : callable
        Whether a file is to be read, by its name and, where these are at hand, its bytes.

    Raises
    ------
    DataError
        For what cannot be read, is damaged or encrypted, or unpacks to far more than it is.
    """
    try:
        with open_regular(path) as (raw, size):
            begin = raw.peek(LOOKED_AT)[:LOOKED_AT]
            if begin.startswith(ZIP_MAGICS):
                return _list_zip(raw, size, path, where, wanted)
            opener = next((OPENERS[magic] for magic in OPENERS if begin.startswith(magic)), None)
            if opener is None:
                _refuse_others(begin, where)
                return _list_tar(raw, path, wanted)
            bounded = Bounded(opener(raw), max(HARMLESS_BYTES, MOST_EXPANSION * size), where)
            return _read_tar(BufferedReader(bounded), where, wanted)
    except DataError:
        raise
    except OSError as error:
        if error.errno is None:  # of a decompressor, not of the system
            raise _damaged(where, error) from error
        raise DataError(
            f"{where} cannot be read ({error.strerror or error}). Check that it is there, and its "
            "permissions."
        ) from error
    except MemoryError as error:
        raise DataError(f"{where} is too large for the memory that is left. {UNPACK}.") from error
    except Exception as error:  # hostile bytes raise many kinds in zipfile and tarfile
        raise _damaged(where, error) from error


def _refuse_others(begin: bytes, where: str) -> None:
    """Refuse what is known to be something else than a tar archive."""
    kind = None if begin[257:262] == b"ustar" else kind_of(begin)
    if kind is not None:
        raise DataError(f"{where} is {kind.words}, not an archive of the kind that its name says.")


def place_of(name: str) -> str | None:
    """Return a member's name from the root of its archive; None where it leads elsewhere."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    outside = name.startswith("/") or ".." in parts or "\0" in name or DRIVE.match(name)
    return None if outside or len(parts) > MOST_PARTS else "/".join(parts)


def _damaged(where: str, error: BaseException) -> DataError:
    kinds = (EOFError, tarfile.ReadError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError)
    what = str(error) if isinstance(error, kinds) and str(error) else type(error).__name__
    return DataError(
        f"{where} is damaged, or not the archive that its name says ({what}). Copy or download it "
        "again."
    )


def _list_zip(
    raw: BufferedReader,
    size: int,
    path: str,
    where: str,
    wanted: Callable[[str, bytes | None], bool],
) -> Listing:
    listing, unpacked = Listing(), 0
    for member in zipfile.ZipFile(raw).infolist():
        name = _name_in_zip(member)
        place = place_of(name)
        if place is None:
            listing.outside.append(name)
        elif name.endswith("/"):
            listing.folders.add(place)
        elif not wanted(place, None):
            listing.files[place] = Entry(None)
        elif stat.S_ISLNK(member.external_attr >> 16):
            listing.files[place] = Entry(None, LINK)
        else:
            _check(member, where)
            unpacked += member.file_size
            listing.files[place] = Entry(
                Member(
                    path,
                    member.header_offset,
                    member.compress_size,
                    member.file_size,
                    member.compress_type,
                    member.CRC,
                )
            )
    if unpacked > max(HARMLESS_BYTES, MOST_EXPANSION * size):
        raise bomb(where, unpacked)
    return listing


def _name_in_zip(member: zipfile.ZipInfo) -> str:
    """Return a name with "/" between folders, and as UTF-8 where it is that without saying so."""
    name = member.filename
    if not member.flag_bits & UTF_8:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _check(member: zipfile.ZipInfo, where: str) -> None:
    if member.flag_bits & ENCRYPTED:
        raise DataError(f"{where} is encrypted. {UNPACK}.")
    if member.compress_type not in METHODS:
        raise DataError(
            f"{where} is packed in a way that is not read here (method {member.compress_type}). "
            f"{UNPACK}."
        )


def _list_tar(
    raw: BufferedReader, path: str, wanted: Callable[[str, bytes | None], bool]
) -> Listing:
    """List an archive that is not packed: its files are read where they lie."""
    listing = Listing()
    with tarfile.open(fileobj=raw, mode="r:", tarinfo=_Strict) as archive:
        for member in archive:
            place = _place_in_tar(member, listing, wanted)
            if place is not None:
                here = Member(path, member.offset_data, member.size, member.size)
                listing.files[place] = Entry(here)
    return listing


def _read_tar(
    unpacked: BufferedReader, where: str, wanted: Callable[[str, bytes | None], bool]
) -> Listing:
    """Read the files of a packed archive that are wanted, in its one pass."""
    listing, held = Listing(), 0
    with tarfile.open(fileobj=unpacked, mode="r|", tarinfo=_Strict) as archive:
        for member in archive:
            place = _place_in_tar(member, listing, wanted)
            if place is None:
                continue
            if held + member.size > MOST_HELD:
                raise DataError(
                    f"{where} holds images of more than {MOST_HELD / MEGA:,.0f} MB, and is packed "
                    f"so that all of it must be held in memory. {UNPACK}."
                )
            file = archive.extractfile(member)
            content = file.read() if file is not None else b""
            is_wanted = wanted(place, content)
            listing.files[place] = Entry(content if is_wanted else None)
            held += len(content) if is_wanted else 0
    while unpacked.read(1 << 16):  # its checksum stands at the end
        pass
    return listing


def _place_in_tar(
    member: tarfile.TarInfo, listing: Listing, wanted: Callable[[str, bytes | None], bool]
) -> str | None:
    """Return the place of a file that is to be read; note what else a member is."""
    place = place_of(member.name)
    if place is None:
        listing.outside.append(member.name)
    elif member.isdir():
        listing.folders.add(place)
    elif not wanted(place, None):
        listing.files[place] = Entry(None)
    elif member.issparse():
        listing.files[place] = Entry(None, "a file with holes, as tar packs them")
    elif member.isreg():
        return place
    elif member.islnk() and (target := place_of(member.linkname)) in listing.files:
        listing.files[place] = listing.files[str(target)]  # one file with two names
    elif member.issym() or member.islnk():
        listing.files[place] = Entry(None, LINK)
    else:
        what = "a named pipe" if member.isfifo() else "a device"
        listing.files[place] = Entry(None, f"{what}, not a file")
    return None
