"""The folders in an archive, as a tree: told by the names of its files, and read where they lie."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from imlogit.data.formats.archive import UNPACK, Listing, list_archive
from imlogit.data.formats.magic import LOOKED_AT, image_format
from imlogit.data.formats.members import Member, MemberError
from imlogit.data.images.decode import is_image_name
from imlogit.data.readers.listing import Item, is_hidden
from imlogit.data.readers.trees.tree import within
from imlogit.data.remarks import remark
from imlogit.system.text import first_of, printable

# Files that may be tables of labels.
TABLES = (".csv", ".tsv", ".txt")


class ArchiveTree:
    """An archive of folders.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DataError
        For an archive that cannot be read, is damaged or encrypted, or unpacks to far too much.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        where = printable(path.name)
        listing = list_archive(os.fspath(path), where, _is_wanted)
        if listing.outside:
            remark(
                f"{where}: {len(listing.outside):,} names that lead out of the archive are left "
                f"out: {first_of(listing.outside, 3)}"
            )
        self._files = {
            name: entry for name, entry in listing.files.items() if not _is_hidden_place(name)
        }
        self._folders = _folders_of(self._files, listing)
        self._names: dict[str, list[str]] = defaultdict(list)
        for name in self._files:
            above, _, own = name.rpartition("/")
            self._names[above].append(own)

    def name(self, place: str) -> str:
        """Return the name of a folder, or of the archive itself."""
        return place.rpartition("/")[2] or self._name

    def where(self, place: str) -> str:
        """Return the path of a folder, behind the name of the archive."""
        return within(self._name, place) if place else self._name

    def names(self, place: str) -> list[str]:
        """Return the names in a folder that are not hidden."""
        return [*self._names.get(place, ()), *self._folders.get(place, ())]

    def folders(self, place: str) -> list[Item]:
        """Return the folders in a folder."""
        return sorted(Item(name) for name in self._folders.get(place, ()))

    def has_folders(self, place: str) -> bool:
        """Whether a folder holds others."""
        return bool(self._folders.get(place))

    def files_below(self, place: str, root: str = "") -> list[Item]:  # noqa: ARG002 - no links
        """Return the files in a folder and its subfolders."""
        found, waiting = list[Item](), [""]
        while waiting:
            inner = waiting.pop()
            here = within(place, inner) if inner else place
            for name in self._names.get(here, ()):
                problem = self._files[within(here, name)].problem
                found.append(Item(within(inner, name), problem))
            waiting += (within(inner, name) for name in self._folders.get(here, ()))
        return sorted(found)

    def is_image(self, name: str) -> bool:
        """Whether a file is read as an image."""
        entry = self._files.get(name)
        if entry is None or entry.content is None:  # a folder, or not wanted
            return False
        if name.lower().endswith(TABLES):
            return False
        return is_image_name(name) or image_format(_begin(entry.content)) is not None

    def content(self, name: str) -> bytes | Member:
        """Return where a file is read from."""
        content = self._files[name].content
        assert content is not None
        return content

    def conversion(self) -> str | None:
        """Say what the archive holds."""
        if any(entry.problem or self.is_image(name) for name, entry in self._files.items()):
            return None
        held = sorted(self._files)
        if not held:
            return "It is empty."
        return f"It holds {first_of(held, 3)}. {UNPACK}, if that is a source of images."


def _folders_of(files: Mapping[str, object], listing: Listing) -> dict[str, set[str]]:
    """Return the folders in each folder."""
    found: dict[str, set[str]] = defaultdict(set)
    places = {name.rpartition("/")[0] for name in files} | {
        place for place in listing.folders if not _is_hidden_place(place)
    }
    for place in places:
        inner = place
        while inner:
            above, _, own = inner.rpartition("/")
            if own in found[above]:
                break
            found[above].add(own)
            inner = above
    return found


def _is_hidden_place(name: str) -> bool:
    return any(map(is_hidden, name.split("/")))


def _is_wanted(name: str, content: bytes | None) -> bool:
    """Whether a file may be an image, by its name or else its bytes, or a table of labels."""
    if _is_hidden_place(name):
        return False
    if name.lower().endswith(TABLES):
        return True
    if os.path.splitext(name)[1]:  # noqa: PTH122 - a Path costs ten times more
        return is_image_name(name)
    return content is None or image_format(content[:LOOKED_AT]) is not None


def _begin(content: Member | bytes) -> bytes:
    if isinstance(content, bytes):
        return content[:LOOKED_AT]
    try:
        return content.begin(LOOKED_AT)
    except MemberError:
        return b""
