"""Images that were made from other images: shifted, noisy, brighter, rescaled or turned a little.

Candidates share the amplitudes of their lowest spatial frequencies, which do not change when an
image is shifted, nor, once they are scaled, with its contrast. A candidate is a copy if the one
image is explained by the other, moved along its tangents [1]_: shift, rotation and scale.

References
----------
.. [1] P. Y. Simard, Y. LeCun, J. S. Denker, B. Victorri, Transformation invariance in pattern
   recognition: tangent distance and tangent propagation (1998).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from imlogit.arrays import Rows
from imlogit.checks.exact_copies import Copies
from imlogit.engines.matrix import Matrix, as_matrix
from imlogit.system.threads import Team

Floats = NDArray[np.float32]

# Larger images are averaged down to at most this side before they are compared.
LARGEST_SIDE = 32
# The lowest frequencies whose amplitudes are compared, along each side.
FREQUENCIES = 6
# Of each stretch of so many images the most similar one is a candidate, and of these the best few.
STRETCH = 4096
CANDIDATES = 4
# Amplitudes that correlate less than this are not compared further.
SIMILAR = 0.8
BLOCK = 1024
# Noise and the edges of resampled strokes are smoothed away, in pixels.
BLUR = 1.0
# The share of an image's variance that a copy may leave unexplained. In MNIST, whose 10,000 test
# images hold no copy, the two least are 0.0017.
UNEXPLAINED = 0.0015
# After the first step a pair that is still this far apart is given up.
HOPELESS = 0.05
# A longer step leaves the range in which the tangents describe an image.
LONGEST_STEP = 3.0


def near_copies(images: Matrix | NDArray[np.uint8], others: Matrix | NDArray[np.uint8]) -> Copies:
    """Find, for each image of the second array, an image of the first that it was made from.

    Parameters
    ----------
    images : Matrix or ndarray of uint8, shape (n, h, w) or (n, h, w, c)
    others : Matrix or ndarray of uint8, shape (m, h, w) or (m, h, w, c)

    Returns
    -------
    Copies
        Each of ``others`` at most once, with the image that explains it best. Images without
        any contrast are copies of nothing.
    """
    if images.shape[1:] != others.shape[1:] or not len(images) or not len(others):
        return Copies(np.arange(0), np.arange(0))
    first, second = _small(as_matrix(images)), _small(as_matrix(others))
    with Team() as team:
        a, b = _candidates(_amplitudes(first, team), _amplitudes(second, team), team)
        rest = np.empty(len(a))

        def compare(block: slice) -> None:
            rest[block] = _unexplained(first[a[block]], second[b[block]])

        _for_blocks(team, len(a), compare)
    order = np.lexsort((a, rest, b))
    order = order[rest[order] <= UNEXPLAINED]
    found, best = np.unique(b[order], return_index=True)
    return Copies(a[order][best], found)


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


def _for_blocks(team: Team, n: int, work: Callable[[slice], None]) -> None:
    """Work through blocks of rows, by threads."""
    if not n:
        return

    def share(start: int, stop: int) -> None:
        for k in range(start, stop):
            work(slice(k * BLOCK, (k + 1) * BLOCK))

    team.share(share, -(-n // BLOCK))


def _amplitudes(images: NDArray[np.uint8], team: Team) -> Floats:
    """Return the square roots of low frequencies' amplitudes, scaled to length 1, (n, k)."""
    height, width = images.shape[1:]
    down, across = min(FREQUENCIES, height // 2 + 1), min(FREQUENCIES, width // 2 + 1)
    signs = np.r_[0:down, height - down + 1 : height] if down > 1 else np.zeros(1, dtype=int)
    low = np.empty((len(images), len(signs), across), dtype=np.float32)

    def transform(block: slice) -> None:
        spectrum = fft.rfft2(images[block].astype(np.float32))
        low[block] = np.sqrt(np.abs(spectrum[:, signs, :across]))

    _for_blocks(team, len(images), transform)
    low[:, 0, 0] = 0  # the mean brightness
    return _to_length_one(low.reshape(len(images), -1))


def _to_length_one(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    divisor: Floats = np.where(length > 0, length, np.inf).astype(np.float32)
    return np.divide(rows, divisor, dtype=np.float32)


def _candidates(first: Floats, second: Floats, team: Team) -> tuple[Rows, Rows]:
    """Return pairs of rows whose amplitudes, less the mean ones, point the same way."""
    middle = first.mean(axis=0)
    first, second = _to_length_one(first - middle), _to_length_one(second - middle)
    starts = range(0, len(first), STRETCH)
    place = np.empty((len(second), len(starts)), dtype=np.intp)
    alike = np.empty(place.shape, dtype=np.float32)

    def search(block: slice) -> None:
        for column, start in enumerate(starts):
            products = second[block] @ first[start : start + STRETCH].T
            best = products.argmax(axis=1)
            place[block, column] = start + best
            alike[block, column] = np.take_along_axis(products, best[:, None], 1)[:, 0]

    _for_blocks(team, len(second), search)
    best = np.argsort(-alike, axis=1, kind="stable")[:, :CANDIDATES]
    similar = np.take_along_axis(alike, best, axis=1).ravel() > SIMILAR
    a = np.take_along_axis(place, best, axis=1).ravel()
    return a[similar], np.repeat(np.arange(len(second)), best.shape[1])[similar]


def _unexplained(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the share of each second image's variance that the first one does not explain."""
    a, b = _blurred(first), _blurred(second)
    a, variance = _shifted(a, b), ((b - b.mean(axis=(1, 2), keepdims=True)) ** 2).sum(axis=(1, 2))
    rest, step = _along_tangents(a, b)
    contrast = (variance > 0) & (np.ptp(first, axis=(1, 2)) > 0)
    share = np.where(contrast, rest / np.where(contrast, variance, 1), np.inf)
    hopeful = np.flatnonzero(share < HOPELESS)
    if not hopeful.size:
        return share
    moved = _moved(a[hopeful], step[hopeful])
    rest, _ = _along_tangents(moved, b[hopeful])
    share[hopeful] = np.minimum(share[hopeful], rest / variance[hopeful])
    return share


def _blurred(images: NDArray[np.uint8]) -> Floats:
    blurred: Floats = ndimage.gaussian_filter(
        images.astype(np.float32), (0, BLUR, BLUR), mode="wrap"
    )
    return blurred


def _shifted(a: Floats, b: Floats) -> Floats:
    """Shift each first image, around the borders, to where it correlates best with the second."""
    n, height, width = a.shape
    product = fft.rfft2(b) * fft.rfft2(a).conj()
    product[:, 0, 0] = 0  # the mean brightness
    correlation = fft.irfft2(product, s=(height, width))
    down, across = np.divmod(correlation.reshape(n, -1).argmax(axis=1), width)
    y = (np.arange(height) - down[:, None]) % height
    x = (np.arange(width) - across[:, None]) % width
    return a[np.arange(n)[:, None, None], y[:, :, None], x[:, None, :]]


def _along_tangents(a: Floats, b: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit b by a, its tangents and a constant: return what is left, and the step along them.

    The tangents are those of shifts down and across, of a rotation and of a change of scale.
    """
    n, height, width = a.shape
    down, across = np.zeros_like(a), np.zeros_like(a)
    down[:, 1:-1] = (a[:, 2:] - a[:, :-2]) / 2
    across[:, :, 1:-1] = (a[:, :, 2:] - a[:, :, :-2]) / 2
    y, x = _from_the_middle(height, width)
    terms = np.stack([a, down, across, x * down - y * across, y * down + x * across], axis=1)
    terms = np.concatenate([terms, np.ones_like(terms[:, :1])], axis=1).reshape(n, 6, -1)
    gram = (terms @ terms.transpose(0, 2, 1)).astype(np.float64)
    right = (terms @ b.reshape(n, -1, 1)).astype(np.float64)
    # a constant image has no tangents: the least of ridges keeps the system regular
    ridge = 1e-9 * np.trace(gram, axis1=1, axis2=2) + 1e-9
    by = np.linalg.solve(gram + ridge[:, None, None] * np.eye(6), right)
    left = b.reshape(n, -1) - (by.transpose(0, 2, 1) @ terms)[:, 0]
    step = by[:, 1:5, 0] / np.maximum(by[:, :1, 0], 0.2)
    return (left**2).sum(axis=1), step.clip(-LONGEST_STEP, LONGEST_STEP)


def _moved(a: Floats, step: NDArray[np.float64]) -> Floats:
    """Resample images where a step along the tangents says, with bilinear interpolation."""
    n, height, width = a.shape
    y, x = _from_the_middle(height, width)
    by = step.astype(np.float32)[:, :, None, None]
    from_y = y + by[:, 0] + by[:, 2] * x + by[:, 3] * y + (height - 1) / 2
    from_x = x + by[:, 1] - by[:, 2] * y + by[:, 3] * x + (width - 1) / 2
    moved = np.empty_like(a)
    for k in range(n):
        ndimage.map_coordinates(a[k], (from_y[k], from_x[k]), moved[k], order=1, mode="nearest")
    return moved


def _from_the_middle(height: int, width: int) -> tuple[Floats, Floats]:
    """Return each pixel's place, down (h, 1) and across (w,), counted from the middle."""
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    return y, np.arange(width, dtype=np.float32) - (width - 1) / 2
