"""What a run's models say of each image, kept beside the model in the run directory.

The file is a safetensors file of plain arrays, which holds nothing that can be executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from imlogit.arrays import Floats, Rows
from imlogit.data.row_names import RowNames
from imlogit.errors import ModelFileError
from imlogit.evaluation.scores import OUT_OF_FOLD, TEST, Scores, score
from imlogit.system.plain_json import check_header
from imlogit.system.regular_file import read_regular

if TYPE_CHECKING:
    from imlogit.model.fields import SavedModel
    from imlogit.runs.plan import Task

Numbers = NDArray[np.int64]
MOST_BYTES = 2**32
# Of the header, which names eight arrays.
MOST_HEADER_BYTES, MOST_STRUCTURES = 2**14, 64
# Rounding in float64 leaves far less.
SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Predictions:
    """Probabilities of the training images, by models that had not seen them, and of the test.

    Of rows with any number of labels codes are 0 and 1, and shaped as the probabilities are.

    Attributes
    ----------
    train_rows : ndarray of int64, shape (n,)
        Where each training image is in the source.
    train_codes : ndarray of int64, shape (n,)
        Its class, in the order of the model's.
    train_folds : ndarray of int64, shape (n,)
        The fold that held it out, -1 where none did.
    train_probabilities : ndarray of float64, shape (n, n_classes)
        Out of fold; nan where no fold held the image out.
    test_rows, test_codes : ndarray of int64, shape (m,)
    test_probabilities : ndarray of float64, shape (m, n_classes)
        Of the model fitted on all training images.
    names : sequence of str
        What every image of the source is called; empty where they have no names.
    """

    train_rows: Numbers
    train_codes: Numbers
    train_folds: Numbers
    train_probabilities: Floats
    test_rows: Numbers
    test_codes: Numbers
    test_probabilities: Floats
    names: Sequence[str] = ()

    @property
    def held_out(self) -> tuple[Numbers, Floats]:
        """Classes and out-of-fold probabilities of the training images that a fold held out."""
        rows = self.train_folds >= 0
        return self.train_codes[rows], self.train_probabilities[rows]

    def pooled_scores(self) -> Scores:
        """Score what was predicted out of fold, with intervals."""
        return score(*self.held_out, origin=OUT_OF_FOLD, intervals=True)

    def test_scores(self, threshold: float | None = None) -> Scores:
        """Score what was predicted of the test images, with intervals, at the model's threshold."""
        test = self.test_codes, self.test_probabilities
        return score(*test, origin=TEST, intervals=True, threshold=threshold)

    def to_bytes(self) -> bytes:
        """Return the file's bytes, the same for the same predictions."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        names = RowNames.of(arrays.pop("names"))
        if len(names):
            arrays["names"] = names.packed
        return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Predictions:
        """Read a file of predictions.

        Raises
        ------
        ModelFileError
            If it is missing, damaged or something else.
        """
        try:
            data = read_regular(path, MOST_BYTES)
            check_header(data, MOST_HEADER_BYTES, MOST_STRUCTURES)
            arrays = load(data)
        except PermissionError as error:
            advice = "Change its permissions, or read it as another user."
            raise ModelFileError(
                f"{fspath(path)}: cannot be read ({error.strerror}). {advice}"
            ) from None
        except OSError as error:
            raise _wrong(path, f"cannot be read ({error.strerror or error})") from None
        except (SafetensorError, ValueError, KeyError, TypeError):
            raise _wrong(path, "this is not an intact file of predictions") from None
        if set(arrays) | {"names"} != {field.name for field in fields(cls)}:
            raise _wrong(path, "it holds other arrays than predictions have")
        packed = arrays.pop("names", np.zeros(0, np.uint8))
        for what in (*_faults(arrays), *_faults_of_names(packed, arrays)):
            raise _wrong(path, what)
        return cls(**arrays, names=RowNames(packed))


def _wrong(path: str | PathLike[str], what: str) -> ModelFileError:
    return ModelFileError(f"{fspath(path)}: {what}. Make the run again.")


def _faults_of_names(packed: NDArray[Any], arrays: dict[str, NDArray[Any]]) -> Iterator[str]:
    """Yield in what names are not those of the images."""
    if packed.dtype != np.uint8 or packed.ndim != 1:
        yield f"names is {packed.dtype} {packed.shape}, not text"
        return
    last = max(int(arrays[f"{part}_rows"].max(initial=-1)) for part in ("train", "test"))
    n_names = len(RowNames(packed))
    if packed.size and (packed[-1] or n_names <= last):
        yield f"there are names of {n_names} images, and an image {last}"


def _faults(arrays: dict[str, NDArray[Any]]) -> Iterator[str]:
    """Yield in which types, lengths and values the arrays are not what they claim."""
    if arrays["train_codes"].ndim != arrays["test_codes"].ndim:
        yield "the codes of one part are of one class a row, those of the other are not"
        return
    for part in ("train", "test"):
        p, codes, rows = (arrays[f"{part}_{name}"] for name in ("probabilities", "codes", "rows"))
        numbers = {f"{part}_codes": codes, f"{part}_rows": rows}
        if part == "train":
            numbers["train_folds"] = arrays["train_folds"]
        many = codes.ndim == 2
        if p.dtype != np.float64 or p.ndim != 2 or p.shape[1] < 2:
            yield f"{part}_probabilities is {p.dtype} {p.shape}, not a column for each class"
            return
        for name, array in numbers.items():
            shape = p.shape if many and array is codes else (len(p),)
            if array.dtype != np.int64 or array.shape != shape:
                yield f"{name} is {array.dtype} {array.shape}, not a number for each image"
                return
        if len(p) and (codes.min() < 0 or codes.max() >= (2 if many else p.shape[1])):
            yield f"{part}_codes name classes that there are not"
        if len(p) and rows.min() < 0:
            yield f"{part}_rows are below 0"
        held_out = arrays["train_folds"] >= 0 if part == "train" else np.ones(len(p), bool)
        yield from _faults_of_probabilities(part, p, held_out, many=many)
    yield from _faults_of_rows(arrays)


def _faults_of_probabilities(
    part: str, p: Floats, held_out: NDArray[np.bool_], *, many: bool
) -> Iterator[str]:
    """Yield in what they are no probabilities of images that were held out, and nan elsewhere."""
    known = p[held_out]
    if many:  # a label is unknown where the fold's model had nothing to learn it from
        known = np.nan_to_num(known, nan=0.0)
    if not ((known >= 0) & (known <= 1)).all():
        yield f"{part}_probabilities are not all from 0 to 1"
    elif not many and (np.abs(known.sum(axis=1) - 1) > SUM_TOLERANCE).any():
        yield f"{part}_probabilities of an image do not add up to 1"
    if not np.isnan(p[~held_out]).all():
        yield f"{part}_probabilities are known of images that no fold held out"


def _faults_of_rows(arrays: dict[str, NDArray[Any]]) -> Iterator[str]:
    """Yield in what images and folds are counted wrongly."""
    rows = np.concatenate([arrays["train_rows"], arrays["test_rows"]])
    if len(np.unique(rows)) < len(rows):
        yield "an image is in it twice"
    folds = arrays["train_folds"]
    if len(folds) and not -1 <= folds.min() <= folds.max() < len(folds):
        yield "train_folds are not numbers of folds, or -1"


def predictions_of(task: Task, model: SavedModel, out_of_fold: Floats, folds: Rows) -> Predictions:
    """Return what is kept of each image of a task: its class, its fold and its probabilities."""
    from imlogit.model.head import head_of

    train, test = task.split.train, task.split.test
    head, rows = head_of(model), task.test_rows
    said = head.answer(rows) if task.features is None else head.answer_rows(rows)
    return Predictions(
        train.astype(np.int64),
        task.codes[train],
        folds,
        out_of_fold,
        test.astype(np.int64),
        task.codes[test],
        said.probabilities,
        task.image_set.names,
    )
