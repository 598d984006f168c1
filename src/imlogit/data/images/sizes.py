"""One size for photos of many, where nobody says which."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from imlogit.data.reading import Reading
from imlogit.data.remarks import remark
from imlogit.system.text import by

# A linear model of more numbers an image gains nothing and takes long.
MOST_NUMBERS = 100_000
SIDE = 64
# So many images are looked at before any is decoded.
LOOKED_AT = 64


class Extent(NamedTuple):
    """Height, width and channels of an image."""

    height: int
    width: int
    channels: int

    @property
    def numbers(self) -> int:
        """How many numbers it has."""
        return self.height * self.width * self.channels


def sample(n: int) -> Iterable[int]:
    """Return which of ``n`` images are looked at."""
    return sorted({k * n // LOOKED_AT for k in range(LOOKED_AT)} if n > LOOKED_AT else range(n))


def with_size(reading: Reading, seen: Sequence[Extent]) -> Reading:
    """Return a reading with a size that is chosen, where there is none and one is needed; say so.

    Parameters
    ----------
    reading : Reading
    seen : sequence of Extent
        Of some of the images.
    """
    sizes = sorted({(one.height, one.width) for one in seen})
    channels = 1 if reading.grey else max((one.channels for one in seen), default=1)
    large = any(height * width * channels > MOST_NUMBERS for height, width in sizes)
    if reading.size is not None or not (large or len(sizes) > 1):
        return reading
    side = min(SIDE, int(statistics.median(min(one.height, one.width) for one in seen)))
    which = f"images of {by(sizes[0])}"
    if len(sizes) > 1:
        which = f"images of different sizes, {by(sizes[0])} and {by(sizes[-1])} among them,"
    whole = ", and fit='pad' or fit='stretch' keeps all of each" if reading.fit == "crop" else ""
    remark(
        f"{which} become {side} x {side}, by fit={reading.fit!r}: size=(h, w) makes them larger or "
        f"smaller{whole}"
    )
    return replace(reading, size=(side, side))
