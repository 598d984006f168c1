"""Columns of Parquet files: lists of floats, each an embedding, and labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.data.formats.npy import opened, refusing
from imlogit.errors import DataError
from imlogit.system.extras import need
from imlogit.system.text import first_of, printable

PARQUET = "A Parquet file"


def column_names(path: Path) -> list[str]:
    """Return the names of a Parquet file's columns."""
    with refusing(printable(path)):
        return list(_file(path).schema_arrow.names)


def read_vectors(path: Path, column: str | None = None) -> NDArray[Any]:
    """Read a column of lists of floats, all of one length, shape (n, d).

    Parameters
    ----------
    path : Path
    column : str, optional
        By default the only one of its kind.

    Raises
    ------
    DataError
        For no such column, lists of different lengths, and missing ones.
    MissingExtraError
        Without pyarrow.
    """
    where = printable(path)
    with refusing(where):
        file = _file(path)
        named = {field.name: field.type for field in file.schema_arrow}
        found = [name for name, type_ in named.items() if _is_vector(type_)]
        column = column or (found[0] if len(found) == 1 else None)
        if column is None or column not in found:
            raise DataError(
                f"{where} has {len(found)} columns of lists of floats: it must have one. Its "
                f"columns are {first_of(list(named))}."
            )
        cells = file.read(columns=[column]).column(0)
        if cells.null_count:
            raise DataError(
                f"{where}, column {printable(column)}: {cells.null_count} lists are "
                "missing. Leave these rows out."
            )
        return _stacked(cells.chunks, f"{where}, column {printable(column)}")


def cells_of_column(path: Path, column: str) -> NDArray[Any]:
    """Read a column of numbers or text.

    Raises
    ------
    DataError
        Where there is none of that name, or cells are missing.
    """
    where = printable(path)
    with refusing(where):
        file = _file(path)
        if column not in file.schema_arrow.names:
            raise DataError(
                f"{where} has no column {column!r}: its columns are "
                f"{first_of(list(file.schema_arrow.names))}.",
                parameter="label_column",
            )
        cells = file.read(columns=[column]).column(0)
        if cells.null_count:
            raise DataError(f"{where}: {cells.null_count} rows have no {printable(column)}.")
        return np.array(cells.to_pylist())


def whole_columns(path: Path) -> list[str]:
    """Return the names of a Parquet file's columns of whole numbers, or of true and false."""
    types = need("pyarrow.types", "parquet", PARQUET)
    with refusing(printable(path)):
        schema = _file(path).schema_arrow
    return [one.name for one in schema if types.is_integer(one.type) or types.is_boolean(one.type)]


def _file(path: Path) -> Any:
    parquet = need("pyarrow.parquet", "parquet", PARQUET)
    with opened(path):
        return parquet.ParquetFile(path)


def _is_vector(type_: Any) -> bool:
    types = need("pyarrow.types", "parquet", PARQUET)
    lists = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    return any(of(type_) for of in lists) and types.is_floating(type_.value_type)


def _stacked(chunks: Sequence[Any], where: str) -> NDArray[Any]:
    """Return the lists of a column as rows."""
    compute = need("pyarrow.compute", "parquet", PARQUET)
    lengths = np.concatenate([compute.list_value_length(c).to_numpy(False) for c in chunks])
    other = np.flatnonzero(lengths != lengths[0])
    if other.size:
        raise DataError(
            f"{where}: row {other[0]} has {lengths[other[0]]} numbers, row 0 has {lengths[0]}: all "
            "must have as many."
        )
    values = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in chunks]
    return np.concatenate(values).reshape(-1, int(lengths[0]))
