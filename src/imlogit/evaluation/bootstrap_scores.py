"""Scores of many models over the same images, a few models at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, column_or_1d

from imlogit.arrays import Floats
from imlogit.core.contract import Engine
from imlogit.core.links import INDEPENDENT, link_of, probabilities
from imlogit.engines.matrix import Matrix
from imlogit.engines.table import local_engine, open_engine
from imlogit.errors import DataError, ParameterError
from imlogit.estimators.logistic import LogisticRegression, rows_to_predict
from imlogit.estimators.targets import indicators
from imlogit.estimators.training_data import Prepared, raise_as, spell_label
from imlogit.evaluation.label_scores import score_answers
from imlogit.evaluation.scores import NAMES
from imlogit.system.text import nearest

Scorer = Callable[[NDArray[Any], Floats], float]
# None stands for one of `NAMES`.
Scorers = dict[str, Scorer | None]
MOST_BYTES_OF_MARGINS = 2**26


@dataclass(frozen=True, eq=False)
class Scored:
    """Images that models are scored on.

    Attributes
    ----------
    rows : Matrix of uint8, float32 or float64, shape (m, d)
    scale : float
        What the features are multiplied by.
    classes : ndarray, shape (n_classes,)
    codes : ndarray of intp, shape (m,) or (m, L)
        Each row's index into ``classes``; or 0 and 1, which labels it has.
    """

    rows: Matrix
    scale: float
    classes: NDArray[Any]
    codes: NDArray[np.intp]

    @classmethod
    def training(cls, data: Prepared) -> Scored:
        """Return the images that the models were fitted on."""
        return cls(data.rows, data.scale, data.classes, data.answers)

    @classmethod
    def test(cls, estimator: LogisticRegression, X: Any, y: ArrayLike) -> Scored:
        """Return other images, validated as those that the estimator can predict on.

        Raises
        ------
        DataError
            For images of another kind, and for labels that training did not have.
        """
        rows, scale = rows_to_predict(estimator, X)
        classes = estimator.classes_
        if isinstance(classes, list):
            return cls(rows, scale, classes[0], _indicators(y, rows, len(classes)))
        with raise_as(DataError):
            labels = column_or_1d(y)
            check_consistent_length(rows, labels)
        unknown = labels[~np.isin(labels, classes)]
        if unknown.size:
            raise DataError(
                f"the test labels hold {spell_label(unknown[0])}, which is not among the training "
                f"labels: {', '.join(map(spell_label, classes))}"
            )
        return cls(rows, scale, classes, np.searchsorted(classes, labels))


def _indicators(y: ArrayLike, rows: Matrix, n_labels: int) -> NDArray[np.intp]:
    """Return which labels test rows have, shape (m, L).

    Raises
    ------
    DataError
    """
    labels = np.asarray(y)
    if labels.shape != (len(rows), n_labels):
        raise DataError(
            f"the test labels have the shape {labels.shape}, for {len(rows)} rows and {n_labels} "
            "labels: give a column of 0 and 1 for each label"
        )
    return indicators(labels).astype(np.intp)


def by_name(scores: Sequence[str | Scorer]) -> Scorers:
    """Return what is to be computed, by the name that it goes by.

    Raises
    ------
    ParameterError
        For names that are not known, and for two scores of one name.
    """
    found: Scorers = {}
    for one in [scores] if isinstance(scores, str) else scores:
        name = one if isinstance(one, str) else getattr(one, "__name__", repr(one))
        if isinstance(one, str) and one not in NAMES:
            raise ParameterError(
                f"score {one!r} is not known.{nearest(one, NAMES)} Choose from {', '.join(NAMES)}, "
                "or give a function of labels and probabilities",
                parameter="scores",
            )
        if name in found:
            raise ParameterError(
                f"two scores are called {name!r}: give each a __name__ of its own",
                parameter="scores",
            )
        found[name] = None if isinstance(one, str) else one
    return found


def score_each(
    estimator: LogisticRegression,
    images: Scored,
    coef: Floats,
    intercept: Floats,
    scorers: Scorers,
    times: NDArray[np.integer] | None = None,
) -> dict[str, Floats]:
    """Score every model on the same images, or on those that it was not fitted on.

    Parameters
    ----------
    estimator : LogisticRegression
        Of whose kind the models are.
    images : Scored
    coef : ndarray of float64, shape (n, k, d)
    intercept : ndarray of float64, shape (n, k)
    scorers : dict
        As of `by_name`.
    times : ndarray of int, shape (n, m), optional
        How often each model was fitted on each row; it is scored on those with 0.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        nan for models that are not defined, and for those without a row to be scored on.
    """
    found = {name: np.full(len(coef), np.nan) for name in scorers}
    if not scorers:
        return found
    many = images.codes.ndim == 2
    link = INDEPENDENT if many else link_of(coef.shape[1], estimator.multi_class)
    defined = np.flatnonzero(~np.isnan(coef).any(axis=(1, 2)))
    # rows on a cluster are read there by "auto", too
    with open_engine(local_engine(estimator.engine), images.rows, images.scale) as opened:
        for model, margins in _margins(opened, coef, intercept, defined):
            rows = slice(None) if times is None else np.flatnonzero(times[model] == 0)
            codes = images.codes[rows]
            if codes.size:
                p = probabilities(margins[rows], link)
                figures = _figures(scorers, images.classes, codes, p)
                for name, value in figures.items():
                    found[name][model] = value
    return found


def _margins(
    engine: Engine, coef: Floats, intercept: Floats, models: NDArray[np.intp]
) -> Iterator[tuple[int, Floats]]:
    """Yield each model and its margins of all rows, shape (m, k)."""
    _, k, d = coef.shape
    size = max(1, MOST_BYTES_OF_MARGINS // (8 * k * engine.n_rows))
    for first in range(0, len(models), size):
        block = models[first : first + size]
        margins = engine.multiply(coef[block].reshape(-1, d)).reshape(len(block), k, -1)
        for model, of_one in zip(block.tolist(), margins, strict=True):
            yield model, of_one.T + intercept[model]


def _figures(
    scorers: Scorers, classes: NDArray[Any], codes: NDArray[np.intp], p: Floats
) -> dict[str, float]:
    own = score_answers(codes, p, only=[name for name, scorer in scorers.items() if scorer is None])
    labels = classes[codes] if codes.ndim == 1 else codes
    return {
        name: own[name].value if scorer is None else float(scorer(labels, p))
        for name, scorer in scorers.items()
    }
