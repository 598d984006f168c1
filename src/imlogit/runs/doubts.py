"""Doubtful labels of a finished run, of its training part or of its test part."""

from __future__ import annotations

import csv
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from imlogit.arrays import Floats
from imlogit.errors import DataError, ParameterError
from imlogit.evaluation.doubts import NONE_HELD_OUT, TRUST, find_doubts
from imlogit.runs.predictions import Numbers
from imlogit.runs.record import Record, open_record
from imlogit.system.text import nearest, spreadsheet_text

TRAINING, TEST = "training", "test"
PARTS = (TRAINING, TEST)
# The field of a doubt that a ranking is by, where it has another name.
BY = {"confidence": "p_given"}
SEEN = ("overlap-exact", "test-repeats-training")


@dataclass(frozen=True)
class Doubt:
    """One label, by what models said that did not see it.

    Attributes
    ----------
    row : int
        Of the image, in the source.
    file : str
        The image's file in the source; empty where images have no files.
    given, suggested : str
        The label's class, and what it should be if it is wrong; where rows have any number of
        labels, one of these and the same with ``not`` before it, or the reverse.
    p_given, p_suggested : float
        Their probabilities.
    trust : float
        How probable the label is, given how labels seem to be mistaken; as in `find_doubts`.
    margin : float
        The given class's probability less the suggested one's.
    wrong : bool
        Whether confident learning counts the label as wrong.
    """

    row: int
    file: str
    given: str
    suggested: str
    p_given: float
    p_suggested: float
    trust: float
    margin: float
    wrong: bool


class _Labels(NamedTuple):
    """A part's labels, and what was said of its images by models that had not seen them."""

    rows: Numbers
    codes: Numbers
    probabilities: Floats


def doubts(
    run: Record | str | os.PathLike[str], *, part: str = TRAINING, ranking: str = TRUST
) -> tuple[Doubt, ...]:
    """Rank the labels of a part of a run, the most doubtful first.

    Parameters
    ----------
    run : Record or path-like
        The folder of a finished run.
    part : {"training", "test"}, default="training"
        Training labels are ranked by out-of-fold probabilities, of a probe those of the rows that
        chose C, and test labels by those of the run's model.
    ranking : {"trust", "margin", "confidence"}, default="trust"
        By what: the label's probability given how labels seem to be mistaken, the given class's
        probability less the suggested one's, or the given class's alone.

    Raises
    ------
    DataError
        For a run whose part has no image that a model had not seen.
    ParameterError
        For another part or ranking.

    Warns
    -----
    UserWarning
        Where test images are training images, of which the model has seen the labels.
    """
    record = open_record(run)
    seen = [code for code in SEEN if code in record.facts.no_estimate]
    if part == TEST and seen:
        warnings.warn(
            f"{record.folder}: test images are training images ({', '.join(seen)}): the model "
            "has seen their labels, and a wrong one may look right.",
            UserWarning,
            stacklevel=2,
        )
    found = [
        one
        for names, labels in _questions(record, _labels(record, part))
        for one in _ranked(record, names, labels, ranking)
    ]
    if record.facts.multi_label:
        if not found:
            raise DataError(f"{record.folder}: {NONE_HELD_OUT}.")
        found.sort(key=lambda one: getattr(one, BY.get(ranking, ranking)))
    return tuple(found)


def _questions(record: Record, labels: _Labels) -> Iterator[tuple[Sequence[str], _Labels]]:
    """Yield what each label can be, and the labels: of any number a row, each by itself."""
    if not record.facts.multi_label:
        yield record.names, labels
        return
    for name, codes, p in zip(record.names, labels.codes.T, labels.probabilities.T, strict=True):
        if not np.isnan(p).all():
            own = np.stack([1 - p, p], axis=1)
            yield (f"not {name}", name), _Labels(labels.rows, codes, own)


def _ranked(
    record: Record, names: Sequence[str], labels: _Labels, ranking: str
) -> tuple[Doubt, ...]:
    """Return the labels of one question, the most doubtful first."""
    try:
        found = find_doubts(labels.codes, labels.probabilities, ranking)
    except DataError as error:
        raise DataError(f"{record.folder}: {error}.") from None
    files = record.predictions.names
    p_suggested = labels.probabilities[found.rows, found.suggested]
    return tuple(
        Doubt(
            row=int(row),
            file=files[row] if len(files) else "",
            given=names[given],
            suggested=names[suggested],
            p_given=float(own),
            p_suggested=float(other),
            trust=float(trust),
            margin=float(margin),
            wrong=bool(wrong),
        )
        for row, given, suggested, trust, own, margin, wrong, other in zip(
            labels.rows[found.rows], *found[1:], p_suggested, strict=True
        )
    )


def as_csv(doubts: tuple[Doubt, ...]) -> str:
    """Return doubts as CSV, in their order; no text of it is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Doubt.__annotations__), lineterminator="\n")
    writer.writeheader()
    texts = ("file", "given", "suggested")
    for one in doubts:
        writer.writerow(
            asdict(one) | {name: spreadsheet_text(getattr(one, name)) for name in texts}
        )
    return text.getvalue()


def _labels(record: Record, part: str) -> _Labels:
    kept = record.predictions
    if part == TRAINING:
        return _Labels(kept.train_rows, kept.train_codes, kept.train_probabilities)
    if part == TEST:
        return _Labels(kept.test_rows, kept.test_codes, kept.test_probabilities)
    raise ParameterError(
        f"part={part!r}: give {' or '.join(PARTS)}.{nearest(part, PARTS)}", parameter="part"
    )
