"""Embeddings of any of the files that networks leave them in, as a `FeatureSet`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from imlogit.data.embeddings.columns import column_names, read_vectors
from imlogit.data.embeddings.folders import read_manifest, stack, stack_shards
from imlogit.data.embeddings.holders import ARRAY_HOLDERS, ArrayHolder, open_holder
from imlogit.data.embeddings.label_tables import RowLabels, encode_labels, join_labels
from imlogit.data.embeddings.labels import (
    LABEL_COLUMNS,
    as_labels,
    labels_in_columns,
    labels_in_file,
)
from imlogit.data.feature_set import FeatureSet
from imlogit.data.formats.conversions import conversion_of
from imlogit.data.formats.npy import map_npy
from imlogit.errors import DataError
from imlogit.system.text import first_of, printable

FEATURES = ("x", "features", "embeddings", "embedding", "data")
LABELS = ("y", "labels", "label", "targets")
# By part, what stands before or after the name of an array in a file of several.
PARTS = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}
# The parts of a source that lie in files of their own.
TRAIN, VALIDATION, TEST = PARTS
FORMS = ".npy, .npz, .safetensors, .parquet, .h5"


class EmbeddingRows(NamedTuple):
    """Embeddings, their labels where they come with them, and what they are of."""

    features: NDArray[Any]
    labels: RowLabels | None
    names: Sequence[str] = ()


def read_embeddings(
    source: str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    label_column: str | None = None,
    validation: str | os.PathLike[str] | None = None,
    validation_labels: str | os.PathLike[str] | None = None,
    test: str | os.PathLike[str] | None = None,
    test_labels: str | os.PathLike[str] | None = None,
) -> FeatureSet:
    """Read embeddings and their labels.

    Files of plain arrays are mapped and never read whole; where several make up the rows, they are
    put together in their own type.

    Parameters
    ----------
    source : path-like
        A .npy, .npz, .safetensors, .parquet or .h5 file, or a folder: of numbered shards, of
        ``train.npy`` and ``test.npy``, or of one .npy an image with a manifest.
    labels, validation_labels, test_labels : path-like, optional
        Files of one label a row, or of a column of 0 and 1 for each of several, where the
        embeddings do not bring theirs.
    label_column : str, optional
        The column of the labels, in tables; several with commas between.
    validation, test : path-like, optional
        The other parts, as ``source`` is given.

    Raises
    ------
    DataError
        For what is damaged or does not fit together.
    MissingExtraError
        For Parquet without pyarrow, and HDF5 without h5py.
    """
    path = Path(source)
    own = _parts_of(path, labels, label_column)
    for part, place, its in (
        (VALIDATION, validation, validation_labels),
        (TEST, test, test_labels),
    ):
        if place is not None:
            own[part] = _parts_of(Path(place), its, label_column)[TRAIN]
    return _assemble(path.stem or path.name, own)


def _parts_of(
    path: Path, labels: str | os.PathLike[str] | None, column: str | None
) -> dict[str, EmbeddingRows]:
    """Return the parts of what lies at a place, with their labels."""
    if not path.exists():
        raise DataError(f"{printable(path)}: there is no such file or folder of embeddings.")
    given = None if labels is None else Path(labels)
    found = _in_folder(path, given, column) if path.is_dir() else _in_file(path, column)
    if given is not None:
        own = found[TRAIN]
        found[TRAIN] = own._replace(labels=labels_in_file(given, column))
    for part, rows in found.items():
        if rows.labels is None:
            raise DataError(
                f"{printable(path)} brings no labels of its {part} part: give a file of them with "
                "labels=..., or of a table the names of their columns with label_column=...",
                parameter="labels",
            )
        n_labels = len(rows.labels.values)
        if n_labels != len(rows.features):
            raise DataError(
                f"{printable(path)}: there are {len(rows.features):,} embeddings, but "
                f"{n_labels:,} labels. Give one for each.",
                parameter="labels",
            )
    return found


def _in_file(path: Path, column: str | None) -> dict[str, EmbeddingRows]:
    ending = path.suffix.lower()
    if ending == ".npy":
        return {TRAIN: EmbeddingRows(map_npy(path), None)}
    if ending == ".parquet":
        names = column_names(path)
        named = column or next((one for one in names if one.lower() in LABEL_COLUMNS), None)
        several = column is not None and "," in column
        labels = labels_in_columns(path, named) if several or named in names else None
        return {TRAIN: EmbeddingRows(read_vectors(path), labels)}
    if ending in ARRAY_HOLDERS:
        return _of_holder(open_holder(path), printable(path))
    conversion = conversion_of(path)
    if conversion is not None:
        raise DataError(
            f"{conversion} To keep embeddings, save them with safetensors: "
            "safetensors.numpy.save_file({'x': features, 'y': labels}, 'embeddings.safetensors')"
        )
    raise DataError(
        f"{printable(path)} is no file of embeddings: give one of {FORMS}, or a folder."
    )


def _in_folder(path: Path, labels: Path | None, column: str | None) -> dict[str, EmbeddingRows]:
    arrays = sorted(one.name for one in path.iterdir() if one.suffix.lower() == ".npy")
    if not _is_of_parts(arrays):
        within = [one for one in (labels,) if one is not None and one.suffix.lower() == ".csv"]
        manifest = next((one for one in (*within, *sorted(path.glob("*.csv")))), None)
        if manifest is not None and manifest.resolve().is_relative_to(path.resolve()):
            features, names = read_manifest(manifest, path)
            return {TRAIN: EmbeddingRows(features, labels_in_file(manifest, column), names)}
        shards = stack_shards(path)
        if shards is not None:
            tables = shards.metadata if labels is None else []
            own = [labels_in_file(one, column) for one in tables]
            joined = join_labels(own, [printable(one) for one in tables]) if own else None
            return {TRAIN: EmbeddingRows(shards.features, joined)}
    names = [name[: -len(".npy")] for name in arrays]
    return _of_holder(
        ArrayHolder(names, lambda name: map_npy(path / f"{name}.npy")), printable(path)
    )


def _is_of_parts(names: Sequence[str]) -> bool:
    """Whether arrays are named as features and labels, not as rows of images."""
    stems = [name.rpartition(".")[0] for name in names]
    return any(_place(stem, FEATURES) is not None for stem in stems)


def _of_holder(holder: ArrayHolder, where: str) -> dict[str, EmbeddingRows]:
    """Return the parts that arrays make up by their names."""
    of_features: dict[str, str] = {}
    of_labels: dict[str, str] = {}
    for name in holder.names:
        for places, kinds in ((of_labels, LABELS), (of_features, FEATURES)):
            part = _place(name, kinds)
            if part is not None:
                places.setdefault(part, name)
                break
    if TRAIN not in of_features:
        raise DataError(
            f"{where} has no embeddings that are called x, features or embeddings, or x_train and "
            f"x_test: its arrays are {first_of([printable(name) for name in holder.names])}."
        )
    return {
        part: EmbeddingRows(
            holder.read(name),
            as_labels(holder.read(of_labels[part]), where) if part in of_labels else None,
        )
        for part, name in of_features.items()
    }


def _place(name: str, kinds: Sequence[str]) -> str | None:
    """Return the part that an array of a name belongs to, if it is of these kinds."""
    words = name.lower().replace("-", "_").split("_")
    for part, spellings in PARTS.items():
        if words[0] in spellings or words[-1] in spellings:
            rest = words[1:] if words[0] in spellings else words[:-1]
            bare = not rest and kinds is FEATURES
            return part if bare or "_".join(rest) in kinds else None
    return TRAIN if "_".join(words) in kinds else None


def _assemble(name: str, parts: dict[str, EmbeddingRows]) -> FeatureSet:
    present = {part: parts[part] for part in PARTS if part in parts}
    features = stack(
        [rows.features for rows in present.values()], [f"The {part} part" for part in present]
    )
    labels, names = encode_labels(
        {
            f"the {part} part": rows.labels
            for part, rows in present.items()
            if rows.labels is not None
        }
    )
    counts = [len(rows.features) for rows in present.values()]
    return FeatureSet(
        features=features,
        labels=labels,
        class_names=names,
        n_train=counts[0],
        name=name,
        origin="embeddings",
        names=[one for rows in present.values() for one in rows.names]
        if all(len(rows.names) for rows in present.values())
        else (),
        n_validation=len(parts[VALIDATION].features) if VALIDATION in parts else 0,
    )
