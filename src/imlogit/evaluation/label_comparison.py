"""Two models on the same rows of any number of labels: whether one orders them better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from imlogit.arrays import Floats
from imlogit.errors import DataError
from imlogit.evaluation.comparison import Discordant, Matched, tables_of_two, texts_of_differences
from imlogit.evaluation.curve_areas import area_terms
from imlogit.evaluation.intervals import CONFIDENCE, Interval, IntervalMethod
from imlogit.evaluation.label_figures import LabelFigures, label_figures
from imlogit.evaluation.label_scores import told_apart
from imlogit.evaluation.precision_bias import precision_bias
from imlogit.evaluation.scores import NAMES, Score, bounded
from imlogit.system.summarized import NotebookTable, Summarized
from imlogit.system.text import counted

MEAN = "mean average precision"
EXACT = "all labels right"


@dataclass(frozen=True, eq=False, repr=False)
class LabelComparison(Summarized):
    """Two models' answers for the same rows, which have any number of labels.

    Attributes
    ----------
    first, second : LabelFigures
    only_first, only_second : int
        Rows of which only the one model gets all labels right.
    p_value : float
        McNemar's exact test of these.
    average_precision : Score
        The second model's mean average precision less the first's, with a paired interval.
    exact : Score
        The same of the share of rows of which all labels are right.
    by_label : dict of str to Score
        The difference in average precision of each label that has one.
    matched, note
        As in `imlogit.evaluation.comparison.Comparison`.
    """

    first: LabelFigures
    second: LabelFigures
    only_first: int
    only_second: int
    p_value: float
    average_precision: Score
    exact: Score
    by_label: dict[str, Score]
    matched: Matched = Matched.PIXELS
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers."""
        return {
            "multi_label": True,
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "only_first": self.only_first,
            "only_second": self.only_second,
            "p_value": self.p_value,
            "difference": {
                "mean_average_precision": self.average_precision.to_dict(),
                "exact": self.exact.to_dict(),
                "by_label": {name: one.to_dict() for name, one in self.by_label.items()},
            },
            "matched": self.matched,
            "note": self.note,
        }

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Return every figure's name and its value for the one and the other model as texts."""
        both = self.first, self.second
        means = [one.scores.values for one in both]
        return (
            ("base rate", *(f"{one.base_rate:.4f}" for one in both)),
            (MEAN, *(one.mean_average_precision.texts()[0] for one in both)),
            (EXACT, *(one.scores.exact.texts()[0] for one in both)),
            *(
                (f"mean {NAMES[name]}", *(mean[name].texts()[0] for mean in means))
                for name in means[0]
                if name != "average_precision"
            ),
        )

    def difference_rows(self) -> tuple[tuple[str, ...], ...]:
        """Return the differences with their intervals, as texts: the means, then each label's."""
        each = {MEAN: self.average_precision, EXACT: self.exact} | {
            f"{name}: average precision": one for name, one in self.by_label.items()
        }
        return texts_of_differences(each)

    def in_words(self) -> str:
        """Return which model orders the rows better, and whether that may be chance."""
        return (
            f"Only the first has all labels right of {counted(self.only_first, 'row')}, only the "
            f"second of {self.only_second:,}: by chance alone a split as uneven has "
            f"p = {self.p_value:.3g} (McNemar's exact test). {self._verdict()}"
        )

    def _verdict(self) -> str:
        low, high = self.average_precision.low, self.average_precision.high
        if low is None or high is None or low <= 0 <= high:
            return f"These rows do not show that one has the higher {MEAN}."
        return f"The {'second' if low > 0 else 'first'} has the higher {MEAN}."

    def _notebook_tables(self) -> tuple[NotebookTable, ...]:
        notes = (self.in_words(), self.matched.words, self.note)
        title = counted(self.first.n, "row")
        return tables_of_two(title, self.rows(), self.difference_rows(), notes)

    def _summary(self) -> dict[str, str]:
        both = self.first, self.second
        return {
            "rows": f"{self.first.n:,}",
            MEAN: " and ".join(one.mean_average_precision.texts()[0] for one in both),
            "p": f"{self.p_value:.3g}",
        }


def compare_label_probabilities(
    names: Sequence[str],
    labels: NDArray[np.integer],
    first: Floats,
    second: Floats,
    origin: str | None = None,
) -> LabelComparison:
    """Compare two models on the same rows.

    Parameters
    ----------
    names : sequence of str
    labels : ndarray of int, shape (n, L)
        0 and 1.
    first, second : ndarray of float64, shape (n, L)
        Each model's probabilities; a label is given from one above 0.5 on.
    origin : str, optional
        As in `imlogit.evaluation.scores.score`.

    Raises
    ------
    DataError
        For lengths or labels that differ, and where of no label there is anything to score.
    """
    if not first.shape == second.shape == labels.shape:
        raise DataError(f"labels {labels.shape}, probabilities {first.shape} and {second.shape}")
    right = [((p > 0.5) == (labels == 1)).all(axis=1) for p in (first, second)]
    discordant = Discordant.of(*right)
    by_label = {
        names[k]: precision_difference(labels[:, [k]], first[:, [k]], second[:, [k]])
        for k in told_apart(labels).tolist()
    }
    return LabelComparison(
        label_figures(names, labels, first, origin),
        label_figures(names, labels, second, origin),
        *discordant,
        precision_difference(labels, first, second),
        discordant.difference(len(labels)),
        by_label,
    )


def precision_difference(labels: NDArray[np.integer], first: Floats, second: Floats) -> Score:
    """Return a second mean average precision less a first, with its interval.

    By what each row moves the difference, all labels of it together, with Student's quantile for
    as many rows as a label has in the mean. It reaches further to the side on which the difference
    is likely to be too large, as the average precision of few rows is. In simulations of five kinds
    (50 to 1,000 rows, 4 to 30 labels) it held the truth in 94 to 97 of 100 samples.

    Parameters
    ----------
    labels : ndarray of int, shape (n, L)
        0 and 1; of at least one label both.
    first, second : ndarray of float64, shape (n, L)
        What puts the rows in an order.
    """
    places = told_apart(labels)
    known, orders = labels[:, places], (first[:, places], second[:, places])
    curves = [
        [area_terms(own == 1, p) for own, p in zip(known.T, order.T, strict=True)]
        for order in orders
    ]
    mean, other = (np.mean([one.average_precision for one in some]) for some in curves)
    moves, others = (
        np.mean([one.average_precision_terms for one in some], axis=0) for some in curves
    )
    n = len(labels)
    error = float(np.sqrt(((others - moves) ** 2).sum() * n / max(n - 1, 1)))
    degrees = max(float(known.sum(axis=0).mean()) - 1, 1.0)
    reach = float(stdtrit(degrees, 0.5 + CONFIDENCE / 2)) * error
    bias, too_large = (precision_bias(known, order) for order in orders)
    value, net = float(other - mean), too_large - bias
    low = max(value - reach - max(net, 0.0), -1.0)
    high = min(value + reach + max(-net, 0.0), 1.0)
    return bounded(value, Interval(low, high), IntervalMethod.PAIRED)
