"""The queue before the pool: regressions that wait, some of them for others' solutions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from imlogit.core.directions.schedule import Preconditioning

# Once preconditioners take so much, those that start from a solution go before further ones that
# others start from.
PRECONDITIONER_BYTES = 256_000_000


class Turn(NamedTuple):
    """A regression whose turn it is.

    Attributes
    ----------
    place, start : int
        Its place in the caller's list, and that of the solution it starts from, or None.
    preconditioner : Preconditioner or SharedFactor or None
        What was kept with that solution.
    """

    place: int
    start: int | None
    preconditioner: Preconditioning | None


class Queue:
    """Who waits, and what is kept for those who start from a solution.

    Attributes
    ----------
    waiting : list of int
        Places in the caller's list.
    heirs : Counter
        How many still wait for each solution.
    """

    def __init__(self, starts: Sequence[int | None]) -> None:
        self.starts = starts
        self.waiting = list(range(len(starts)))
        self.heirs = Counter(starts)
        self._under_way: set[int] = set()
        self._solved: set[int | None] = {None}
        self._kept: dict[int, Preconditioning] = {}

    def keep(self, place: int, preconditioner: Preconditioning) -> None:
        """Keep a preconditioner until all that start from this solution have had their turn."""
        self._kept[place] = preconditioner

    def finish(self, place: int) -> None:
        """Let those in who start from this solution."""
        self._under_way.discard(place)
        self._solved.add(place)

    def take(self, room: int) -> list[Turn]:
        """Return those whose turn it is, at most ``room``; they wait no longer."""
        places = self._next()[:room]
        turns = [Turn(p, self.starts[p], self._kept_with(self.starts[p])) for p in places]
        self._under_way.update(places)
        self.waiting = [place for place in self.waiting if place not in self._under_way]
        for _, start, _ in turns:
            self.heirs[start] -= 1
            if start is not None and not self.heirs[start]:
                self._kept.pop(start, None)
        return turns

    def _kept_with(self, start: int | None) -> Preconditioning | None:
        return None if start is None else self._kept.get(start)

    def _next(self) -> list[int]:
        """Return whose turn it is: first those from which others start.

        Then all the others are there to share the reads of the rows, unless what is kept for
        them takes too much memory.
        """
        ready = [place for place in self.waiting if self.starts[place] in self._solved]
        first = [place for place in ready if self.heirs[place]]
        if sum(one.nbytes for one in self._kept.values()) > PRECONDITIONER_BYTES:
            first = [place for place in ready if not self.heirs[place]] or first
        if not first and any(self.heirs[place] for place in self._under_way):
            return []
        return first or ready
