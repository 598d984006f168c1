"""What a person gives a model to look at: files, folders, standard input, or any source."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imlogit.arrays import Pixels
from imlogit.data.formats.members import Member
from imlogit.data.images.decode import BadImageError, is_image_name, read_bytes
from imlogit.data.progress import Progress
from imlogit.data.readers import archives
from imlogit.data.readers.trees.archive_tree import ArchiveTree
from imlogit.data.readers.trees.tree import DiskTree, Tree, images_below
from imlogit.data.reading import Reading
from imlogit.data.sources import Found, find_place, recognise
from imlogit.errors import DataError
from imlogit.system.text import printable

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Input:
    """One image, as it was found.

    Attributes
    ----------
    where : str
        The file, or the row of the source; printable.
    content : bytes, ndarray of uint8, or None
        An image file's bytes, or pixels; None where it cannot be read.
    problem : str
        Why it cannot.
    label : str or None
        The folder that it lies in, or the label that its source gives it.
    """

    where: str
    content: bytes | Pixels | None = None
    problem: str = ""
    label: str | None = None


def inputs(
    names: Sequence[str], reading: Reading, progress: Progress | None = None
) -> Iterator[Input]:
    """Yield the images that names stand for, one by one, in order.

    What cannot be read, whether a file or a whole source, is an Input that says so.

    Parameters
    ----------
    names : sequence of str
        Of image files, folders of image files, sources as `imlogit.load` takes them, and "-"
        for one image on standard input.
    reading : Reading
    progress : callable, optional
        Told how much of a source is read.
    """
    for name in names:
        if name == STANDARD_INPUT:
            yield _of_standard_input(reading)
        else:
            yield from _of_name(name, reading, progress)


def _of_name(name: str, reading: Reading, progress: Progress | None) -> Iterator[Input]:
    where, place = printable(name), find_place(name)
    # a file that is named as an image is no source, and is not looked at again
    is_image = place is not None and not place.is_folder and is_image_name(name)
    found = None if is_image else recognise(name, place)
    if found is not None and not found.kind.of_files:
        yield from _of_source(found, reading, progress)
    elif place is None:
        yield Input(where, None, "there is no such file, folder or source")
    elif place.is_folder:
        tree = DiskTree(place.path, reading.follow_links)
        yield from _of_tree(tree, where, reading, place.path.resolve().name)
    elif found is not None:
        yield from _of_archive(place.path, where, reading)
    else:
        yield _of_file(place.path, where, reading, place.path.absolute().parent.name)


def _of_standard_input(reading: Reading) -> Input:
    if sys.stdin is None or sys.stdin.closed:
        return Input("standard input", None, "it is closed: nothing can be read from it")
    try:
        content = sys.stdin.buffer.read(reading.max_bytes + 1)
    except OSError as error:
        return Input("standard input", None, f"it cannot be read ({error.strerror or error})")
    if len(content) > reading.max_bytes:
        problem = f"more than {reading.max_megabytes:g} MB (max_megabytes=... allows more)"
        return Input("standard input", None, problem)
    return Input("standard input", content)


def _of_file(
    content: str | os.PathLike[str] | bytes | Member,
    where: str,
    reading: Reading,
    label: str | None,
) -> Input:
    try:
        return Input(where, read_bytes(content, reading), "", label)
    except BadImageError as error:
        return Input(where, None, str(error), label)


def _of_archive(path: Path, name: str, reading: Reading) -> Iterator[Input]:
    try:
        tree = ArchiveTree(path)
    except DataError as error:
        yield Input(name, None, " ".join(str(error).split()))
        return
    yield from _of_tree(tree, name, reading, archives.stem(path.name))


def _of_tree(tree: Tree, name: str, reading: Reading, own: str) -> Iterator[Input]:
    """Yield the images of a folder and its subfolders; what does not look like one is left out.

    ``own`` is the label of those that lie in the folder itself.
    """
    found = images_below(tree)
    for item in found:
        where, label = f"{name.rstrip('/')}/{printable(item.name)}", _folder_of(item.name, own)
        if item.problem is not None:
            yield Input(where, None, item.problem, label)
        else:
            yield _of_file(tree.content(item.name), where, reading, label)
    if not found:
        yield Input(name, None, "the folder holds no image")


def _folder_of(file: str, own: str) -> str:
    above = file.rpartition("/")[0]
    return above.rpartition("/")[2] or own


def _of_source(found: Found, reading: Reading, progress: Progress | None) -> Iterator[Input]:
    try:
        images = found.load(reading, progress)
    except DataError as error:
        yield Input(printable(found.place), None, " ".join(str(error).split()))
        return
    for row, (image, code) in enumerate(zip(images.images, images.labels.tolist(), strict=True)):
        where = images.names[row] if len(images.names) else f"{images.name} {row}"
        yield Input(where, image, "", images.class_names[code])
    for passed_over in images.skipped:
        yield Input(printable(passed_over.where), None, passed_over.what)
