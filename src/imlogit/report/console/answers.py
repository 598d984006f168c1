"""Answers as text, written while further ones are computed: a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from rich.cells import cell_len

from imlogit.model.predict import Answer
from imlogit.report.console.layout import Letters, between_words, shortened
from imlogit.system.plain_json import to_printable_json
from imlogit.system.text import counted, spreadsheet_text

# Columns are as wide as the first answers need.
LOOKED_AT = 64
WIDEST = 60
# The figures between names, the gaps, and a "(wrong)".
BESIDE = 28
LEAST_SHOWN = 8
UTF_8 = Letters("utf-8")
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
        text = counted(self.n, "image")
        if self.failed:
            text += (
                f", {self.failed:,} of them without an answer"
                if self.n > 1
                else " without an answer"
            )
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


def table_lines(
    answers: Iterable[Answer], tally: Tally, letters: Letters = UTF_8, room: int | None = None
) -> Iterator[str]:
    """Yield a table's lines; a column for the truth is there if the first answers have one.

    Parameters
    ----------
    answers : iterable of Answer
    tally : Tally
        Counts them.
    letters : Letters
        That can be printed.
    room : int, optional
        How wide a line may be: names lose their middle to fit. By default they stand whole.
    """
    passing = tally.counting(answers)
    first = list(islice(passing, LOOKED_AT))
    with_truth = any(one.truth is not None for one in first)
    widths = _widths_of(first, letters, room)

    def cell(text: str, width: int) -> str:
        shown = letters.printable(text)
        shown = shown if room is None else shortened(shown, width, letters.ellipsis)
        return shown + " " * (width - cell_len(shown))

    of_image, of_label = widths
    heading = f"  {cell('image', of_image)}  {cell('label', of_label)}  probability"
    yield heading + ("  truth" if with_truth else "") + "\n"
    yield f" {letters.rule * (len(heading) + (7 if with_truth else 0))}\n"
    for one in chain(first, passing):
        line = f"  {cell(one.where, of_image)}"
        if one.label is None or one.probability is None:
            line += f"  {letters.printable(one.problem)}"
        else:
            line += f"  {cell(one.label, of_label)}  {one.probability:11.4f}"
            if one.truth is not None:
                line += f"  {cell(one.truth, of_label)}".rstrip()
                line += "" if one.right else "  (wrong)"
        yield line.rstrip() + "\n"
    sentence = letters.printable(tally.sentence())
    lines = [sentence] if room is None else between_words(sentence, room)
    yield "\n" + "".join(f"{line}\n" for line in lines)


def _widths_of(first: Sequence[Answer], letters: Letters, room: int | None) -> tuple[int, int]:
    """Return how wide the columns of images and of labels are."""
    image = _widest(["image", *(letters.printable(one.where) for one in first)])
    names = ["label", *(one.label or "" for one in first), *(one.truth or "" for one in first)]
    label = _widest(map(letters.printable, names))
    if room is not None:
        left = room - BESIDE
        label = min(label, max(left // 4, LEAST_SHOWN))
        image = min(image, max(left - 2 * label, LEAST_SHOWN))
    return image, label


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
        texts = (one.where, one.label, one.truth, one.problem)
        where, label, truth, problem = (spreadsheet_text(text or "") for text in texts)
        yield written((where, label, probability, truth, right, problem, seen))


def json_lines(answers: Iterable[Answer], tally: Tally, names: Sequence[str]) -> Iterator[str]:
    """Yield one JSON object, an image a line."""
    yield '{"classes": ' + to_printable_json(list(names)) + ', "predictions": ['
    separator = "\n"
    for one in tally.counting(answers):
        yield separator + to_printable_json(one.to_dict(names))
        separator = ",\n"
    yield '\n], "summary": ' + to_printable_json(tally.to_dict()) + "}\n"


def _widest(texts: Iterable[str]) -> int:
    return min(max(map(cell_len, texts)), WIDEST)
