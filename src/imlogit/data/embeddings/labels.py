"""The labels of embeddings: a file of one label a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.data.embeddings.columns import cells_of_column, column_names
from imlogit.data.formats.npy import map_npy, opened, refusing
from imlogit.errors import DataError
from imlogit.system.text import first_of, printable

# The columns that are labels unless another is asked for, by lower case.
LABEL_COLUMNS = ("label", "labels", "class", "target", "y")
MOST_TEXT_BYTES = 2**30


def labels_in_file(path: Path, column: str | None = None) -> NDArray[Any]:
    """Read one label a row, of a .npy, .txt, .csv or .parquet file.

    Parameters
    ----------
    path : Path
    column : str, optional
        Of a table; by default the one that is called label, class, target or y.

    Returns
    -------
    ndarray of int or str, shape (n,)

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
        labels = _of_table(path, column)
    elif ending == ".parquet":
        labels = cells_of_column(path, label_column(column_names(path), column, where))
    else:
        raise DataError(
            f"{where} is no file of labels: give a .npy, .txt, .csv or .parquet file.",
            parameter="labels",
        )
    return as_labels(labels, where)


def as_labels(labels: NDArray[Any], where: str) -> NDArray[Any]:
    """Return labels as whole numbers or text, one a row.

    Raises
    ------
    DataError
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(
            f"{where} has labels of the shape {labels.shape}: give one class for each row. Rows "
            "with any number of labels are for LogisticRegression.fit(X, Y)."
        )
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
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


def label_column(names: list[str], column: str | None, where: str) -> str:
    """Return the column of labels among those of a table.

    Raises
    ------
    DataError
        Where there is none of that name, or none that is called so by default.
    """
    if column is not None and column in names:
        return column
    usual = [name for name in names if name.lower() in LABEL_COLUMNS]
    if column is None and usual:
        return usual[0]
    asked = f"no column {column!r}" if column is not None else "no column called label"
    raise DataError(
        f"{where} has {asked}: its columns are {first_of([printable(name) for name in names])}. "
        "Give the name of one with label_column=...",
        parameter="label_column",
    )


def _of_table(path: Path, column: str | None) -> NDArray[Any]:
    import pandas

    where = printable(path)
    with opened(path) as (file, _), refusing(where):
        separator = "\t" if path.suffix.lower() == ".tsv" else ","
        table = pandas.read_csv(file, sep=separator, dtype=str, keep_default_na=False)
    name = label_column([str(one) for one in table], column, where)
    return table[name].to_numpy(dtype=np.str_)
