"""Images that were made from other images: moved, mirrored, recoloured or stored anew.

A pair is a copy where the one image explains the other far better than different images of this
very set explain each other. How well these do is learnt from some of them: digits explain each
other well, photographs hardly. And some of them are changed and looked for, so that what is said
of the others is as good as what was found of these.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imlogit.arrays import Pixels, Rows
from imlogit.checks.candidates import Index, Pairs
from imlogit.checks.exact_copies import Copies
from imlogit.checks.registration import bands_of, detail_of, unexplained
from imlogit.engines.matrix import Matrix, as_matrix
from imlogit.system.threads import Team

# Larger images are averaged down to at most this side before they are compared.
LARGEST_SIDE = 32
BLOCK = 1024
# So many images are looked for among the others, to learn how near different ones are: a fifth of
# those that are asked about, within bounds. So many are changed and looked for.
LEARNT_SHARE, LEARNT_FROM = 1 / 5, (600, 2000)
PLANTED = 40
# Images are poor in detail below this part of its median.
RICH = 0.8
# A pair that leaves so many times the limit at first is not looked at any further.
HOPELESS = 10.0
# Fewer teach nothing, and then this is the limit.
LEAST_LEARNT_FROM, UNLEARNT = 50, 0.01
# The limit lies so many deviations of the logarithm below its median, in the lower half of what
# was learnt; it is never above what an eye would call a copy.
DEVIATIONS, LARGEST_LIMIT = 4.5, 0.1
# The lower half is measured here: copies among those that are learnt from hardly reach so far.
QUANTILE, NORMAL_QUANTILE = 0.2, 0.8416


class NearCopies(NamedTuple):
    """What was found, and what would have been.

    Attributes
    ----------
    copies : Copies
        Each of the others at most once, with the image that explains it best.
    found : dict of str to float
        For each kind of change, what share of some images that were changed so was found.
    """

    copies: Copies
    found: dict[str, float]


def near_copies(
    images: Matrix | NDArray[np.uint8], others: Matrix | NDArray[np.uint8]
) -> NearCopies:
    """Find, for each image of the second array, an image of the first that it was made from.

    Parameters
    ----------
    images : Matrix or ndarray of uint8, shape (n, h, w) or (n, h, w, c)
    others : Matrix or ndarray of uint8, shape (m, h, w) or (m, h, w, c)

    Returns
    -------
    NearCopies
        The same for any order of the images. Images without contrast are copies of nothing.
    """
    if images.shape[1:] != others.shape[1:] or not len(images) or not len(others):
        return NearCopies(Copies(np.arange(0), np.arange(0)), {})
    images = as_matrix(images)
    with Team() as team:
        search = _Search(_small(images), team)
        sample = _sample(search.images, len(others))
        search.learn_detail(search.images[sample])
        limit = _limit(search.best(search.images[sample], own=sample)[1])
        search.hopeless = HOPELESS * limit
        best, rest = search.best(_small(as_matrix(others)))
        planted = images.take(sample[:PLANTED])
        found = {
            kind: float(np.mean(search.best(_small(as_matrix(change(planted))))[1] <= limit))
            for kind, change in CHANGES.items()
        }
    copies = np.flatnonzero(rest <= limit)
    return NearCopies(Copies(best[copies], copies), found)


class _Search:
    """Small grey images, of which the best copies are looked for.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, h, w)
    team : Team
    """

    def __init__(self, images: NDArray[np.uint8], team: Team) -> None:
        self.images = images
        self._team = team
        self._index = Index(images, team)
        self._rich = 0.0
        self.hopeless = np.inf

    def learn_detail(self, images: NDArray[np.uint8]) -> None:
        """Learn from some images how much detail is usual here."""
        self._rich = RICH * float(np.median(detail_of(bands_of(images, self._team))))

    def best(
        self, others: NDArray[np.uint8], own: Rows | None = None
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Return, for each of some others, the image that explains it best, and what that leaves.

        What is left counts the more, the less there was to be explained: any two small shapes on
        a plain ground are much alike.

        Parameters
        ----------
        others : ndarray of uint8, shape (m, h, w)
        own : ndarray of intp, shape (m,), optional
            Where each of them is among the images, if it is.
        """
        best = np.zeros(len(others), dtype=np.intp)
        rest = np.full(len(others), np.inf, dtype=np.float32)
        for start in range(0, len(others), BLOCK):
            block = slice(start, start + BLOCK)
            mine = None if own is None else own[block]
            pairs = self._index.candidates(others[block], mine)
            left = self._left(pairs, others[block])
            # the best of each comes first, and is met first
            order = np.lexsort((pairs.first, left, pairs.second))
            second, at = np.unique(pairs.second[order], return_index=True)
            best[start + second], rest[start + second] = pairs.first[order][at], left[order][at]
        return best, rest

    def _left(self, pairs: Pairs, others: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what is left unexplained in each pair."""
        used, first = np.unique(pairs.first, return_inverse=True)
        explained = bands_of(np.concatenate([others, others[:, :, ::-1]]), self._team)
        detail = detail_of(explained)[pairs.second]
        left = unexplained(
            bands_of(self.images[used], self._team),
            explained,
            first,
            pairs.second + len(others) * pairs.mirrored,
            self.hopeless,
            self._team,
        )
        return left / np.minimum(1, (detail / max(self._rich, 1)) ** 2).astype(np.float32)


def _small(images: Matrix) -> NDArray[np.uint8]:
    """Return grey images, averaged down so that no side is longer than `LARGEST_SIDE`."""
    height, width = images.shape[1:3]
    times = -(-max(height, width) // LARGEST_SIDE)
    if times == 1 and len(images.shape) == 3:
        return images.block(0, len(images))
    # the last lines may not fill a cell: they are left out
    down, across = max(1, height // times), max(1, width // times)
    small = np.empty((len(images), down, across), dtype=np.uint8)
    for k in range(0, len(images), BLOCK):
        block = images.block(k, k + BLOCK)[:, : down * times, : across * times].astype(np.float32)
        grey = block.reshape(*block.shape[:3], -1).mean(axis=3)
        cells = grey.reshape(len(grey), down, min(times, height), across, min(times, width))
        small[k : k + BLOCK] = np.rint(cells.mean(axis=(2, 4)))
    return small


def _sample(images: NDArray[np.uint8], n_others: int) -> Rows:
    """Return some images, chosen by what they show: the same for any order."""
    n = int(np.clip(LEARNT_SHARE * n_others, *LEARNT_FROM))
    digests = [blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    return np.array(sorted(range(len(images)), key=digests.__getitem__)[:n])


def _limit(rest: NDArray[np.float32]) -> float:
    """Return what a copy may leave unexplained, from what different images leave."""
    rest = rest[np.isfinite(rest)]
    if len(rest) < LEAST_LEARNT_FROM:
        return UNLEARNT
    logarithms = np.log(np.maximum(rest, np.finfo(np.float32).tiny))
    low, median = np.quantile(logarithms, [QUANTILE, 0.5])
    deviation = (median - low) / NORMAL_QUANTILE
    return min(LARGEST_LIMIT, float(np.exp(median - DEVIATIONS * deviation)))


def _by_channel(images: Pixels, change: Callable[[Image.Image], Image.Image]) -> Pixels:
    """Change each channel of each image, as a grey image."""
    changed = np.empty_like(images)
    channels = images.reshape(*images.shape[:3], -1)
    out = changed.reshape(channels.shape)
    for row in range(len(images)):
        for channel in range(channels.shape[3]):
            grey = Image.fromarray(np.ascontiguousarray(channels[row, ..., channel]))
            out[row, ..., channel] = np.asarray(change(grey))
    return changed


def _shift(images: Pixels) -> Pixels:
    shifted = images.copy()
    shifted[:, :, 1:] = images[:, :, :-1]
    return shifted


def _darken(images: Pixels) -> Pixels:
    return np.rint(255 * (np.arange(256) / 255) ** 1.2).astype(np.uint8)[images]


def _resample(image: Image.Image) -> Image.Image:
    smaller = image.resize(
        [max(1, round(0.9 * side)) for side in image.size], Image.Resampling.BICUBIC
    )
    return smaller.resize(image.size, Image.Resampling.BICUBIC)


def _compress(image: Image.Image) -> Image.Image:
    packed = BytesIO()
    image.save(packed, "JPEG", quality=75)
    return Image.open(packed)


# What is done to some images, to see whether they are found.
CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "shifted by a pixel": _shift,
    "mirrored": lambda images: images[:, :, ::-1],
    "darkened": _darken,
    "saved as JPEG": lambda images: _by_channel(images, _compress),
    "made a tenth smaller and enlarged again": lambda images: _by_channel(images, _resample),
}
