"""Folders of embeddings: numbered shards, and one file an image with a manifest."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.data.formats.npy import map_npy, opened, refusing
from imlogit.errors import DataError
from imlogit.system.text import first_of, printable

SHARD = re.compile(r"(.*?)(\d+)\.(npy|parquet)")
EMBEDDINGS, METADATA = "img_emb", "metadata"
MANIFEST_COLUMNS = ("file", "filename", "path", "name")


class Shards(NamedTuple):
    """The rows of numbered shards, and the tables that belong to them, in their order."""

    features: NDArray[Any]
    metadata: list[Path]


def shards_of(folder: Path, ending: str) -> dict[str, list[Path]]:
    """Return the numbered files of an ending, by what stands before the number, in its order.

    Raises
    ------
    DataError
        For a number that is missing, or there twice.
    """
    found: dict[str, dict[int, Path]] = defaultdict(dict)
    for path in sorted(folder.iterdir()):
        name = SHARD.fullmatch(path.name)
        if name is None or name[3] != ending or not name[1].rstrip("_-"):
            continue
        number, of_stem = int(name[2]), found[name[1].rstrip("_-")]
        if number in of_stem:
            raise DataError(
                f"{printable(folder)} has the shard {number} twice: "
                f"{printable(of_stem[number].name)} and {printable(path.name)}."
            )
        of_stem[number] = path
    for stem, numbered in found.items():
        gaps = sorted(set(range(min(numbered), max(numbered) + 1)) - set(numbered))
        if gaps or min(numbered) > 1:
            absent = gaps or list(range(min(numbered)))
            raise DataError(
                f"{printable(folder)}: of the shards {printable(stem)} the number "
                f"{first_of([str(one) for one in absent])} is missing: the rows after it would "
                "have the labels of others. Copy it again."
            )
    return {stem: [numbered[k] for k in sorted(numbered)] for stem, numbered in found.items()}


def stack_shards(folder: Path) -> Shards | None:
    """Read ``img_emb_0.npy``, ``img_emb_1.npy`` and on; None for a folder without shards.

    Raises
    ------
    DataError
        For numbers that are missing, several kinds of shards, and as many tables as there are not.
    """
    arrays = shards_of(folder, "npy")
    if not arrays:
        return None
    if len(arrays) > 1 and EMBEDDINGS not in arrays:
        raise DataError(
            f"{printable(folder)} holds several kinds of shards: {first_of(list(arrays))}. Give a "
            "folder with one."
        )
    paths = arrays.get(EMBEDDINGS) or next(iter(arrays.values()))
    metadata = shards_of(folder, "parquet").get(METADATA, [])
    if metadata and len(metadata) != len(paths):
        raise DataError(
            f"{printable(folder)} has {len(paths)} shards of embeddings, but {len(metadata)} of "
            "metadata: one for each is needed."
        )
    rows = stack([map_npy(path) for path in paths], [printable(path) for path in paths])
    return Shards(rows, metadata)


def read_manifest(manifest: Path, folder: Path) -> tuple[NDArray[Any], list[str]]:
    """Read one ``.npy`` an image, in the order of a CSV that names them.

    Returns
    -------
    features : ndarray, shape (n, d)
    names : list of str

    Raises
    ------
    DataError
        For files that are not there, or lie outside the folder.
    """
    import pandas

    with opened(manifest) as (file, _), refusing(printable(manifest)):
        table = pandas.read_csv(file, dtype=str, keep_default_na=False)
    column = next((name for name in table if str(name).lower() in MANIFEST_COLUMNS), None)
    if column is None:
        raise DataError(
            f"{printable(manifest)} has no column of files, called {' or '.join(MANIFEST_COLUMNS)}."
        )
    names = table[column].tolist()
    root = folder.resolve()
    outside = [name for name in names if not (root / name).resolve().is_relative_to(root)]
    absent = [name for name in names if not (root / name).is_file()]
    for what, found in (("outside of the folder", outside), ("that are not there", absent)):
        if found:
            raise DataError(
                f"{printable(manifest)} names {len(found)} files {what}: "
                f"{first_of([printable(name) for name in found])}."
            )
    rows = [np.asarray(map_npy(root / name)).reshape(1, -1) for name in names]
    return stack(rows, [printable(name) for name in names]), names


def stack(parts: list[NDArray[Any]], names: list[str]) -> NDArray[Any]:
    """Return rows one below the other, of their own type; a single part as it is.

    Raises
    ------
    DataError
        For parts with different numbers of features.
    """
    for part, name in zip(parts, names, strict=True):
        if part.ndim != 2 or part.shape[1] != parts[0].shape[1]:
            raise DataError(
                f"{name} has the shape {part.shape}, {names[0]} {parts[0].shape}: all must have "
                "rows of as many features."
            )
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
