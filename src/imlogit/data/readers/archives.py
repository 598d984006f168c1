"""An archive of class folders: read as the folder that it would unpack to, and never unpacked."""

from __future__ import annotations

from pathlib import Path

from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.readers.class_folders import list_tree
from imlogit.data.readers.source import FileSource
from imlogit.data.readers.trees.archive_tree import ArchiveTree
from imlogit.data.readers.trees.image_files import FileListing, read_listed
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.text import printable

ENDINGS = (
    *(".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz"),
    *(".tar.xz", ".txz"),
)


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read an archive of class folders, or one with such folders for each part.

    Parameters
    ----------
    path : Path
    reading : Reading
    progress : callable, optional
        Told how many images are decoded.

    Raises
    ------
    BadItemsError
        For files that cannot be used, unless they are to be passed over.
    DataError
        For an archive that is damaged or encrypted, and as for a folder.
    """
    return read_listed(_list(path, reading, progress), reading, progress)


def _list(path: Path, reading: Reading, progress: Progress | None = None) -> FileListing:
    """List the image files in an archive."""
    if progress is not None:
        progress(f"listing {printable(path.name)}", 0, None)
    tree = ArchiveTree(path)
    others = tree.conversion()
    if others is not None:
        raise DataError(f"{printable(path.name)} holds no image that is read. {others}")
    return list_tree(tree, path, printable(stem(path.name)), "an archive", reading)


def stem(name: str) -> str:
    """Return the name of an archive without its ending."""
    ending = max((one for one in ENDINGS if name.lower().endswith(one)), key=len)
    return name[: -len(ending)] or name


SOURCE = FileSource(
    name="archive",
    form="FILE.zip, FILE.tar.gz",
    summary="a folder of class folders, packed; .tar, .tgz, .tar.bz2 and .tar.xz, too",
    parts="as of such a folder",
    accepts=lambda place: not place.is_folder and place.path.name.lower().endswith(ENDINGS),
    files=lambda path: [path],
    read=_read,
    listed=_list,
    of_files=True,
)
