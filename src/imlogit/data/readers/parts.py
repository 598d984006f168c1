"""The parts of a source, told by their names: training, validation and test."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from imlogit.errors import DataError
from imlogit.system.text import printable

TRAIN, VALIDATION, TEST = "training", "validation", "test"
WORDS = {
    **dict.fromkeys(("train", "training", "trn"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing", "tst"), TEST),
}
# What names of parts have beside these words, as in training_set and seg_train.
OTHERS = frozenset(
    ("set", "data", "dataset", "image", "images", "img", "imgs", "photos", "seg", "split")
)
BETWEEN = re.compile("[-_. ]+")

T = TypeVar("T")


class Parts(NamedTuple, Generic[T]):
    """What is read of each part; a part that there is not is None."""

    train: T
    validation: T | None = None
    test: T | None = None

    @property
    def present(self) -> list[T]:
        """The parts that there are, in this order."""
        return [part for part in self if part is not None]


def part_of(name: str) -> str | None:
    """Return the part that a file or a folder of this name belongs to, or None."""
    words = [word for word in BETWEEN.split(name.lower()) if word and word not in OTHERS]
    return WORDS.get(words[0]) if len(words) == 1 else None


def choose_parts(source: str, named: Iterable[tuple[str, T]]) -> Parts[T] | None:
    """Return the parts among some names; None where none is the training part.

    Parameters
    ----------
    source : str
        What the source is called.
    named : iterable of (str, object)
        The name of each file, folder or array, and what stands for it.

    Raises
    ------
    DataError
        For two of one part.
    """
    found: dict[str, tuple[str, T]] = {}
    for name, what in named:
        part = part_of(name)
        if part is None:
            continue
        if part in found:
            raise DataError(
                f"{source} holds two {part} parts, {printable(found[part][0])} and "
                f"{printable(name)}. Leave one."
            )
        found[part] = name, what
    if TRAIN not in found:
        return None
    validation, test = (found[part][1] if part in found else None for part in (VALIDATION, TEST))
    return Parts(found[TRAIN][1], validation, test)
