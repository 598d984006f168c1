"""Features that are made once: kept by the content of what they were made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Pixels
from imlogit.data.cache.feature_rows import MadeOf, read_or_make, read_rows
from imlogit.data.labelled_set import digest
from imlogit.data.progress import Progress
from imlogit.features.chain import FittedChain
from imlogit.features.step import NoFeaturesError
from imlogit.features.table import STEPS

HASHED_ROWS = 1024


def kept_rows(chain: FittedChain, images: Pixels) -> NDArray[Any] | None:
    """Return the features of images where they are kept; None where they are not.

    Returns
    -------
    ndarray of `chain.dtype`, shape (n, chain.n_features), or None
        Mapped, read-only.
    """
    return read_rows(_made_of(chain, images, "")) if _can_be_kept(chain) else None


def make_rows(
    chain: FittedChain, images: Pixels, source: str, progress: Progress | None = None
) -> NDArray[Any] | None:
    """Return the features of images, made unless they are kept; None where they cannot be kept.

    Parameters
    ----------
    chain : FittedChain
    images : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
    source : str
        What they are called.
    progress : callable, optional
        Called with how many images are done; after an exception nothing is kept.

    Returns
    -------
    ndarray of `chain.dtype`, shape (n, chain.n_features), or None
        Mapped, read-only; the same bits as `FittedChain.transform` makes.

    Raises
    ------
    NoFeaturesError
        For an image of which a step makes no numbers.
    """
    if not _can_be_kept(chain):
        return None
    return read_or_make(
        _made_of(chain, images, source), lambda: _blocks(chain, images, source, progress)
    )


def rows_in_memory(
    chain: FittedChain, images: Pixels, source: str, progress: Progress | None = None
) -> NDArray[Any]:
    """Return the features of images in memory, as `make_rows` makes them.

    Raises
    ------
    NoFeaturesError
    """
    out = np.empty((len(images), chain.n_features), chain.dtype)
    done = 0
    for block in _blocks(chain, images, source, progress):
        out[done : done + len(block)] = block
        done += len(block)
    return out


def _blocks(
    chain: FittedChain, images: Pixels, source: str, progress: Progress | None
) -> Iterator[NDArray[Any]]:
    size = min(fitted.chunk_rows for fitted in chain.steps)
    for start in range(0, len(images), size):
        if progress is not None:
            progress(f"features of {source}", start, len(images))
        try:
            yield chain.transform(np.asarray(images[start : start + size]))
        except NoFeaturesError as error:
            raise error.after(start) from None
    if progress is not None:
        progress(f"features of {source}", len(images), len(images))


def _can_be_kept(chain: FittedChain) -> bool:
    """Whether a file can say by what features were made: of a function of Python it cannot."""
    return not chain.is_pixels and all(fitted.name in STEPS for fitted in chain.steps)


def _made_of(chain: FittedChain, images: Pixels, source: str) -> MadeOf:
    described, arrays = chain.to_parts()
    steps = [[one["name"], one["parameters"]] for one in described["steps"]]
    versions = [[one["version"] for one in described["steps"]], [one.code for one in chain.steps]]
    return MadeOf(
        images=_digest_of(images),
        source=source,
        steps=str(chain),
        parts={"steps": steps, "learnt": {name: digest(one) for name, one in arrays.items()}},
        code=hashlib.sha256(f"{versions}{_code()}".encode()).hexdigest(),
        shape=(len(images), chain.n_features),
        dtype=chain.dtype,
    )


def _digest_of(images: Pixels) -> str:
    """Return the SHA-256 of images, some of which are in memory at a time."""
    found = hashlib.sha256()
    for start in range(0, len(images), HASHED_ROWS):
        found.update(np.ascontiguousarray(images[start : start + HASHED_ROWS]).data)
    return found.hexdigest()


@cache
def _code() -> str:
    """Return a digest of imlogit's version and of the text of all steps."""
    from imlogit import __version__

    found = hashlib.sha256(__version__.encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
