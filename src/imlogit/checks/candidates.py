"""Which images may be copies of which: the nearest by what changes little when an image does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from imlogit.arrays import Rows
from imlogit.system.compiled import kernel
from imlogit.system.threads import Team

Floats = NDArray[np.float32]

# The lowest frequencies that are compared, along each side.
FREQUENCIES = 6
# How many candidates each search gives.
NEAREST = 2
# Images of either side whose products are worked out at once.
BLOCK, STRETCH = 512, 512


class Pairs(NamedTuple):
    """Pairs of images, of which the one may be a copy of the other.

    Attributes
    ----------
    first, second : ndarray of intp, shape (n_pairs,)
    mirrored : ndarray of bool, shape (n_pairs,)
        Whether the second image is to be mirrored before they are compared.
    """

    first: Rows
    second: Rows
    mirrored: NDArray[np.bool_]


class _Looks(NamedTuple):
    """Images from far away, as unit vectors: (n, k) each.

    Low coefficients of the cosine transform hardly change with noise, resampling, compression and
    colours; mirroring turns the signs of those that are odd across. The amplitudes of a Fourier
    transform do not change with shifts.
    """

    coarse: Floats
    amplitudes: Floats


class Index:
    """Images among which those are found that others may be copies of.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, h, w)
    team : Team
    """

    def __init__(self, images: NDArray[np.uint8], team: Team) -> None:
        self._team = team
        looks = _looks(images, team)
        self._middle = _Looks(*(part.mean(axis=0) for part in looks))
        deviation = looks.coarse.std(axis=0)
        # in photographs the lowest frequencies are the largest by far: that is evened out by half
        self._scale = 1 / np.sqrt(np.maximum(deviation, 1e-6 * max(1e-30, deviation.max())))
        self._looks = self._centred(looks)

    def candidates(self, others: NDArray[np.uint8], own: Rows | None = None) -> Pairs:
        """Return the pairs in which another image may be a copy of one of these.

        Whatever the order of the images, the pairs are the same.

        Parameters
        ----------
        others : ndarray of uint8, shape (m, h, w)
        own : ndarray of intp, shape (m,), optional
            Where each of the others is among the images, if it is one of them: no copy of itself.
        """
        looks = _looks(others, self._team)
        odd = np.arange(looks.coarse.shape[1]) % min(FREQUENCIES, others.shape[2]) % 2 == 1
        plain = self._centred(looks)
        mirrored = self._centred(_Looks(np.where(odd, -looks.coarse, looks.coarse), looks[1]))
        own = np.full(len(others), -1) if own is None else own
        places = np.stack(
            [
                self._nearest(self._looks.coarse, plain.coarse, own),
                self._nearest(self._looks.amplitudes, plain.amplitudes, own),
                self._nearest(self._looks.coarse, mirrored.coarse, own),
            ],
            axis=1,
        )
        second, turned = np.indices(places.shape)[:2]
        # each once, though two searches find it
        found = np.unique(np.stack([second, turned == 2, places])[:, places >= 0], axis=1)
        return Pairs(found[2], found[0], found[1] == 1)

    def _centred(self, looks: _Looks) -> _Looks:
        return _Looks(
            _to_length_one((looks.coarse - self._middle.coarse) * self._scale),
            _to_length_one(looks.amplitudes - self._middle.amplitudes),
        )

    def _nearest(self, among: Floats, of: Floats, own: Rows) -> Rows:
        """Return the nearest rows of a matrix to each of another, (m, NEAREST); -1 for none."""
        places = np.full((len(of), NEAREST), -1, dtype=np.intp)

        def search(block: slice) -> None:
            best = np.full((len(of[block]), NEAREST), -np.inf, dtype=np.float32)
            for start in range(0, len(among), STRETCH):
                products = of[block] @ among[start : start + STRETCH].T
                _keep_best(products, start, own[block], best, places[block])

        for_blocks(self._team, len(of), BLOCK, search)
        return places


def for_blocks(team: Team, n: int, size: int, work: Callable[[slice], None]) -> None:
    """Work through blocks of rows, by threads."""
    if not n:
        return

    def share(start: int, stop: int) -> None:
        for k in range(start, stop):
            work(slice(k * size, min(n, (k + 1) * size)))

    team.share(share, -(-n // size))


def _looks(images: NDArray[np.uint8], team: Team) -> _Looks:
    height, width = images.shape[1:]
    low = np.s_[: min(FREQUENCIES, height), : min(FREQUENCIES, width)]
    rows = np.unique(np.r_[0 : low[0].stop, height - low[0].stop + 1 : height])
    columns = min(FREQUENCIES, width // 2 + 1)
    coarse = np.empty((len(images), low[0].stop, low[1].stop), dtype=np.float32)
    amplitudes = np.empty((len(images), len(rows), columns), dtype=np.float32)

    def transform(block: slice) -> None:
        pixels = images[block].astype(np.float32)
        coarse[block] = fft.dctn(pixels, axes=(1, 2), norm="ortho")[:, *low]
        amplitudes[block] = np.sqrt(np.abs(fft.rfft2(pixels)[:, rows, :columns]))

    for_blocks(team, len(images), BLOCK, transform)
    coarse[:, 0, 0] = amplitudes[:, 0, 0] = 0  # the mean brightness
    return _Looks(*(_to_length_one(part.reshape(len(part), -1)) for part in (coarse, amplitudes)))


def _to_length_one(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    divisor: Floats = np.where(length > 0, length, np.inf).astype(np.float32)
    return np.divide(rows, divisor, dtype=np.float32)


@kernel
def _keep_best(products, start, own, best, places):  # type: ignore[no-untyped-def]
    """Take the largest products of each row into its best ones, which are in falling order."""
    n_best = best.shape[1]
    for i in range(products.shape[0]):
        least = best[i, n_best - 1]
        for j in range(products.shape[1]):
            value = products[i, j]
            if value > least and start + j != own[i]:
                k = n_best - 1
                while k > 0 and best[i, k - 1] < value:
                    best[i, k], places[i, k] = best[i, k - 1], places[i, k - 1]
                    k -= 1
                best[i, k], places[i, k] = value, start + j
                least = best[i, n_best - 1]
