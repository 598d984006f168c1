"""From pieces of a source to a packed folder: what is missing is made, and all is described."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from imlogit.data.cache.packed.folder import read_packed
from imlogit.data.cache.packed.manifest import PARTS, Manifest
from imlogit.data.cache.packed.workplace import (
    Content,
    ShardRecord,
    Workplace,
    pixel_digest,
    working_in,
)
from imlogit.data.image_set import ImageSet
from imlogit.data.labelled_set import digest, label_digest
from imlogit.data.problems import BadItem
from imlogit.data.progress import Progress
from imlogit.data.row_names import RowNames
from imlogit.errors import DataError, ParameterError
from imlogit.system.text import printable

# What the images of a shard take, roughly.
SHARD_BYTES = 1 << 26


class Piece(NamedTuple):
    """What becomes one shard: some rows of one part of a source, by their numbers in the source."""

    name: str
    part: str
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True)
class Described:
    """What a manifest says of all images, whatever shards they are in; as in `ImageSet`."""

    name: str
    origin: str
    class_names: tuple[str, ...]
    fit: str | None = None
    of_digits: bool = False
    remarks: tuple[str, ...] = ()
    copies: int = 0


@dataclass(frozen=True, kw_only=True)
class Work:
    """A source that is cut into pieces.

    Attributes
    ----------
    plan : dict
        What decides every byte of the shards, as JSON has it.
    pieces : sequence of Piece
    make : callable
        Yields the content of some of the pieces, in their order.
    describe : callable
        From what was passed over to what is said of all images; it raises what may not be.
    skipped : tuple of BadItem
        What was passed over before.
    """

    plan: dict[str, Any]
    pieces: Sequence[Piece]
    make: Callable[[Sequence[Piece], Progress | None], Iterable[Content]]
    describe: Callable[[tuple[BadItem, ...]], Described]
    skipped: tuple[BadItem, ...] = ()


def cut(lengths: Sequence[int], image_bytes: int, shard_bytes: int) -> list[Piece]:
    """Return the pieces of three parts that follow on each other.

    Parameters
    ----------
    lengths : sequence of int
        How many images the training, validation and test part have.
    image_bytes : int
        What one image takes in a shard.
    shard_bytes : int
        What all images of a shard take, at most, unless a single one takes more.
    """
    each, pieces, first = max(1, shard_bytes // image_bytes), list[Piece](), 0
    for part, n in zip(PARTS, lengths, strict=True):
        for k, start in enumerate(range(0, n, each)):
            stop = min(start + each, n)
            pieces.append(Piece(f"{part}-{k:05}", part, first + start, first + stop))
        first += n
    return pieces


def fill(dest: Path, work: Work, progress: Progress | None) -> ImageSet:
    """Make the shards that are not there yet, then the manifest; return the images, verified."""
    with working_in(dest, {"version": 1} | work.plan) as place:
        records = _finished(place, work.pieces, progress)
        todo = [piece for piece in work.pieces if piece.name not in records]
        for piece, content in zip(todo, work.make(todo, progress), strict=True):
            records[piece.name] = place.put(piece.name, content)
        ordered = [records[piece.name] for piece in work.pieces]
        skipped = [problem for one in ordered for problem in one.problems]
        skipped = sorted((*work.skipped, *skipped), key=lambda problem: problem.where)
        described = work.describe(tuple(skipped))
        shape = _settle_shape(place, records, described.name)
        shards = tuple(shard for piece in work.pieces if (shard := records[piece.name].shard).rows)
        place.finish(
            Manifest(
                **vars(described),
                image_shape=shape,
                sha256=pixel_digest(place, shards),
                shards=shards,
                skipped=tuple(skipped),
            )
        )
    return read_packed(dest, progress)


def _finished(
    place: Workplace, pieces: Sequence[Piece], progress: Progress | None
) -> dict[str, ShardRecord]:
    """Return what is noted of shards that need not be made again."""
    found: dict[str, ShardRecord] = {}
    for number, piece in enumerate(pieces, start=1):
        record = place.finished(piece.name)
        if record is not None:
            found[piece.name] = record
        if progress is not None:
            progress("looking for finished shards", number, len(pieces))
    return found


def _settle_shape(place: Workplace, records: dict[str, ShardRecord], name: str) -> tuple[int, ...]:
    """Return the shape of all images; where some shards are of colour, the grey ones become so.

    Raises
    ------
    DataError
        For images of several sizes.
    """
    made = {key: one for key, one in records.items() if one.shard.rows}
    shapes = {tuple(one.image_shape) for one in made.values()}
    if len({shape[:2] for shape in shapes}) > 1:
        raise DataError(
            f"{name}: images differ in size. Bring all to one with size=(h, w).", parameter="size"
        )
    shape = max(shapes, key=len)
    for key, one in made.items():
        if len(one.image_shape) < len(shape):
            records[key] = place.in_colour(one)
    return shape


def destination(dest: str | os.PathLike[str], source: Path | None = None) -> Path:
    """Return where is packed to, if it is not in what is packed.

    Raises
    ------
    ParameterError
    """
    place = Path(dest).expanduser()
    if source is not None and place.resolve().is_relative_to(source.resolve()):
        raise ParameterError(
            f"{printable(place)} is in the source itself. Choose another place.", parameter="dest"
        )
    return place


def check_shard_bytes(shard_bytes: int) -> None:
    """Refuse what is no size of a shard.

    Raises
    ------
    ParameterError
    """
    if type(shard_bytes) is not int or shard_bytes < 1:
        raise ParameterError(
            f"shard_bytes={shard_bytes!r}: give a whole number over 0.", parameter="shard_bytes"
        )


def of_images(images: ImageSet, job: str, shard_bytes: int) -> dict[str, Any]:
    """Return what decides the bytes of shards that are made of images which are loaded."""
    names = RowNames.of(images.names).packed
    return {
        "job": job,
        "images": images.sha256,
        "labels": label_digest(images.labels),
        "names": digest(names),
        "class_names": list(images.class_names),
        "parts": [images.n_train, images.n_validation, len(images)],
        "copies": images.copies,
        "shard_bytes": shard_bytes,
    }


def part_lengths(images: ImageSet) -> tuple[int, int, int]:
    """Return how many images the training, validation and test part have."""
    n_test = len(images) - images.n_train - images.n_validation
    return images.n_train, images.n_validation, n_test


def bytes_of(image_shape: Sequence[int]) -> int:
    """Return what an image takes."""
    return math.prod(image_shape)
