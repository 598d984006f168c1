"""`imlogit data pack`: a source that is read once, and then lies in shards."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from imlogit.data.cache.packed.workplace import Content
from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode_many import Encoded, choose_size, decode_stretches
from imlogit.data.packing.filling import (
    SHARD_BYTES,
    Described,
    Piece,
    Work,
    bytes_of,
    check_shard_bytes,
    cut,
    destination,
    fill,
    of_images,
    part_lengths,
)
from imlogit.data.problems import BadItem, raise_or_skip
from imlogit.data.progress import Progress
from imlogit.data.readers.assemble import (
    codes_of,
    names_of_classes,
    ordered,
    with_test,
)
from imlogit.data.readers.source import FileSource
from imlogit.data.readers.trees.image_files import FileListing, PartFiles
from imlogit.data.reading import Reading
from imlogit.data.remarks import held_back, say
from imlogit.data.sources import find, given_images
from imlogit.errors import DataError
from imlogit.system.text import first_of


def pack(
    source: Any,
    dest: str | os.PathLike[str],
    *,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress | None = None,
    **reading: Any,
) -> ImageSet:
    """Pack images into shards, which are then a source that is mapped into memory and not decoded.

    Image files are decoded by several processes, and no more of them held than a shard. Whatever
    stops it, an interrupt, a kill or a full disk: the same call goes on where it stopped, after
    it has verified what is there, and ends in the same bytes.

    Parameters
    ----------
    source : ImageSet, str or path-like
        Images, or their source as `imlogit.load` takes it.
    dest : path-like
        A new or empty folder, or one that was packed in part. Folders above it are made.
    shard_bytes : int, default=64 MiB
        What the images of a shard take, at most.
    progress : callable, optional
        As in `imlogit.load`.
    **reading
        How images are read, as `imlogit.load` takes it.

    Returns
    -------
    ImageSet
        As ``imlogit.load(dest)`` returns it: of several shards ``images`` is read as an array is,
        and not held in memory.

    Raises
    ------
    BadItemsError, DataError
        As `imlogit.load`; and where the folder is packed in part from something else.
    OutputError
        For a folder that is taken or cannot be written; what is finished is kept.
    """
    check_shard_bytes(shard_bytes)
    how = Reading(**reading)
    if isinstance(source, (str, os.PathLike)):
        found = find(os.fspath(source), how)
        place = found.place if isinstance(found.place, Path) else None
        folder = destination(dest, place)
        if isinstance(found.kind, FileSource) and found.kind.listed and place is not None:
            found.check(how)
            made = fill(folder, _of_files(found.kind, place, how, shard_bytes, progress), progress)
            say(made.remarks)
            return made
    images = given_images(source, how, progress, "source")
    return fill(destination(dest), _of_images(images, shard_bytes), progress)


def _of_images(images: ImageSet, shard_bytes: int) -> Work:
    """Return the work of images that are loaded."""

    def make(pieces: Sequence[Piece], progress: Progress | None) -> Iterator[Content]:
        for number, (_, _, start, stop) in enumerate(pieces, start=1):
            rows = slice(start, stop)
            yield Content(images.images[rows], images.labels[rows], images.names[rows])
            if progress is not None:
                progress("packing shards", number, len(pieces))

    described = Described(
        name=images.name,
        origin=_packed(images.origin),
        class_names=images.class_names,
        fit=images.fit,
        of_digits=images.of_digits,
        remarks=images.remarks,
        copies=images.copies,
    )
    return Work(
        plan=of_images(images, "pack", shard_bytes),
        pieces=cut(part_lengths(images), bytes_of(images.image_shape), shard_bytes),
        make=make,
        describe=lambda _: described,
        skipped=images.skipped,
    )


class _Files(NamedTuple):
    """Image files that are to be packed.

    Attributes
    ----------
    listing : FileListing
    parts : tuple of PartFiles
        Training, validation and test part.
    class_names : tuple of str
    reading : Reading
        With a size, unless all are of one.
    image_bytes : int
        What an image takes, at most.
    state : str
        Of the files on disk.
    remarks : tuple of str
    """

    listing: FileListing
    parts: tuple[PartFiles, PartFiles, PartFiles]
    class_names: tuple[str, ...]
    reading: Reading
    image_bytes: int
    state: str
    remarks: tuple[str, ...]


def _list_files(
    kind: FileSource, path: Path, reading: Reading, progress: Progress | None
) -> _Files:
    """List image files, and choose their size."""
    assert kind.listed is not None
    with held_back() as remarks:
        state = kind.stamp(path, reading).digest
        listing = kind.listed(path, reading, progress)
        parts = _parts(listing)
        _raise_or_skip(listing, parts, (), reading)
        _check_classes(listing.name, parts[0], ())
        names = names_of_classes(listing.name, [part.classes for part in parts])
        sized, size = choose_size([file for part in parts for file in part.files], reading)
    n_bytes = bytes_of((*(size or (1, 1)), 1 if reading.grey else 3))
    return _Files(listing, parts, names, sized, n_bytes, state, tuple(remarks))


def _of_files(
    kind: FileSource, path: Path, reading: Reading, shard_bytes: int, progress: Progress | None
) -> Work:
    """Return the work of image files, of which no more are held than a shard."""
    given = _list_files(kind, path, reading, progress)
    listing, parts, sized = given.listing, given.parts, given.reading
    files = [file for part in parts for file in part.files]
    codes = codes_of([one for part in parts for one in part.classes], given.class_names)

    def make(pieces: Sequence[Piece], progress: Progress | None) -> Iterator[Content]:
        stretches: list[Sequence[Encoded]] = [files[one.start : one.stop] for one in pieces]
        for piece, found in zip(pieces, decode_stretches(stretches, sized, progress), strict=True):
            own = codes[piece.start : piece.stop][found.good]
            good = [files[piece.start + k].where for k in found.good.nonzero()[0].tolist()]
            yield Content(found.images, own, good, found.problems)

    def describe(skipped: tuple[BadItem, ...]) -> Described:
        _raise_or_skip(listing, parts, skipped, reading)
        _check_classes(listing.name, parts[0], skipped)
        if kind.stamp(path, reading).digest != given.state:
            raise DataError(
                f"{listing.name} was changed while it was packed. Remove what was packed of it, "
                "and pack it again."
            )
        return Described(
            name=listing.name,
            origin=_packed(listing.origin),
            class_names=given.class_names,
            fit=sized.fit if sized.size is not None else None,
            remarks=given.remarks,
        )

    chosen = {name: value for name, value in sized.chosen().items() if name != "skip_bad"}
    return Work(
        plan={
            "job": "pack",
            "source": given.state,
            "kind": kind.name,
            "reading": chosen,
            "shard_bytes": shard_bytes,
        },
        pieces=cut([len(part.files) for part in parts], given.image_bytes, shard_bytes),
        make=make,
        describe=describe,
        skipped=tuple(problem for part in parts for problem in part.problems),
    )


def _parts(listing: FileListing) -> tuple[PartFiles, PartFiles, PartFiles]:
    """Return the training, validation and test part, of which the latter two may be empty."""
    train, validation, test = listing.parts
    present = (part if part is not None and part.files else None for part in (validation, test))
    validation, test = with_test(listing.name, *present)
    others = [part for part in listing.parts[1:] if part is not None and not part.files]
    for part in others:  # what is wrong with it is said
        train.problems.extend(part.problems)
    return train, validation or PartFiles(), test or PartFiles()


def _raise_or_skip(
    listing: FileListing, parts: Sequence[PartFiles], decoded: Sequence[BadItem], reading: Reading
) -> None:
    """Raise what may not be passed over, and where a part of the images is left empty."""
    listed = [problem for part in parts for problem in part.problems]
    raise_or_skip(
        decoded or sorted(listed, key=lambda problem: problem.where),
        source=listing.name,
        n_items=sum(len(part.files) for part in parts) + len(listed),
        skip_bad=reading.skip_bad,
        items="files",
    )


def _check_classes(source: str, train: PartFiles, skipped: Sequence[BadItem]) -> None:
    """Refuse a training part of which nothing is left, or nothing of a class."""
    bad = {problem.where for problem in skipped}
    files = zip(train.files, train.classes, strict=True)
    left = {one for file, one in files if file.where not in bad}
    if not left:
        raise DataError(f"{source}: there is no training image.")
    gone = ordered(set(train.classes) - left)
    if gone:
        raise DataError(
            f"{source}: nothing is left of {first_of(gone)}, of which no training image can be "
            "used. Take these classes out."
        )


def _packed(origin: str) -> str:
    return origin if origin.endswith(", packed") else f"{origin}, packed"
