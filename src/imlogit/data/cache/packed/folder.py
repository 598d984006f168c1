"""A folder of packed images: verified whole, and mapped where it lies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Pixels
from imlogit.data.cache.packed.manifest import ADVICE, MANIFEST, Manifest, PackedShard
from imlogit.data.cache.packed.workplace import LABEL_TYPE, WORKPLACE, file_digest
from imlogit.data.formats.npy import map_npy
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.row_names import RowNames
from imlogit.errors import DataError
from imlogit.system.processors import processor_count
from imlogit.system.shards import ShardedRows
from imlogit.system.text import by, printable


class Mapped(NamedTuple):
    """The files of a shard, mapped; ``names`` is None where images have none."""

    images: Pixels
    labels: NDArray[np.int64]
    names: NDArray[np.uint8] | None


def read_packed(folder: Path, progress: Progress | None = None) -> ImageSet:
    """Read a folder that was packed; every byte of it is verified, and images stay where they are.

    Parameters
    ----------
    folder : Path
    progress : callable, optional
        Told how many shards are verified.

    Raises
    ------
    DataError
        For a folder that is not finished, and for a shard that is missing, cut short, of another
        shape or otherwise not what the manifest says: its file is named.
    """
    if not (folder / MANIFEST).exists():
        raise DataError(
            f"{printable(folder)} is packed in part only. Give the command that packs it again: "
            "what is finished is kept."
        )
    manifest = Manifest.read(folder)
    shards = list(_verified(folder, manifest, progress))
    images = shards[0].images if len(shards) == 1 else ShardedRows([one.images for one in shards])
    names = [one.names for one in shards if one.names is not None]
    return ImageSet(
        images=cast("Pixels", images),  # read as an array is
        labels=np.concatenate([one.labels for one in shards]),
        class_names=manifest.class_names,
        n_train=manifest.rows("train"),
        name=manifest.name,
        origin=manifest.origin,
        sha256=manifest.sha256,
        skipped=manifest.skipped,
        names=RowNames(np.concatenate(names)) if len(names) == len(shards) else (),
        n_validation=manifest.rows("validation"),
        remarks=manifest.remarks,
        fit=manifest.fit,
        of_digits=manifest.of_digits,
        copies=manifest.copies,
    )


def _verified(folder: Path, manifest: Manifest, progress: Progress | None) -> Iterator[Mapped]:
    """Yield the shards in order; several are read at a time."""
    n = len(manifest.shards)
    with ThreadPoolExecutor(processor_count()) as pool:
        waiting = [pool.submit(map_shard, folder, manifest, one) for one in manifest.shards]
        try:
            for k, one in enumerate(waiting, start=1):
                yield one.result()
                if progress is not None:
                    progress("verifying shards", k, n)
        finally:
            pool.shutdown(cancel_futures=True)


def map_shard(folder: Path, manifest: Manifest, shard: PackedShard) -> Mapped:
    """Map the files of a shard, if they are what the manifest says.

    Raises
    ------
    DataError
        It names the file.
    """
    shapes = {"images": (shard.rows, *manifest.image_shape), "labels": (shard.rows,)}
    types = {"labels": LABEL_TYPE}
    found: dict[str, Any] = {"names": None}
    for what, sha256 in shard.sha256.items():
        path = shard.path(folder, what)
        array = _mapped(path)
        kind = (shapes.get(what, array.shape), types.get(what, np.dtype(np.uint8)))
        if (array.shape, array.dtype) != kind or not array.flags.c_contiguous:
            raise DataError(
                f"{printable(path)} holds {array.dtype} of {by(array.shape)}, and the manifest "
                f"says {kind[1]} of {by(kind[0])}. {ADVICE}."
            )
        if file_digest(path) != sha256:
            raise DataError(
                f"{printable(path)} was changed since it was packed: its SHA-256 is not that of "
                f"the manifest. {ADVICE}."
            )
        found[what] = array
    if found["names"] is not None and np.count_nonzero(found["names"] == 0) != shard.rows:
        raise DataError(f"{printable(shard.path(folder, 'names'))} names other images. {ADVICE}.")
    return Mapped(**found)


def _mapped(path: Path) -> NDArray[Any]:
    if not os.path.lexists(path):
        raise DataError(
            f"{printable(path)} is missing. Copy it from where the folder came from, or pack the "
            "source again, into another folder."
        )
    return map_npy(path)


def packed_files(folder: Path) -> list[Path]:
    """Return the files that a packed folder consists of."""
    manifest = Manifest.read(folder)
    shards = [one.path(folder, what) for one in manifest.shards for what in one.sha256]
    return [folder / MANIFEST, *shards]


def is_packed(folder: Path) -> bool:
    """Whether a folder was packed, or is packed in part."""
    return (folder / MANIFEST).exists() or (folder / WORKPLACE).is_dir()
