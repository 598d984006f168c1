"""Fingerprints of the images that a model was fitted on, by which it knows them again.

A fingerprint is the start of a hash of an image's pixels: whoever has the image finds out whether
the model was fitted on it, and nobody gets an image out of it. Of many images the first in the
order of their fingerprints are kept. That is a sample drawn by the images themselves, so that any
image tells whether it would be in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

from imlogit.arrays import Pixels

MOST_FINGERPRINTS = 4096
_BYTES = 6
_DIGITS = 2 * _BYTES
# So many images are sorted at once.
_BLOCK = 1 << 14


def fingerprints_of(images: Pixels) -> str:
    """Return the fingerprints of images (n, ...) of uint8, in ascending order, as one text."""
    kept: list[str] = []
    for start in range(0, len(images), _BLOCK):
        found = map(_fingerprint, images[start : start + _BLOCK])
        kept = sorted({*kept, *found})[:MOST_FINGERPRINTS]
    return "".join(kept)


def are_fingerprints(value: object) -> bool:
    """Whether a value is what `fingerprints_of` returns of at least one image."""
    if not isinstance(value, str) or not 0 < len(value) <= MOST_FINGERPRINTS * _DIGITS:
        return False
    found = _split(value)
    return (
        re.fullmatch(f"([0-9a-f]{{{_DIGITS}}})+", value) is not None and sorted(set(found)) == found
    )


class Fingerprints:
    """The fingerprints that a model keeps, to look images up.

    Parameters
    ----------
    text : str or None
        As `fingerprints_of` returns them; None where the model keeps none.
    """

    def __init__(self, text: str | None) -> None:
        found = _split(text or "")
        self._known = frozenset(found)
        # later ones were left out where there are as many as are kept
        self._last = found[-1] if len(found) == MOST_FINGERPRINTS else None

    def have(self, images: Iterable[Pixels]) -> list[bool | None]:
        """Return whether the model was fitted on each image; None where it does not know."""
        if not self._known:
            return [None for _ in images]
        return [self._has(_fingerprint(image)) for image in images]

    def _has(self, fingerprint: str) -> bool | None:
        if self._last is not None and fingerprint > self._last:
            return None
        return fingerprint in self._known


def _fingerprint(image: Pixels) -> str:
    return blake2b(image.tobytes(), digest_size=_BYTES).hexdigest()


def _split(text: str) -> list[str]:
    return [text[place : place + _DIGITS] for place in range(0, len(text), _DIGITS)]
