"""Splits: which rows each fold is fitted on, and which it holds out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from imlogit.arrays import Floats
from imlogit.errors import DataError, ParameterError
from imlogit.estimators.targets import labels_lacking
from imlogit.estimators.training_data import Prepared, raise_as, spell_label


class Fold(NamedTuple):
    """Row indices of one fold; ``times`` is how often each row is fitted on, shape (n,)."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    times: NDArray[np.unsignedinteger]


def split_rows(
    cv: Any,
    data: Prepared,
    metadata: Mapping[str, Any],
    random_state: Any,
    *,
    lacking: bool = False,
) -> list[Fold]:
    """Return the folds of a number, a splitter or pairs of row indices.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        A number means `StratifiedKFold`, shuffled by ``random_state`` (None: 0); of labels of
        which a row has any number, `KFold`. A row that a training part holds twice counts twice.
    data : Prepared
    metadata : dict
        What the splitter is given beside rows and labels: ``groups``, as a rule.
    random_state : int, RandomState or None
    lacking : bool, default=False
        Whether in a training part all rows may have the same of a label: that column of the fold's
        fit is undefined.

    Raises
    ------
    ParameterError
        For what gives no folds, for row indices that are none, and for a fold that holds nothing
        out, or whose training part lacks a class or shares a row with its held-out part.
    """
    labels = data.given_labels(np.arange(len(data.codes)))
    if isinstance(cv, (bool, str)) or not (
        isinstance(cv, (int, np.integer)) or hasattr(cv, "split") or isinstance(cv, Iterable)
    ):
        raise ParameterError(
            f"cv={cv!r}: give a number of folds, a splitter or pairs of row indices", parameter="cv"
        )
    if isinstance(cv, (int, np.integer)):
        cv = _splitter(int(cv), data, 0 if random_state is None else random_state)
    with raise_as(ParameterError, "cv"):
        if hasattr(cv, "split"):  # some look at the features
            cv = cv.split(data.rows.given(), labels, **metadata)
        splits = [_split(len(labels), train, test) for train, test in cv]
    if not splits:
        raise ParameterError("cv gives no folds: there must be at least one", parameter="cv")
    _check_apart(splits)
    _check_parts(splits, data, lacking=lacking)
    return splits


def grouped_folds(
    codes: NDArray[np.intp], groups: NDArray[np.intp], n_folds: int, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return folds by class, none of which parts rows of a group; each group is of one class.

    Parameters
    ----------
    codes : ndarray of intp, shape (n,)
        The class of each row.
    groups : ndarray of intp, shape (n,)
    n_folds : int
    seed : int

    Returns
    -------
    list of (train, test)
        Row indices.
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    folds = []
    for _, held_out in splitter.split(first, codes[first]):
        is_test = np.zeros(len(first), dtype=bool)
        is_test[held_out] = True
        folds.append((np.flatnonzero(~is_test[group]), np.flatnonzero(is_test[group])))
    return folds


def check_weights(splits: Sequence[Fold], data: Prepared) -> None:
    """Refuse folds of which nothing that is held out has a weight.

    Raises
    ------
    DataError
    """
    for k, split in enumerate(splits, start=1):
        if not data.weights[split.test].any():
            raise DataError(
                f"the held-out rows of fold {k} of {len(splits)} have no positive weight: there is "
                "none to score"
            )


def _splitter(n_folds: int, data: Prepared, seed: Any) -> Any:
    """Return what makes so many folds, by class where a row has one."""
    many = data.indicators is not None
    smallest = len(data.codes) if many else int(np.bincount(data.codes).min())
    if not 2 <= n_folds <= smallest:
        most = "rows, of which there are" if many else "images in the smallest class, which has"
        raise ParameterError(
            f"cv={n_folds} folds: there must be at least 2, and no more than {most} {smallest}",
            parameter="cv",
        )
    kind = KFold if many else StratifiedKFold
    return kind(n_folds, shuffle=True, random_state=seed)


def mean_held_out(
    splits: Sequence[Fold], parts: Sequence[Floats | None], shape: tuple[int, int]
) -> Floats:
    """Return the mean of what was predicted for each row while it was held out.

    Parameters
    ----------
    splits : sequence of Fold
    parts : sequence of ndarray of float64, shape (len(split.test), k), or None
        What each fold predicted; None where a fold is not finished.
    shape : (n, k)

    Returns
    -------
    ndarray of float64, shape (n, k)
        nan for rows that no fold held out.
    """
    summed, times = np.zeros(shape), np.zeros(shape[0])
    for split, part in zip(splits, parts, strict=True):
        if part is not None:
            summed[split.test] += part
            times[split.test] += 1
    mean = np.full(shape, np.nan)
    np.divide(summed, times[:, None], out=mean, where=times[:, None] > 0)
    return mean


def deviation(values: Floats) -> float:
    """Return the standard deviation over folds (divided by n - 1), nan for one fold."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def fold_numbers(n: int, held_out: Iterable[NDArray[np.intp]]) -> NDArray[np.int64]:
    """Return the last fold that holds each of ``n`` rows out, -1 where none does."""
    numbers = np.full(n, -1, dtype=np.int64)
    for number, rows in enumerate(held_out):
        numbers[rows] = number
    return numbers


def _split(n: int, train: Any, test: Any) -> Fold:
    """Return the fold of row indices, which may be negative, or of masks."""
    everything = np.arange(n)
    try:
        rows, held_out = (everything[_indices(part)] for part in (train, test))
    except IndexError as error:
        raise ParameterError(
            f"cv gives rows that are none of the {n}: {error}", parameter="cv"
        ) from None
    times = np.bincount(rows, minlength=n)
    # a byte a row as a rule: leaving one out of 5,000 would take 200 MB at eight
    return Fold(rows, held_out, times.astype(np.min_scalar_type(times.max())))


def _indices(part: Any) -> NDArray[Any]:
    indices = np.asarray(part)
    return indices if indices.size else indices.astype(np.intp)


def _check_apart(splits: Sequence[Fold]) -> None:
    for k, (_, test, times) in enumerate(splits, start=1):
        both = np.unique(test[times[test] > 0])
        if both.size:
            raise ParameterError(
                f"fold {k} of {len(splits)} trains on {both.size} of the rows that it holds out, "
                f"the first of them row {both[0]}: out-of-fold means not seen",
                parameter="cv",
            )


def _check_parts(splits: Sequence[Fold], data: Prepared, *, lacking: bool) -> None:
    for k, split in enumerate(splits, start=1):
        if not split.test.size:
            raise ParameterError(
                f"fold {k} of {len(splits)} holds no row out: there is none to score",
                parameter="cv",
            )
        if data.indicators is not None and lacking:
            continue
        if data.indicators is not None:
            _check_labels(data.indicators, data.weights * split.times, k, len(splits))
            continue
        weights = np.bincount(data.codes, data.weights * split.times, len(data.classes))
        if not (weights > 0).all():
            absent = spell_label(data.classes[weights <= 0][0])
            raise ParameterError(
                f"the training part of fold {k} of {len(splits)} has no image of class "
                f"{absent}: take stratified folds, or fewer",
                parameter="cv",
            )


def _check_labels(labels: NDArray[Any], weights: Floats, k: int, n: int) -> None:
    lacking = labels_lacking(labels, weights)
    if lacking.size:
        raise ParameterError(
            f"in the training part of fold {k} of {n} every row has the same of label "
            f"{lacking[0]} (counted from 0): take fewer folds, or folds that keep each label's "
            "rows apart",
            parameter="cv",
        )
