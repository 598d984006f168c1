"""Folders that images lie in, on disk or in an archive, as those who look for classes ask of them.

A place is a folder's name from the root of the tree, with "/" between folders; the root is "".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from imlogit.data.formats.conversions import conversion_in
from imlogit.data.formats.members import Member
from imlogit.data.images.decode import looks_like_image
from imlogit.data.readers.listing import Item, files_below, is_hidden, subfolders


class Tree(Protocol):
    """Folders within folders, and the files in them."""

    def name(self, place: str) -> str:
        """Return what a folder is called."""

    def where(self, place: str) -> str:
        """Return where a folder is, for errors."""

    def names(self, place: str) -> list[str]:
        """Return what lies in a folder and is not hidden; raise OSError if that cannot be read."""

    def folders(self, place: str) -> list[Item]:
        """Return the folders in a folder, by their names; raise OSError as `names`."""

    def has_folders(self, place: str) -> bool:
        """Whether there is a folder in a folder, wherever a link to it leads."""

    def files_below(self, place: str, root: str = "") -> list[Item]:
        """Return the files in a folder and its subfolders; links may lead to others below a root.

        Their names are those within the folder, in order.
        """

    def is_image(self, name: str) -> bool:
        """Whether a file, called by its name from the root, is to be read as an image."""

    def content(self, name: str) -> str | bytes | Member:
        """Return where a file is read from, called by its name from the root."""

    def conversion(self) -> str | None:
        """Return what the tree holds that is read otherwise, and how; None where that is open."""


@dataclass(frozen=True)
class DiskTree:
    """A folder on disk.

    Parameters
    ----------
    path : Path
    follow_links : bool, default=False
        Whether links may lead anywhere.
    """

    path: Path
    follow_links: bool = False

    @cached_property
    def _start(self) -> str:
        return f"{self.path}/"

    def name(self, place: str) -> str:
        """Return the name of a folder, or of the root itself."""
        return (self.path / place).name

    def where(self, place: str) -> str:
        """Return the path of a folder on disk."""
        return str(self.path / place)

    def names(self, place: str) -> list[str]:
        """Return the names in a folder that are not hidden."""
        with os.scandir(self.path / place) as entries:
            return [entry.name for entry in entries if not is_hidden(entry.name)]

    def folders(self, place: str) -> list[Item]:
        """Return the folders in a folder."""
        return subfolders(self.path / place, self.follow_links)

    def has_folders(self, place: str) -> bool:
        """Whether a folder holds others."""
        try:
            return bool(subfolders(self.path / place, follow_links=True))
        except OSError:
            return False

    def files_below(self, place: str, root: str = "") -> list[Item]:
        """Return the files in a folder and its subfolders."""
        return files_below(self.path / place, self.path / root, self.follow_links)

    def is_image(self, name: str) -> bool:
        """Whether a file is read as an image."""
        return looks_like_image(self._start + name, name)

    def content(self, name: str) -> str:
        """Return where a file is read from."""
        return self._start + name

    def conversion(self) -> str | None:
        """Say how the largest of its files is converted."""
        return conversion_in(self.path)


def images_below(tree: Tree) -> list[Item]:
    """Return all images, and what cannot be looked at, called by their names from the root."""
    return [
        item
        for item in tree.files_below("")
        if item.problem is not None or tree.is_image(item.name)
    ]


def within(place: str, name: str) -> str:
    """Return the place of what lies in a folder."""
    return f"{place}/{name}" if place else name
