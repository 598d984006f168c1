"""What rows say of a model of labels of which a row has any number: each, and their means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.errors import DataError
from imlogit.evaluation.label_scores import (
    LabelScores,
    mean_average_precision,
    score_labels,
    told_apart,
)
from imlogit.evaluation.scores import Score, Scores
from imlogit.system.text import counted

FIGURES = ("accuracy", "f1", "roc_auc", "average_precision", "log_loss")


@dataclass(frozen=True, eq=False)
class LabelFigures:
    """The figures of labels of which a row has any number.

    Attributes
    ----------
    names : tuple of str
        What all labels are called.
    counts : ndarray of intp, shape (L,)
        How many rows have each.
    places : ndarray of intp, shape (k,)
        The labels that some rows have and some have not: the others have no figures.
    scores : LabelScores
        Of these k, each and their means.
    mean_average_precision : Score
        The mean over these, with its interval.
    """

    names: tuple[str, ...]
    counts: Rows
    places: Rows
    scores: LabelScores
    mean_average_precision: Score

    @property
    def n(self) -> int:
        """How many rows were scored."""
        return self.scores.n

    @property
    def base_rate(self) -> float:
        """The mean average precision of no order at all: the mean share of rows with a label."""
        return float(self.counts[self.places].mean() / self.n)

    @property
    def undefined(self) -> tuple[str, ...]:
        """Labels that no row has, or every row: of these there is no figure."""
        known = set(self.places.tolist())
        return tuple(name for k, name in enumerate(self.names) if k not in known)

    def each(self) -> Iterator[tuple[str, int, Scores | None]]:
        """Yield every label's name, how many rows have it, and its figures or None."""
        known = dict(zip(self.places.tolist(), self.scores.by_label, strict=True))
        for k, (name, count) in enumerate(zip(self.names, self.counts.tolist(), strict=True)):
            yield name, count, known.get(k)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {
            "origin": self.scores.origin,
            "n": self.n,
            "base_rate": self.base_rate,
            "mean_average_precision": self.mean_average_precision.to_dict(),
            "exact": self.scores.exact.to_dict(),
            "values": {name: one.to_dict() for name, one in self.scores.values.items()},
            "undefined": list(self.undefined),
            "by_label": [
                {"label": name, "n": count, "base_rate": count / self.n, "values": _values(own)}
                for name, count, own in self.each()
            ],
        }


def _values(own: Scores | None) -> dict[str, Any]:
    return {} if own is None else {name: one.to_dict() for name, one in own.values.items()}


def label_figures(
    names: Sequence[str], labels: NDArray[np.integer], p: Floats, origin: str | None
) -> LabelFigures:
    """Score the probabilities of labels, with intervals.

    Parameters
    ----------
    names : sequence of str
    labels : ndarray of int, shape (n, L)
    p : ndarray of float64, shape (n, L)
    origin : {"test"} or None
        As `imlogit.evaluation.scores.Scores` has it.

    Raises
    ------
    DataError
        Where of no label there is anything to score.
    """
    places = told_apart(labels)
    if not places.size:
        raise DataError(
            f"Among {counted(len(labels), 'row')} every label is one that no row has, or every "
            "row: there is nothing to score. Give other rows."
        )
    known, said = labels[:, places].astype(np.intp), p[:, places]
    return LabelFigures(
        tuple(names),
        labels.sum(axis=0, dtype=np.intp),
        places,
        score_labels(known, said, FIGURES, origin=origin, intervals=True),
        mean_average_precision(known, said, intervals=True),
    )
