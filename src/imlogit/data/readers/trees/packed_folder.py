"""A folder that `imlogit data pack` or `imlogit data augment` wrote."""

from __future__ import annotations

from pathlib import Path

from imlogit.data.cache.packed.folder import is_packed, packed_files, read_packed
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading


def _read(path: Path, _reading: Reading, progress: Progress | None = None) -> ImageSet:
    return read_packed(path, progress)


SOURCE = FileSource(
    name="packed",
    form="FOLDER",
    summary="what `imlogit data pack` or `imlogit data augment` wrote",
    parts="as of what was packed",
    accepts=lambda place: place.is_folder and is_packed(place.path),
    files=packed_files,
    read=_read,
    keeps=False,
)
