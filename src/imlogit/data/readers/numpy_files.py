"""NumPy's files: an archive (.npz) of images and labels, or each as an array (.npy) of its own."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imlogit.data.formats.npy import ENDING, opened, read_npy, refusing
from imlogit.data.formats.npz import Archive
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import Named, assemble
from imlogit.data.readers.listing import Place, is_hidden
from imlogit.data.readers.parts import Parts
from imlogit.data.readers.pixel_values import as_images, as_pixels
from imlogit.data.readers.source import FileSource
from imlogit.data.reading import Reading
from imlogit.data.remarks import remark
from imlogit.errors import DataError
from imlogit.system.text import first_of, printable

ARCHIVE = ".npz"
# Floats count whole numbers up to here.
MOST_WHOLE = 2**53
NO_TEXT = "some labels are no text. Save them as text in UTF-8, or as integers."
OF_A_NAME = re.compile("(.+[_-])images")


class ArrayPair(NamedTuple):
    """The names of an array of images and of the array of their labels."""

    images: str
    labels: str


# By lower case: the training part and, where the naming has them, the validation and test part.
NAMINGS: tuple[Parts[ArrayPair], ...] = (
    Parts(
        ArrayPair("x_train", "y_train"), ArrayPair("x_val", "y_val"), ArrayPair("x_test", "y_test")
    ),  # Keras
    Parts(
        ArrayPair("train_images", "train_labels"),
        ArrayPair("val_images", "val_labels"),
        ArrayPair("test_images", "test_labels"),
    ),  # MedMNIST
    Parts(ArrayPair("images", "labels")),
    Parts(ArrayPair("x", "y")),
)


class Holder(NamedTuple):
    """An archive or a folder, and the arrays in it.

    Attributes
    ----------
    where : str
        What it is called in errors.
    names : dict of str to list of str
        For each name in lower case, how it is written; twice or more where there are several.
    ending : str
        ".npy" where the arrays are files.
    """

    where: str
    names: dict[str, list[str]]
    ending: str


class Choice(NamedTuple):
    """The arrays that are read, as their names are written, and those that are left out."""

    where: str
    pairs: Parts[ArrayPair]
    others: list[str]


def _accepts(place: Place) -> bool:
    """Whether this is named as NumPy's files are, or a folder of a known set of them."""
    if place.is_folder:
        return bool(_complete(_arrays(place.path, place.names)))
    return place.path.name.lower().endswith((ARCHIVE, ENDING))


def _files(path: Path) -> list[Path]:
    """Return the files that are read."""
    if _is_archive(path):
        return [path]
    folder, choice = _choose_on_disk(path)
    return [folder / name for pair in choice.pairs.present for name in pair]


def _read(path: Path, reading: Reading, progress: Progress | None = None) -> ImageSet:
    """Read the training images and, where there are some, the test images.

    Parameters
    ----------
    path : Path
        An archive, the file of the images, or a folder of such files.
    reading : Reading
    progress : callable, optional
        Not told: there is nothing to decode.

    Raises
    ------
    DataError
        For arrays of unknown names, of which some are missing, or that are not what they claim.
    """
    if _is_archive(path):
        name, origin, parts = path.stem, "a NumPy .npz file", _read_archive(path, reading)
    else:
        name = path.resolve().name if _is_folder(path) else path.stem
        origin, parts = "NumPy .npy files", _read_files(path, reading)
    train, validation, test = parts
    return assemble(train, test, name=printable(name), origin=origin, validation=validation)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith(ARCHIVE) and not _is_folder(path)


def _read_archive(path: Path, reading: Reading) -> Parts[Named]:
    where = printable(path)
    with opened(path) as (file, size):
        archive = Archive(file, size, where)
        choice = _choose(_holder(where, archive.names, ""))
        archive.check_expansion(name for pair in choice.pairs.present for name in pair)

        def array(name: str) -> npt.NDArray[Any]:
            return archive.read(name, named(name))

        def named(name: str) -> str:
            return f"{where}: {printable(_bare(name))}"

        return _read_parts(choice, array, named, reading)


def _read_files(path: Path, reading: Reading) -> Parts[Named]:
    folder, choice = _choose_on_disk(path)

    def array(name: str) -> npt.NDArray[Any]:
        with opened(folder / name) as (file, size):
            return read_npy(file, size, named(name))

    def named(name: str) -> str:
        return printable(folder / name)

    return _read_parts(choice, array, named, reading)


def _read_parts(
    choice: Choice,
    array: Callable[[str], npt.NDArray[Any]],
    named: Callable[[str], str],
    reading: Reading,
) -> Parts[Named]:
    """Read what was chosen; `array` reads, and `named` names in errors, the one of a name."""
    if choice.others:
        remark(f"{choice.where}: left out: {_some(choice.others)}")
    found = [
        None if pair is None else _read_part(pair, array, named, reading) for pair in choice.pairs
    ]
    if {True, False} <= {one[1] for one in found if one is not None}:
        raise DataError(
            f"{choice.where}: the floats of one part run to 1 and those of another to 255. Save "
            "all on one scale."
        )
    train, validation, test = (None if one is None else one[0] for one in found)
    assert train is not None
    return Parts(train, validation, test)


def _read_part(
    pair: ArrayPair,
    array: Callable[[str], npt.NDArray[Any]],
    named: Callable[[str], str],
    reading: Reading,
) -> tuple[Named, bool | None]:
    """Return a part, and whether its pixels are floats up to 1; None where they are whole."""
    of_images, of_labels = named(pair.images), named(pair.labels)
    classes = _classes(array(pair.labels), of_labels)
    values = array(pair.images)
    scaled = bool(values.max(initial=0) <= 1) if values.dtype.kind == "f" else None
    images = as_images(as_pixels(values, of_images), reading, of_images)
    if len(images) != len(classes):
        raise DataError(
            f"{of_images} holds {len(images):,} images, but {of_labels} {len(classes):,} labels. "
            "Do the two belong together?"
        )
    return Named(images, classes), scaled


def _classes(labels: npt.NDArray[Any], where: str) -> list[str]:
    """Return the name of each label's class: its text, or its digits."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(
            f"{where}: labels have the shape {labels.shape}, not one for each image. One-hot "
            "labels become that with .argmax(axis=1)."
        )
    different, places = np.unique(labels, return_inverse=True)
    if labels.dtype.kind == "f":
        different = _whole(different, where)
    names = _names(different, where)
    return [names[place] for place in places.tolist()]


def _names(labels: npt.NDArray[Any], where: str) -> list[str]:
    if labels.dtype.kind == "U":
        # NumPy makes strings of any numbers, and Python breaks down over those beyond its own
        points = labels.view(np.dtype(np.uint32).newbyteorder(labels.dtype.byteorder))
        if points.max() > sys.maxunicode:
            raise DataError(f"{where}: {NO_TEXT}")
    try:
        return [one.decode() if isinstance(one, bytes) else str(one) for one in labels.tolist()]
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: {NO_TEXT}") from error


def _whole(labels: npt.NDArray[Any], where: str) -> npt.NDArray[np.int64]:
    bad = ~((np.abs(labels) < MOST_WHOLE) & (labels == np.rint(labels)))
    if bad.any():
        raise DataError(
            f"{where}: labels are no whole numbers, such as {labels[bad][0]:g}. Give an integer or "
            "a text for each image."
        )
    return labels.astype(np.int64)


def _bare(name: str) -> str:
    """Return a name without .npy: in an archive, NumPy reads it with and without."""
    return name[: -len(ENDING)] if name.lower().endswith(ENDING) else name


def _holder(where: str, names: Iterable[str], ending: str) -> Holder:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_bare(name).lower(), []).append(name)
    return Holder(where, found, ending)


def _arrays(folder: Path, names: Iterable[str]) -> Holder:
    """Note the arrays in a folder."""
    arrays = (name for name in sorted(names) if name.lower().endswith(ENDING))
    return _holder(printable(folder), arrays, ENDING)


def _choose_on_disk(path: Path) -> tuple[Path, Choice]:
    """Return the folder, and the files in it that are read."""
    folder = path if _is_folder(path) else path.parent
    with refusing(printable(folder)), os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not is_hidden(entry.name)]
    holder = _arrays(folder, names)
    if folder == path:
        return folder, _choose(holder)
    own = _bare(path.name).lower()
    holder.names[own] = [path.name]  # and no other, where a second differs in case
    pairs = _present(_naming_of(own, path), holder._replace(where=printable(path)))
    return folder, Choice(holder.where, pairs, [])


def _naming_of(own: str, path: Path) -> Parts[ArrayPair]:
    """Return the naming to which a file of images belongs."""
    for naming in NAMINGS:
        if naming.train.images == own:
            return naming
    match = OF_A_NAME.fullmatch(own)
    if match is None:
        raise DataError(
            f"{printable(path)} is not named as images are. Name it images.npy, x_train.npy, "
            "train_images.npy, x.npy or NAME_images.npy, and its labels beside it labels.npy, "
            "y_train.npy, train_labels.npy, y.npy or NAME_labels.npy."
        )
    return Parts(ArrayPair(own, f"{match[1]}labels"))


def _complete(holder: Holder) -> list[Parts[ArrayPair]]:
    """Return the namings whose training part is there."""
    return [naming for naming in NAMINGS if all(name in holder.names for name in naming.train)]


def _choose(holder: Holder) -> Choice:
    """Find the one naming that the arrays of an archive or a folder have."""
    complete = _complete(holder)
    if len(complete) != 1:
        known = "; ".join(
            ", ".join(name for pair in naming.present for name in pair) for naming in NAMINGS
        )
        what = "several sets of images" if complete else "no known set of images"
        everything = [name for names in holder.names.values() for name in names]
        raise DataError(
            f"{holder.where} holds {what}: {_some(everything)}. Name the arrays of one set as one "
            f"of these (those of validation and test may be missing): {known}."
        )
    pairs = _present(complete[0], holder)
    chosen = {name for pair in complete[0].present for name in pair}
    others = [name for key in holder.names.keys() - chosen for name in holder.names[key]]
    return Choice(holder.where, pairs, others)


def _some(names: Iterable[str]) -> str:
    return first_of(sorted(map(_bare, names))) or "nothing"


def _present(naming: Parts[ArrayPair], holder: Holder) -> Parts[ArrayPair]:
    """Return the names of a naming as they are written, without parts that are not there."""

    def written(pair: ArrayPair) -> ArrayPair:
        images, labels = pair
        return ArrayPair(_written(images, labels, holder), _written(labels, images, holder))

    validation, test = (
        written(pair) if pair is not None and any(name in holder.names for name in pair) else None
        for pair in (naming.validation, naming.test)
    )
    return Parts(written(naming.train), validation, test)


def _written(name: str, other: str, holder: Holder) -> str:
    """Return how a name is written; `other` is that of its partner."""
    written = holder.names.get(name, [])
    if not written:
        raise DataError(
            f"{holder.where}: there is no {printable(name)}{holder.ending} beside "
            f"{printable(other)}{holder.ending}. Put it there: images and labels belong together."
        )
    if len(written) > 1:
        raise DataError(
            f"{holder.where} holds {len(written)} arrays of one name: {_some(written)}. Leave one."
        )
    return written[0]


SOURCE = FileSource(
    name="numpy",
    form="FILE.npz, FILE.npy",
    summary="x_train, y_train, x_test, y_test, or images, labels",
    parts="as named",
    accepts=_accepts,
    files=_files,
    read=_read,
    of_rows=True,
)
