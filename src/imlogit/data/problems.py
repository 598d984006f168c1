"""What is wrong with single files and rows of a source, collected rather than stumbled over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imlogit.errors import BadItemsError, DataError

MOST_NAMED = 10
REPAIR = "Repair or remove them, or go on without them with skip_bad=True."


@dataclass(frozen=True)
class BadItem:
    """One file or row that cannot be used.

    Attributes
    ----------
    where : str
        The file within its source, and the row, such as "cat/3.png" or "line 7"; printable, and
        no path of this machine.
    what : str
        What is wrong with it, without a full stop.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"

    def to_dict(self) -> dict[str, str]:
        """Return plain texts."""
        return {"where": self.where, "what": self.what}


def raise_or_skip(
    problems: Sequence[BadItem], *, source: str, n_items: int, skip_bad: bool, items: str = "images"
) -> tuple[BadItem, ...]:
    """Return the problems if they may be passed over, else raise them all as one error.

    Parameters
    ----------
    problems : sequence of BadItem
        In the order of the source.
    source : str
        What the source is called.
    n_items : int
        How many items there are, the bad ones among them.
    skip_bad : bool
        Whether to go on without the bad ones.
    items : str
        What the items are, in the plural.

    Raises
    ------
    BadItemsError
        For problems that may not be passed over: the first ones by name, and how many there are.
    DataError
        If nothing is left.
    """
    found = tuple(problems)
    if found and not skip_bad:
        raise BadItemsError(
            f"{source}: {len(found):,} of {n_items:,} {items} cannot be used.\n{listed(found)}\n"
            f"{REPAIR}",
            found,
            parameter="skip_bad",
        )
    if found and len(found) >= n_items:
        raise DataError(f"{source}: none of {n_items:,} {items} can be used.\n{listed(found)}")
    return found


def listed(problems: Sequence[BadItem]) -> str:
    """Return one line for each of the first problems, and how many more there are."""
    lines = [f"  {problem}" for problem in problems[:MOST_NAMED]]
    if len(problems) > MOST_NAMED:
        lines.append(f"  and {len(problems) - MOST_NAMED:,} more")
    return "\n".join(lines)
