"""A folder of class folders: each image's class is the name of the folder that it lies in."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from imlogit.data.formats.conversions import conversion_in
from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode import looks_like_image
from imlogit.data.images.decode_many import Encoded, decode_all
from imlogit.data.problems import BadItem, raise_or_skip
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.listing import files_below, is_hidden, subfolders
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.text import printable

TRAIN, TEST = "train", "test"
LAYOUT = "Put the images of each class into a folder of its own, named after it"


class PartFiles(NamedTuple):
    """The image files of a part, their classes, and what is wrong before any is opened."""

    files: list[Encoded]
    classes: list[str]
    problems: list[BadItem]


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read a folder of class folders, or one with such folders as ``train/`` and ``test/``.

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
        For a folder without class folders, images of different sizes, and a test part with
        classes of its own.
    """
    name = printable(path.resolve().name)
    parts = [_list_part(folder, path, reading) for folder in _parts(path, reading)]
    found = [file for part in parts for file in part.files]
    if not found and not any(part.problems for part in parts):
        hint = conversion_in(path) or f"{LAYOUT}."
        raise DataError(f"{name}: there is no class folder with an image. {hint}")
    decoded = decode_all(found, len(found), reading, progress)
    listed_before = [problem for part in parts for problem in part.problems]
    skipped = raise_or_skip(
        sorted((*listed_before, *decoded.problems), key=lambda problem: problem.where),
        source=name,
        n_items=len(found) + len(listed_before),
        skip_bad=reading.skip_bad,
        items="files",
    )
    n_train = int(decoded.good[: len(parts[0].files)].sum())
    of_files = [of_file for part in parts for of_file in part.classes]
    classes = [of_file for of_file, good in zip(of_files, decoded.good, strict=True) if good]
    train, test = (
        Named(decoded.images[rows], classes[rows])
        for rows in (slice(n_train), slice(n_train, None))
    )
    return assemble(
        train,
        test if len(parts) > 1 else None,
        name=name,
        origin="a folder of class folders",
        skipped=skipped,
    )


def _parts(path: Path, reading: Reading) -> list[Path]:
    """Return the folders of the training and the test part, or the one folder of all classes."""
    try:
        found = subfolders(path, reading.follow_links)
    except OSError as error:
        raise DataError(
            f"{printable(path)} cannot be read ({error.strerror or error}). Change its permissions."
        ) from error
    parts = [item for part in (TRAIN, TEST) for item in found if item.name.lower() == part]
    if not parts or parts[0].name.lower() != TRAIN or not _has_folders(path / parts[0].name):
        return [path]
    for one, after in pairwise(parts):
        if one.name.lower() == after.name.lower():
            raise DataError(
                f"{printable(path.name)} holds both {one.name}/ and {after.name}/. Leave one."
            )
    for item in parts:
        if item.problem is not None:  # what lies behind it may change unseen
            raise DataError(
                f"{printable(path.name)}/{item.name}: {item.problem}.", parameter="follow_links"
            )
    others = [printable(item.name) for item in found if item not in parts]
    if others:
        warnings.warn(
            f"{printable(path.name)}: only train/ and test/ are read; left out: "
            f"{', '.join(others)}",
            UserWarning,
            stacklevel=2,
        )
    return [path / item.name for item in parts]


def _has_folders(path: Path) -> bool:
    try:
        return bool(subfolders(path, follow_links=True))
    except OSError:
        return False


def _list_part(folder: Path, root: Path, reading: Reading) -> PartFiles:
    """List the images of each class folder."""
    part = PartFiles([], [], [])
    ignored: list[str] = []
    above = "" if folder == root else f"{folder.name}/"
    try:
        of_classes = subfolders(folder, reading.follow_links)
    except OSError as error:
        raise DataError(
            f"{printable(folder)} cannot be read ({error.strerror or error})."
        ) from error
    for of_class, problem in of_classes:
        where = f"{above}{of_class}"
        if problem is not None:
            part.problems.append(BadItem(printable(where), problem))
            continue
        ignored += _list_class(folder / of_class, where, root, reading, part)
    _refuse_loose_images(folder, above, bool(of_classes))
    if ignored:
        warnings.warn(
            f"{printable(root.name)}: {len(ignored):,} files that are not named as images were not "
            f"read, such as {ignored[0]}",
            UserWarning,
            stacklevel=2,
        )
    return part


def _list_class(
    folder: Path, where: str, root: Path, reading: Reading, part: PartFiles
) -> Sequence[str]:
    """Add the images of one class to a part; return files that are left out by their names."""
    ignored, before = [], len(part.files) + len(part.problems)
    for name, problem in files_below(folder, root, reading.follow_links):
        full = printable(f"{where}/{name}")
        if problem is not None:
            part.problems.append(BadItem(full, problem))
        elif looks_like_image(path := f"{folder}/{name}", name):
            part.files.append(Encoded(full, path))
            part.classes.append(folder.name)
        else:
            ignored.append(full)
    if len(part.files) + len(part.problems) == before:
        part.problems.append(BadItem(printable(where), "the folder of this class holds no image"))
    return ignored


def _refuse_loose_images(folder: Path, above: str, beside_classes: bool) -> None:
    """Say that images which lie in no class folder have no label."""
    with os.scandir(folder) as entries:
        files = [e for e in entries if not is_hidden(e.name)]
    loose = sorted(e.name for e in files if looks_like_image(e.path, e.name))
    if not loose:
        return
    what = f"{len(loose):,} images lie in no class folder, such as {printable(above + loose[0])}"
    if not beside_classes:
        raise DataError(f"{printable(folder)}: {what}. {LAYOUT}.")
    warnings.warn(f"{printable(folder.name)}: {what}, and were not read", UserWarning, stacklevel=2)


# Whatever is in it: any folder that is no other source is one of class folders.
SOURCE = FileSource(
    name="folder",
    form="FOLDER",
    summary="a folder for each class, or such folders in train/ and test/",
    parts="`train/` and `test/`, if they are there",
    accepts=lambda place: place.is_folder,
    files=lambda path: [path],
    read=_read,
)
