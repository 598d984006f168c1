"""The labels of embeddings: a file of one label a row, or of a column of 0 and 1 for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.data.embeddings.columns import cells_of_column, column_names, whole_columns
from imlogit.data.embeddings.label_tables import RowLabels, is_binary, label_table
from imlogit.data.formats.npy import map_npy, opened, refusing
from imlogit.errors import DataError
from imlogit.system.text import first_of, printable

# The columns that are labels unless another is asked for, by lower case.
LABEL_COLUMNS = ("label", "labels", "class", "target", "y")
MOST_TEXT_BYTES = 2**30


def labels_in_file(path: Path, column: str | None = None) -> RowLabels:
    """Read one label a row, or any number, of a .npy, .txt, .csv or .parquet file.

    Parameters
    ----------
    path : Path
    column : str, optional
        Of a table; by default the one that is called label, class, target or y. Several with
        commas between, each of 0 and 1, are labels of which a row has any number, as are all of
        a table of nothing else.

    Raises
    ------
    DataError
        For other files, for a column that there is not, and what is not one label a row.
    """
    where = printable(path)
    ending = path.suffix.lower()
    if ending == ".npy":
        labels = np.asarray(map_npy(path))
    elif ending == ".txt":
        with opened(path) as (file, size), refusing(where):
            if size > MOST_TEXT_BYTES:
                raise DataError(f"{where} has {size:,} bytes: that is no file of labels.")
            labels = np.array(file.read().decode("utf-8-sig").splitlines())
    elif ending in (".csv", ".tsv"):
        return _of_table(path, column)
    elif ending == ".parquet":
        return labels_in_columns(path, column)
    else:
        raise DataError(
            f"{where} is no file of labels: give a .npy, .txt, .csv or .parquet file.",
            parameter="labels",
        )
    return as_labels(labels, where)


def labels_in_columns(path: Path, column: str | None) -> RowLabels:
    """Read the labels in a Parquet file's columns.

    Raises
    ------
    DataError
        As `labels_in_file`.
    """
    where, names = printable(path), column_names(path)
    whole = whole_columns(path)
    chosen = label_columns(names, column, where, all_else=len(whole) == len(names))
    cells = [cells_of_column(path, name) for name in chosen]
    return _in_columns(cells, chosen, where)


def _in_columns(cells: list[NDArray[Any]], names: list[str], where: str) -> RowLabels:
    if len(names) == 1:
        return as_labels(cells[0], where)
    if any(one.ndim != 1 for one in cells):
        raise DataError(f"{where}: several columns of labels must be of 0 and 1, not of lists.")
    return label_table(np.stack(cells, axis=1), names, where)


def as_labels(labels: NDArray[Any], where: str) -> RowLabels:
    """Return labels as whole numbers or text, one a row, or as a table of 0 and 1.

    Raises
    ------
    DataError
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim not in (1, 2) or 0 in labels.shape:
        raise DataError(
            f"{where} has labels of the shape {labels.shape}: give one class for each row, or a "
            "column of 0 and 1 for each label.",
            parameter="labels",
        )
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
    if labels.ndim == 2:
        return label_table(labels, (), where)
    return RowLabels(_one_a_row(labels, where))


def _one_a_row(labels: NDArray[Any], where: str) -> NDArray[Any]:
    if labels.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(labels) | (labels != np.floor(labels)))
        if bad.size:
            raise DataError(
                f"{where}: row {bad[0]} has the label {labels[bad[0]]}, no class. Give whole "
                "numbers or text."
            )
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iubU":
        raise DataError(f"{where} has labels of the type {labels.dtype}: give numbers or text.")
    if labels.dtype.kind == "U" and (labels == "").any():
        row = int(np.flatnonzero(labels == "")[0])
        raise DataError(f"{where}: row {row} has an empty label.")
    return labels


def label_columns(
    names: list[str], column: str | None, where: str, *, all_else: bool = False
) -> list[str]:
    """Return the columns of labels among those of a table.

    Parameters
    ----------
    names : list of str
    column : str or None
        One, or several with commas between.
    where : str
    all_else : bool, default=False
        Take all where none is asked for, and none is called so by default.

    Raises
    ------
    DataError
        Where there is none of that name, or none that is called so by default.
    """
    if column is not None and column in names:
        return [column]
    usual = [name for name in names if name.lower() in LABEL_COLUMNS]
    if column is None and usual:
        return usual[:1]
    if column is None and all_else and len(names) > 1:
        return names
    parts = [] if column is None else [part.strip() for part in column.split(",")]
    lacking = [part for part in parts if part not in names]
    if len(parts) > 1 and not lacking and len(set(parts)) == len(parts):
        return parts
    absent = lacking[0] if len(parts) > 1 and lacking else column
    asked = f"no column {absent!r}" if column is not None else "no column called label"
    raise DataError(
        f"{where} has {asked}: its columns are {first_of([printable(name) for name in names])}. "
        "Give the name of one, or of several of 0 and 1 with commas between, with "
        "label_column=...",
        parameter="label_column",
    )


def _of_table(path: Path, column: str | None) -> RowLabels:
    import pandas

    where = printable(path)
    with opened(path) as (file, _), refusing(where):
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        table = pandas.read_csv(file, sep=separator, dtype=str, keep_default_na=False)
    table.columns = [str(one) for one in table]
    all_else = column is None and is_binary(table.to_numpy(dtype=np.str_))
    chosen = label_columns(table.columns.tolist(), column, where, all_else=all_else)
    return _in_columns([table[name].to_numpy(dtype=np.str_) for name in chosen], chosen, where)
