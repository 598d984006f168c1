"""Answers as text, written while further ones are computed: a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from rich.cells import cell_len

from imlogit.model.predict import Answer

# Columns are as wide as the first answers need.
LOOKED_AT = 64
WIDEST = 60
CSV_COLUMNS = ("image", "label", "probability", "truth", "right", "problem", "seen")


class Tally:
    """Counts answers as they pass by.

    Attributes
    ----------
    n, failed : int
        Images in all, and those that could not be answered.
    seen, seen_of : int
        Images that the model was fitted on, and those of which it knows whether it was.
    """

    def __init__(self) -> None:
        self.n = self.failed = self.seen = self.seen_of = self._right = 0
        self._truths: Counter[str] = Counter()

    def counting(self, answers: Iterable[Answer]) -> Iterator[Answer]:
        """Yield answers, and count them."""
        for one in answers:
            self.n += 1
            self.failed += bool(one.problem)
            self.seen += bool(one.seen)
            self.seen_of += one.seen is not None
            if one.right is not None and one.truth is not None:
                self._right += one.right
                self._truths[one.truth] += 1
            yield one

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers; None for shares of nothing."""
        n = self._truths.total()
        return {
            "images": self.n,
            "failed": self.failed,
            "with_truth": n,
            "accuracy": self._right / n if n else None,
            "base_rate": max(self._truths.values()) / n if n else None,
            "seen": self.seen,
            "seen_of": self.seen_of,
        }

    def sentence(self) -> str:
        """Return what was counted, for a person."""
        found = self.to_dict()
        text = f"{self.n:,} image{'s' if self.n != 1 else ''}"
        if self.failed:
            text += f", {self.failed:,} of them without an answer"
        if found["with_truth"]:
            common = self._truths.most_common(1)[0][0]
            text += (
                f". Of {found['with_truth']:,} whose class is known, {found['accuracy']:.2%} are "
                f"right; always answering '{common}' would be for {found['base_rate']:.2%}"
            )
        return f"{text}.{self._of_seen()}"

    def _of_seen(self) -> str:
        """Return a sentence if the model was fitted on some of the images, or nothing."""
        if not self.seen:
            return ""
        if self.n == 1:
            which = "this very image"
        elif self.seen_of == self.n - self.failed:
            which = f"{self.seen:,} of these images"
        else:
            share = self.seen / self.seen_of
            which = f"about {share:.0%} of these images (by {self.seen_of:,} that it can tell)"
        return f" The model was fitted on {which}: it is more often right there than elsewhere."


def table_lines(answers: Iterable[Answer], tally: Tally) -> Iterator[str]:
    """Yield a table's lines; a column for the truth is there if the first answers have one."""
    passing = tally.counting(answers)
    first = list(islice(passing, LOOKED_AT))
    width = _widest("image", (one.where for one in first))
    of_label = _widest("label", (one.label or "" for one in first))
    with_truth = any(one.truth is not None for one in first)
    heading = f"  {_padded('image', width)}   {_padded('label', of_label)}   probability"
    yield heading + ("   truth" if with_truth else "") + "\n"
    yield f" {'─' * (len(heading) + (8 if with_truth else 0))}\n"
    for one in chain(first, passing):
        if one.label is None or one.probability is None:
            yield f"  {_padded(one.where, width)}   {one.problem}\n"
            continue
        line = f"  {_padded(one.where, width)}   {_padded(one.label, of_label)}"
        line += f"   {one.probability:11.4f}"
        if one.truth is not None:
            line += f"   {one.truth}" + ("" if one.right else "  (wrong)")
        yield line.rstrip() + "\n"
    yield f"\n{tally.sentence()}\n"


def csv_lines(answers: Iterable[Answer], tally: Tally) -> Iterator[str]:
    """Yield CSV, a row an image."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")

    def written(row: Sequence[Any]) -> str:
        line.seek(0)
        line.truncate()
        writer.writerow(row)
        return line.getvalue()

    yield written(CSV_COLUMNS)
    for one in tally.counting(answers):
        right, seen = ("" if said is None else str(said).lower() for said in (one.right, one.seen))
        probability = "" if one.probability is None else one.probability
        yield written((one.where, one.label, probability, one.truth, right, one.problem, seen))


def json_lines(answers: Iterable[Answer], tally: Tally, names: Sequence[str]) -> Iterator[str]:
    """Yield one JSON object, an image a line."""
    yield '{"classes": ' + _plain(list(names)) + ', "predictions": ['
    separator = "\n"
    for one in tally.counting(answers):
        yield separator + _plain(one.to_dict(names))
        separator = ",\n"
    yield '\n], "summary": ' + _plain(tally.to_dict()) + "}\n"


def _widest(heading: str, texts: Iterable[str]) -> int:
    return min(max(map(cell_len, chain([heading], texts))), WIDEST)


def _padded(text: str, width: int) -> str:
    """Fill a text up with spaces: a Chinese letter and its like are two columns wide."""
    return text + " " * (width - cell_len(text))


_plain: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
