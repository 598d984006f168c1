"""Two models on the same images: whether one is better, or whether it may be chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from imlogit.arrays import Floats
from imlogit.core.links import codes_of_probabilities
from imlogit.core.loss import log_losses
from imlogit.errors import DataError
from imlogit.evaluation.intervals import IntervalMethod, difference_of_shares
from imlogit.evaluation.scores import NAMES, Score, Scores, bounded, score
from imlogit.evaluation.tilting import mean_loss
from imlogit.system.summarized import NotebookTable, Summarized
from imlogit.system.text import counted

# A smaller p-value says that two models differ.
SIGNIFICANCE = 0.05


class Matched(StrEnum):
    """By what the images of two models are known to be the same."""

    PIXELS = "pixels"
    NAMES = "names"
    ROWS = "rows"

    @property
    def words(self) -> str:
        """What is said of it; nothing of the same pixels."""
        by = {
            Matched.NAMES: "by the names of their files",
            Matched.ROWS: "by their rows in the source, whose labels are the same in both",
        }
        if self not in by:
            return ""
        return f"The two runs read their images in different ways; they are matched {by[self]}."


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Summarized):
    """Two models' answers for the same images.

    Attributes
    ----------
    first, second : Scores
    only_first, only_second : int
        Images that only the one model gets right.
    p_value : float
        McNemar's exact test: how often chance alone would split these images as unevenly.
    accuracy, log_loss : Score
        The second model's figure less the first's, with Tango's interval for paired proportions,
        and that of `imlogit.evaluation.tilting.mean_loss` at the mean of both models'
        probabilities.
    matched : Matched
        By what the images are known to be the same.
    note : str
        What else is to be known of the difference, such as that only the machine differed; as a
        rule empty.
    """

    first: Scores
    second: Scores
    only_first: int
    only_second: int
    p_value: float
    accuracy: Score
    log_loss: Score
    matched: Matched = Matched.PIXELS
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers."""
        return {
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "only_first": self.only_first,
            "only_second": self.only_second,
            "p_value": self.p_value,
            "difference": {
                "accuracy": self.accuracy.to_dict(),
                "log_loss": self.log_loss.to_dict(),
            },
            "matched": self.matched,
            "note": self.note,
        }

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Return every figure's name and its value for the one and the other model as texts."""
        both = self.first, self.second
        return (
            ("base rate", *(f"{one.base_rate:.4f}" for one in both)),
            *((NAMES[name], *(one[name].texts()[0] for one in both)) for name in self.first.values),
        )

    def difference_rows(self) -> tuple[tuple[str, ...], ...]:
        """Return the differences of accuracy and log loss, with their intervals, as texts."""
        return texts_of_differences({"accuracy": self.accuracy, "log loss": self.log_loss})

    def in_words(self) -> str:
        """Return which images tell the models apart, and whether that may be chance."""
        return (
            f"Only the first is right for {counted(self.only_first, 'image')}, only the second for "
            f"{self.only_second:,}: by chance alone a split as uneven has p = {self.p_value:.3g} "
            f"(McNemar's exact test). {self._verdict()}"
        )

    def _verdict(self) -> str:
        if self.p_value >= SIGNIFICANCE:
            return "These images do not show that one is more accurate."
        better = "second" if self.only_second > self.only_first else "first"
        return f"The {better} is more accurate."

    def _notebook_tables(self) -> tuple[NotebookTable, ...]:
        notes = (self.in_words(), self.matched.words, self.note)
        title = counted(self.first.n, "image")
        return tables_of_two(title, self.rows(), self.difference_rows(), notes)

    def _summary(self) -> dict[str, str]:
        return {
            "rows": f"{self.first.n:,}",
            "accuracy": f"{self.first['accuracy'].value:.4f} and "
            f"{self.second['accuracy'].value:.4f}",
            "p": f"{self.p_value:.3g}",
        }


class Discordant(NamedTuple):
    """The answers that only one of two models has right, and McNemar's exact test of them [1]_.

    References
    ----------
    .. [1] Q. McNemar, Note on the sampling error of the difference between correlated proportions
       or percentages, Psychometrika 12 (1947); exact by the binomial distribution.
    """

    only_first: int
    only_second: int
    p_value: float

    @classmethod
    def of(cls, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Discordant:
        """Return it from whether each model's answers are right, shape (n,)."""
        only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
        apart = only_first + only_second
        p_value = float(binomtest(only_second, apart).pvalue) if apart else 1.0
        return cls(only_first, only_second, p_value)

    def difference(self, n: int) -> Score:
        """Return the second model's share of right answers less the first's, of n answers."""
        ends = difference_of_shares(self.only_second, self.only_first, n)
        return bounded((self.only_second - self.only_first) / n, ends, IntervalMethod.TANGO)


def texts_of_differences(figures: Mapping[str, Score]) -> tuple[tuple[str, ...], ...]:
    """Return differences of figures, with their signs and intervals, as texts."""
    return tuple(
        (
            name,
            f"{one.value:+.4f}",
            "none" if one.low is None else f"{one.low:+.4f} to {one.high:+.4f}",
        )
        for name, one in figures.items()
    )


def tables_of_two(
    title: str,
    rows: Sequence[tuple[str, ...]],
    differences: Sequence[tuple[str, ...]],
    notes: Sequence[str],
) -> tuple[NotebookTable, ...]:
    """Return two models' figures side by side, and their differences, for a notebook."""
    headings = ("score", "difference", "95% interval")
    said = [note for note in notes if note]
    return (
        NotebookTable(title, rows, ("score", "first", "second")),
        NotebookTable("The second less the first", differences, headings, said),
    )


def compare_probabilities(
    codes: NDArray[np.integer],
    first: Floats,
    second: Floats,
    thresholds: tuple[float | None, float | None] = (None, None),
    origin: str | None = None,
) -> Comparison:
    """Compare two models on the same images.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        True classes.
    first, second : ndarray of float64, shape (n, n_classes)
        Each model's probabilities.
    thresholds : tuple of float or None
        As in `imlogit.evaluation.scores.score`, one a model.
    origin : str, optional
        As there.

    Raises
    ------
    DataError
        For lengths or classes that differ.
    """
    if first.shape != second.shape:
        raise DataError(f"probabilities of shapes {first.shape} and {second.shape}")
    pair = [
        score(codes, p, origin=origin, threshold=threshold)
        for p, threshold in zip((first, second), thresholds, strict=True)
    ]
    right = [
        codes_of_probabilities(p, threshold) == codes
        for p, threshold in zip((first, second), thresholds, strict=True)
    ]
    discordant = Discordant.of(*right)
    n, apart_by = len(codes), log_losses(second) - log_losses(first)
    ends = mean_loss(apart_by, (first + second) / 2, codes)
    loss = float(apart_by[np.arange(n), codes].mean())
    log_loss = bounded(loss, ends, IntervalMethod.TILTING)
    return Comparison(pair[0], pair[1], *discordant, discordant.difference(n), log_loss)
