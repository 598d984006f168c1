"""Labels as rows have them: one class each, or any number, in a table of 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Indicators
from imlogit.data.readers.assemble import ordered
from imlogit.errors import DataError
from imlogit.system.text import first_of, printable

# What tables that are text say of a label that a row has, and of one that it has not.
YES, NO = ("1", "1.0", "True", "true"), ("0", "0.0", "False", "false")


class RowLabels(NamedTuple):
    """Labels of rows.

    Attributes
    ----------
    values : ndarray of int or str, shape (n,), or ndarray of uint8, shape (n, L)
        One class a row; or 0 and 1, which labels it has.
    names : tuple of str
        What the columns are called; none at all where that is not known.
    """

    values: NDArray[Any]
    names: tuple[str, ...] = ()


def label_table(values: NDArray[Any], names: Sequence[str], where: str) -> RowLabels:
    """Return columns of 0 and 1, as numbers or as text, a byte each.

    Parameters
    ----------
    values : ndarray, shape (n, L)
    names : sequence of str
    where : str
        What they are called in errors.

    Raises
    ------
    DataError
        For other values, the first by its row and label.
    """
    is_text = values.dtype.kind == "U"
    if not is_text and values.dtype.kind not in "biuf":
        raise DataError(
            f"{where} has labels of the type {values.dtype}: give 0 and 1.", parameter="labels"
        )
    yes = np.isin(values, YES) if is_text else values == 1
    no = np.isin(values, NO) if is_text else values == 0
    wrong = np.argwhere(~(yes | no))
    if len(wrong):
        row, column = wrong[0].tolist()
        name = names[column] if len(names) else numbered(values.shape[1])[column]
        raise DataError(
            f"{where}: row {row} has {printable(str(values[row, column]))!r} of {printable(name)}: "
            "of several labels a row give 0 or 1 for each, of one class a row a single column.",
            parameter="labels",
        )
    return RowLabels(yes.astype(np.uint8), tuple(names))


def is_binary(values: NDArray[Any]) -> bool:
    """Whether text says nothing but 0 and 1."""
    return bool(np.isin(values, ("0", "1")).all())


def join_labels(parts: Sequence[RowLabels], names: Sequence[str]) -> RowLabels:
    """Return the labels of several files, one below the other.

    Raises
    ------
    DataError
        For files of different kinds, or of different columns.
    """
    check_alike(dict(zip(names, parts, strict=True)))
    return RowLabels(np.concatenate([one.values for one in parts]), _names_of(parts))


def check_alike(parts: Mapping[str, RowLabels]) -> None:
    """Refuse parts of which one has classes that are text, or other columns, than another.

    Raises
    ------
    DataError
    """
    kinds = {one.values.ndim for one in parts.values()}
    if len(kinds) > 1:
        raise DataError(
            "The labels of one part are a class a row, those of another a table: give one kind."
        )
    if kinds == {1}:
        if len({one.values.dtype.kind == "U" for one in parts.values()}) > 1:
            raise DataError(
                "The labels of one part are text, those of another numbers: give one kind."
            )
        return
    (first, own), *others = parts.items()
    names = _names_of(list(parts.values()))
    for part, one in others:
        if one.values.shape[1] != own.values.shape[1] or one.names not in ((), names):
            raise DataError(
                f"The labels of {part} are {_columns(one)}, those of {first} {_columns(own)}: give "
                "the same columns in one order."
            )


def encode_labels(parts: Mapping[str, RowLabels]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the labels of all parts, as codes or as a table, and what these are called.

    Raises
    ------
    DataError
        For parts that are not alike.
    """
    check_alike(parts)
    joined = np.concatenate([one.values for one in parts.values()])
    if joined.ndim == 2:
        table: Indicators = joined
        return table, _names_of(list(parts.values())) or numbered(table.shape[1])
    values, codes = np.unique(joined, return_inverse=True)
    names = ordered(map(str, values.tolist()))
    place = {name: code for code, name in enumerate(names)}
    own = np.array([place[str(value)] for value in values.tolist()], dtype=np.intp)
    return own[codes], tuple(names)


def numbered(n: int) -> tuple[str, ...]:
    """Return what labels are called whose columns have no names."""
    return tuple(f"label {k}" for k in range(n))


def _names_of(parts: Sequence[RowLabels]) -> tuple[str, ...]:
    return next((one.names for one in parts if one.names), ())


def _columns(one: RowLabels) -> str:
    if one.names:
        return first_of([printable(name) for name in one.names])
    return f"{one.values.shape[1]} columns"
