"""The queue before the pool: regressions that wait, some of them for others' solutions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from imlogit.core.directions.schedule import Preconditioning
from imlogit.core.starts.start import Blend

# Once preconditioners take so much, those that start from a solution go before further ones that
# others start from.
PRECONDITIONER_BYTES = 256_000_000


class Turn(NamedTuple):
    """A regression whose turn it is.

    Attributes
    ----------
    place : int
        Its place in the caller's list.
    start : Blend or None
        The solutions it starts from.
    preconditioner : Preconditioner or SharedFactor or None
        What was kept with the first of them.
    """

    place: int
    start: Blend | None
    preconditioner: Preconditioning | None


class Queue:
    """Who waits, and what is kept for those who start from a solution.

    Attributes
    ----------
    waiting : list of int
        Places in the caller's list.
    heirs : Counter
        How many that still wait begin at each solution, or near it.
    """

    def __init__(self, starts: Sequence[Blend | None]) -> None:
        self.starts = starts
        self.waiting = list(range(len(starts)))
        known = [one for one in starts if one is not None]
        self.heirs = Counter(one.places[0] for one in known if one.is_near)
        self._takers = Counter(one.places[0] for one in known)
        self._asked = Counter(place for one in known for place in one.places)
        self._under_way: set[int] = set()
        self._solved: set[int] = set()
        self._kept: dict[int, Preconditioning] = {}

    def keep(self, place: int, preconditioner: Preconditioning) -> None:
        """Keep a preconditioner until all that take it over have had their turn."""
        if self._takers[place]:
            self._kept[place] = preconditioner

    def finish(self, place: int) -> None:
        """Let those in who start from this solution."""
        self._under_way.discard(place)
        self._solved.add(place)

    def let_in(self, places: Collection[int]) -> bool:
        """Whether more could go first, were these solved: others at the end wait for all anyway."""
        solved = self._solved.union(places)
        waiting = [place for place in self.waiting if self._asked[place]]
        return any(
            start is not None and solved.issuperset(start.places)
            for start in map(self.starts.__getitem__, waiting)
        )

    def take(self, room: int) -> list[Turn]:
        """Return those whose turn it is, at most ``room``; they wait no longer."""
        places = self._next()[:room]
        turns = [Turn(p, self.starts[p], self._kept_for(p)) for p in places]
        self._under_way.update(places)
        self.waiting = [place for place in self.waiting if place not in self._under_way]
        for _, start, _ in turns:
            if start is None:
                continue
            first = start.places[0]
            self._asked.subtract(start.places)
            self._takers[first] -= 1
            self.heirs[first] -= start.is_near
            if not self._takers[first]:
                self._kept.pop(first, None)
        return turns

    def _kept_for(self, place: int) -> Preconditioning | None:
        start = self.starts[place]
        return None if start is None else self._kept.get(start.places[0])

    def _is_ready(self, place: int) -> bool:
        start = self.starts[place]
        return start is None or self._solved.issuperset(start.places)

    def _next(self) -> list[int]:
        """Return whose turn it is: first those from which others start.

        Then all the others are there to share the reads of the rows, unless what is kept for
        them takes too much memory.
        """
        ready = [place for place in self.waiting if self._is_ready(place)]
        first = [place for place in ready if self._asked[place]]
        if sum(one.nbytes for one in self._kept.values()) > PRECONDITIONER_BYTES:
            first = [place for place in ready if not self._asked[place]] or first
        if not first and any(self._asked[place] for place in self._under_way):
            return []
        return first or ready
