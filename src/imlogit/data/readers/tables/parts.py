"""Which part of a table a row belongs to, by a word of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from imlogit.data.formats.csv_lines import BadRowError
from imlogit.data.readers.parts import TEST, TRAIN, VALIDATION, WORDS
from imlogit.data.readers.tables.columns import excerpt

# FER2013's.
PUBLIC_TEST, PRIVATE_TEST = "publictest", "privatetest"
KINDS = WORDS | {PUBLIC_TEST: PUBLIC_TEST, PRIVATE_TEST: PRIVATE_TEST}
TESTS = (TEST, PUBLIC_TEST, PRIVATE_TEST)


class Arrangement(NamedTuple):
    """Which kinds of rows are the training, validation and test part; and what to say of it."""

    train: list[str]
    validation: list[str]
    test: list[str]
    remarks: list[str]


def part_kind(cell: bytes) -> str:
    """Return the kind of rows that a word means.

    Raises
    ------
    BadRowError
        For any other word.
    """
    word = cell.decode("utf-8", "replace").strip()
    found = KINDS.get(word.lower())
    if found is None:
        raise BadRowError(f"its part is '{excerpt(word)}', not train, test or validation")
    return found


def arrange(kinds: Collection[str]) -> Arrangement:
    """Return what becomes of the kinds of rows that a table has."""
    test = [kind for kind in TESTS if kind in kinds]
    remarks = []
    if len(test) > 1:
        remarks.append(f"the rows of {' and '.join(test)} are one test part")
    return Arrangement([TRAIN], [VALIDATION] if VALIDATION in kinds else [], test, remarks)
