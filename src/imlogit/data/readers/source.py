"""What a kind of source is: what it accepts, and how it is read or found again."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from imlogit.data.cache import notes
from imlogit.data.cache.stamps import Stamp, stamp
from imlogit.data.image_set import ImageSet
from imlogit.data.images.resize import conform
from imlogit.data.progress import Progress
from imlogit.data.readers.listing import Place
from imlogit.data.readers.mnist_rows import is_of_mnist
from imlogit.data.readers.trees.image_files import FileListing
from imlogit.data.reading import Reading
from imlogit.data.remarks import held_back


@dataclass(frozen=True, kw_only=True)
class Source:
    """A kind of place that images come from.

    Parameters
    ----------
    name : str
    form : str
        How such a source is written.
    summary : str
    parts : str
        What its training and its test part are.
    of_rows : bool, default=False
        Whether its images may come as rows of numbers, which ``shape`` and ``layout`` describe.
    of_columns : bool, default=False
        Whether it is a table, of whose columns ``label_column`` names one.
    of_files : bool, default=False
        Whether its images are files, whose classes ``labels`` or ``label_from`` may say.
    """

    name: str
    form: str
    summary: str
    parts: str = "all training"
    of_rows: bool = False
    of_columns: bool = False
    of_files: bool = False


@dataclass(frozen=True, kw_only=True)
class NamedSource(Source):
    """A source that is not on disk.

    Parameters
    ----------
    accepts : callable
        Whether a text names one.
    read : callable
        Reads the images of a name.
    noted : bool, default=True
        Whether what was read is kept by its name; a data set that is known here keeps itself.
    """

    accepts: Callable[[str], bool]
    read: Callable[[str, Reading, Progress | None], ImageSet]
    noted: bool = True

    @classmethod
    def known(
        cls,
        name: str,
        summary: str,
        load: Callable[[Progress | None], ImageSet],
        parts: str = "all training",
    ) -> Self:
        """Return a data set that has a name here, and a cache by its published hashes."""
        return cls(
            name=name,
            form=name,
            summary=summary,
            parts=parts,
            accepts=lambda source: source == name,
            read=lambda _source, _reading, progress: load(progress),
            noted=False,
        )

    def load(self, source: str, reading: Reading, progress: Progress | None) -> ImageSet:
        """Load the images of a name, or what was kept of them."""

        def fetch() -> ImageSet:
            return _with_remarks(lambda: self.read(source, reading, progress), reading)

        if not self.noted:
            return fetch()
        return notes.recall_or_fetch(self.name, source, reading, list, fetch)


@dataclass(frozen=True, kw_only=True)
class FileSource(Source):
    """A kind of file or folder, which is kept until it changes.

    Parameters
    ----------
    accepts : callable
        Whether a place is one, by its name and, for a folder, by what lies in it.
    files : callable
        Returns the files and folders that it consists of: unless they change, it does not.
    read : callable
        Reads the images of a path.
    listed : callable, optional
        Lists the image files of a path, none of which it opens.
    keeps : bool, default=True
        Whether what was read is kept in the cache; what is mapped where it lies need not be.
    """

    accepts: Callable[[Place], bool]
    files: Callable[[Path], Sequence[Path]]
    read: Callable[[Path, Reading, Progress | None], ImageSet]
    listed: Callable[[Path, Reading, Progress | None], FileListing] | None = None
    keeps: bool = True

    def recall(self, path: Path, reading: Reading) -> ImageSet | None:
        """Return what was kept of a path that has not changed since, or None."""
        where = os.path.realpath(path)
        return notes.recall(self.name, where, reading, lambda: self._files(path, reading))

    def load(self, path: Path, reading: Reading, progress: Progress | None) -> ImageSet:
        """Load the images of a path, or what was kept of them."""

        def fetch() -> ImageSet:
            return _with_remarks(lambda: self.read(path, reading, progress), reading)

        if not self.keeps:
            return fetch()
        where = os.path.realpath(path)
        return notes.recall_or_fetch(
            self.name, where, reading, lambda: self._files(path, reading), fetch
        )

    def stamp(self, path: Path, reading: Reading) -> Stamp:
        """Return the state of the files of a path.

        Raises
        ------
        OSError
            If one cannot be looked at.
        """
        return stamp(self._files(path, reading), reading.follow_links)

    def _files(self, path: Path, reading: Reading) -> Sequence[Path]:
        if reading.labels is None:
            return self.files(path)
        table = labels_path(path, reading.labels)
        # one that is in the archive itself changes with it
        return [*self.files(path), table] if table.exists() else self.files(path)


def labels_path(source: Path, labels: str) -> Path:
    """Return where a table of labels is: from here, or else within its source."""
    here = Path(labels).expanduser()
    within = source / labels
    return within if not here.exists() and within.exists() else here


def _with_remarks(read: Callable[[], ImageSet], reading: Reading) -> ImageSet:
    """Read images as they are asked for, with what is to be said of how they were read."""
    with held_back() as remarks:
        found = read()
        if is_of_mnist(found):
            found = replace(found, of_digits=True)
        found = conform(found, reading)
    return replace(found, remarks=(*found.remarks, *remarks)) if remarks else found
