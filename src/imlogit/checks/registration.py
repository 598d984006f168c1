"""How much of one small image another one explains, once it is moved onto it.

The first image is shifted to where it correlates best with the second, and then moved along its
tangents [1]_, those of shifts, of a rotation and of a change of scale, by Gauss-Newton steps. What
is compared is a band of spatial frequencies: low ones are much the same in any two photographs,
and high ones are lost where an image is stored or resampled.

References
----------
.. [1] P. Y. Simard, Y. LeCun, J. S. Denker, B. Victorri, Transformation invariance in pattern
   recognition: tangent distance and tangent propagation (1998).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imlogit.arrays import Rows
from imlogit.checks.candidates import Floats, for_blocks
from imlogit.system.compiled import kernel
from imlogit.system.threads import Team

# The band that is compared lies between these two blurs, in pixels.
NARROW, WIDE = 1.0, 2.5
# Images are shifted by at most so many pixels before the first step.
MOST_SHIFT = 3
# Along the borders two pixels are not compared, and one of images that have no side so long: what
# is moved brings others in there.
SIDE_FOR_MARGIN = 16
# Steps by low frequencies, which lead further, and then by the band.
LOW_STEPS, BAND_STEPS = 2, 3
# A longer step, in pixels and as a share, leaves the range in which tangents describe an image.
LONGEST, STEEPEST = 2.0, 0.1
# At least so much of an image must be compared, and at least so much of its contrast be kept.
LEAST_OVERLAP, LEAST_CONTRAST = 0.5, 0.2
# In squared grey levels; what is flatter holds noise.
FLAT, LEAST_VARIANCE = 0.1, 0.01
# The image, its four tangents, its square (as of a gamma curve) and a constant.
TERMS = 7
# Pairs that a thread works through between two looks for an interrupt.
BLOCK = 256


class Bands(NamedTuple):
    """Images as they are compared.

    Attributes
    ----------
    low : ndarray of float32, shape (n, h, w)
        Their low frequencies, of mean 0 and variance 1.
    band : ndarray of float32, shape (n, h, w)
    """

    low: Floats
    band: Floats


def bands_of(images: NDArray[np.uint8], team: Team) -> Bands:
    """Return the frequencies of grey images, (n, h, w), by which they are compared."""
    bands = Bands(*np.empty((2, *images.shape), dtype=np.float32))
    narrow, wide = (
        [_blurring(side, width) for side in images.shape[1:]] for width in (NARROW, WIDE)
    )

    def separate(block: slice) -> None:
        low = _blurred(images[block].astype(np.float32), *narrow)
        bands.band[block] = low - _blurred(low, *wide)
        low -= low.mean(axis=(1, 2), keepdims=True)
        low /= np.maximum(low.std(axis=(1, 2), keepdims=True), FLAT)
        bands.low[block] = low

    for_blocks(team, len(images), BLOCK, separate)
    return bands


def detail_of(bands: Bands) -> Floats:
    """Return over how many pixels the variance of each image is spread: at least one."""
    energy = (bands.band**2).reshape(len(bands.band), -1)
    most = np.maximum(np.einsum("ij,ij->i", energy, energy), np.finfo(np.float32).tiny)
    return np.maximum(energy.sum(axis=1) ** 2 / most, 1)


def unexplained(
    first: Bands, second: Bands, a: Rows, b: Rows, hopeless: float, team: Team
) -> NDArray[np.float32]:
    """Return the shares of second images' variance that first ones do not explain.

    Parameters
    ----------
    first, second : Bands
    a, b : ndarray of intp, shape (n_pairs,)
        Which first and which second image each pair is.
    hopeless : float
        Pairs that leave more than this at the first step by the band are given up.
    team : Team

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
        inf where the images do not overlap, or one has no contrast.
    """
    rest = np.empty(len(a), dtype=np.float32)
    margin = 1 + (min(first.low.shape[1:]) >= SIDE_FOR_MARGIN)

    def compare(block: slice) -> None:
        _compare(*first, *second, a[block], b[block], margin, hopeless, rest[block])

    for_blocks(team, len(a), BLOCK, compare)
    return rest


def _blurring(side: int, width: float) -> Floats:
    """Return the matrix, (side, side), that blurs lines of pixels from the left."""
    blurring: Floats = ndimage.gaussian_filter1d(
        np.eye(side, dtype=np.float32), width, axis=0, mode="nearest"
    )
    return blurring


def _blurred(images: Floats, down: Floats, across: Floats) -> Floats:
    return down @ (images @ across.T)


@kernel
def _compare(low_a, band_a, low_b, band_b, a, b, margin, hopeless, out):  # type: ignore[no-untyped-def]
    """``out[k]``: the share of image ``b[k]`` that image ``a[k]`` does not explain."""
    height, width = low_a.shape[1:]
    moved = np.empty((height, width), np.float32)
    inside = np.empty((height, width), np.bool_)
    terms = np.empty((TERMS + 1, height * width), np.float32)
    normal = np.empty((TERMS, TERMS + 1), np.float64)
    place = np.empty(4, np.float64)
    stride = width + 2 * MOST_SHIFT
    wide_a = np.empty((height + 2 * MOST_SHIFT + 1) * stride, np.float32)
    wide_b = np.empty(height * stride, np.float32)
    for k in range(a.size):
        _shift(low_a[a[k]], low_b[b[k]], wide_a, wide_b, place)
        best = np.inf
        for step in range(LOW_STEPS + BAND_STEPS):
            by_band = step >= LOW_STEPS
            one = band_a[a[k]] if by_band else low_a[a[k]]
            other = band_b[b[k]] if by_band else low_b[b[k]]
            _move(one, place, moved, inside)
            n = _gather(moved, inside, other, margin, terms)
            if n < LEAST_OVERLAP * height * width:
                break
            _fit(terms[:, :n], normal)
            if by_band:
                best = min(best, _left(terms[:, :n], normal))
                if best > hopeless:
                    break
            _advance(place, normal)
        out[k] = best


@numba.njit(inline="always")
def _shift(one, other, wide_one, wide_other, place):  # type: ignore[no-untyped-def]
    """Set the place to the shift, in whole pixels, at which two images correlate best.

    Lines are laid one after another, with as many zeros between them as a shift takes away: each
    shift is then one product of two long vectors.
    """
    height, width = one.shape
    stride = width + 2 * MOST_SHIFT
    # not by slices, which take two seconds to compile
    for k in range(wide_one.size):
        wide_one[k] = 0
    for k in range(wide_other.size):
        wide_other[k] = 0
    for i in range(height):
        at = (i + MOST_SHIFT) * stride + MOST_SHIFT
        for j in range(width):
            wide_one[at + j] = one[i, j]
            wide_other[i * stride + j] = other[i, j]
    most = -np.inf
    for down in range(-MOST_SHIFT, MOST_SHIFT + 1):
        for across in range(-MOST_SHIFT, MOST_SHIFT + 1):
            at = (MOST_SHIFT - down) * stride + MOST_SHIFT - across
            moved = wide_one[at : at + wide_other.size]
            total = np.float32(0)
            for k in range(wide_other.size):
                total += moved[k] * wide_other[k]
            size = (height - abs(down)) * (width - abs(across))
            if total > most * size:
                most = total / size
                place[0], place[1] = -down, -across
    place[2] = place[3] = 0


@numba.njit(inline="always")
def _move(image, place, moved, inside):  # type: ignore[no-untyped-def]
    """Resample an image at its place, with bilinear interpolation."""
    height, width = image.shape
    middle_y, middle_x = 0.5 * (height - 1), 0.5 * (width - 1)
    stretch, turn = np.float32(1 + place[3]), np.float32(place[2])
    last_y, last_x = np.float32(height - 1), np.float32(width - 1)
    for i in range(height):
        y = i - middle_y
        start_y = np.float32(y + place[0] + place[3] * y + middle_y - place[2] * middle_x)
        start_x = np.float32(place[1] - place[2] * y + middle_x - (1 + place[3]) * middle_x)
        for j in range(width):
            from_y = start_y + turn * np.float32(j)
            from_x = start_x + stretch * np.float32(j)
            is_inside = from_y >= 0 and from_x >= 0 and from_y <= last_y and from_x <= last_x
            inside[i, j] = is_inside
            if not is_inside:
                from_y = min(max(from_y, np.float32(0)), last_y)
                from_x = min(max(from_x, np.float32(0)), last_x)
            top, left = min(int(from_y), height - 2), min(int(from_x), width - 2)
            v, u = from_y - np.float32(top), from_x - np.float32(left)
            above = image[top, left] + u * (image[top, left + 1] - image[top, left])
            below = image[top + 1, left] + u * (image[top + 1, left + 1] - image[top + 1, left])
            moved[i, j] = above + v * (below - above)


@numba.njit(inline="always")
def _gather(moved, inside, other, margin, terms):  # type: ignore[no-untyped-def]
    """Write what explains the other image, and that one, pixel by pixel; return how many."""
    height, width = moved.shape
    n = 0
    total = np.float32(0)
    for i in range(margin, height - margin):
        for j in range(margin, width - margin):
            if inside[i, j]:
                y, x = np.float32(i - 0.5 * (height - 1)), np.float32(j - 0.5 * (width - 1))
                down = np.float32(0.5) * (moved[i + 1, j] - moved[i - 1, j])
                across = np.float32(0.5) * (moved[i, j + 1] - moved[i, j - 1])
                terms[0, n] = moved[i, j]
                terms[1, n] = down
                terms[2, n] = across
                terms[3, n] = x * down - y * across
                terms[4, n] = y * down + x * across
                terms[6, n] = 1
                terms[7, n] = other[i, j]
                total += moved[i, j]
                n += 1
    mean = total / max(n, 1)
    spread = np.float32(0)
    for k in range(n):
        terms[0, k] -= mean
        terms[5, k] = terms[0, k] * terms[0, k]
        spread += terms[5, k]
    spread = np.float32(1) / np.sqrt(max(spread / max(n, 1), np.float32(1e-12)))
    for k in range(n):
        terms[5, k] *= spread
    return n


@numba.njit(inline="always")
def _fit(terms, normal):  # type: ignore[no-untyped-def]
    """Fit the other image by its terms: the last column becomes their coefficients."""
    n = terms.shape[1]
    for i in range(TERMS):
        one = terms[i]
        for j in range(i, TERMS + 1):
            against = terms[j]
            total = np.float32(0)
            for k in range(n):
                total += one[k] * against[k]
            normal[i, j] = total
    for i in range(TERMS):
        for j in range(i):
            normal[i, j] = normal[j, i]
        normal[i, i] += 1e-6 * normal[i, i] + 1e-9
    _eliminate(normal)


@numba.njit(inline="always")
def _left(terms, normal):  # type: ignore[no-untyped-def]
    """Return the share of the other image's variance that its terms leave."""
    n = terms.shape[1]
    mean = np.float32(0)
    for k in range(n):
        mean += terms[TERMS, k]
    mean /= n
    left, variance = np.float32(0), np.float32(0)
    for k in range(n):
        rest = terms[TERMS, k]
        variance += (rest - mean) * (rest - mean)
        for i in range(TERMS):
            rest -= np.float32(normal[i, TERMS]) * terms[i, k]
        left += rest * rest
    if normal[0, TERMS] < LEAST_CONTRAST or variance <= n * LEAST_VARIANCE:
        return np.float32(np.inf)
    return left / variance


@numba.njit(inline="always")
def _advance(place, normal):  # type: ignore[no-untyped-def]
    """Move the place as the coefficients of the tangents say."""
    contrast = max(normal[0, TERMS], LEAST_CONTRAST)
    for i in range(4):
        most = LONGEST if i < 2 else STEEPEST
        place[i] += min(max(normal[i + 1, TERMS] / contrast, -most), most)


@numba.njit(inline="always")
def _eliminate(normal):  # type: ignore[no-untyped-def]
    """Solve positive definite normal equations in place: the last column becomes the solution."""
    size = normal.shape[0]
    for i in range(size):
        for j in range(i + 1, size):
            times = normal[j, i] / normal[i, i]
            for k in range(i, size + 1):
                normal[j, k] -= times * normal[i, k]
    for i in range(size - 1, -1, -1):
        for j in range(i + 1, size):
            normal[i, size] -= normal[i, j] * normal[j, size]
        normal[i, size] /= normal[i, i]
