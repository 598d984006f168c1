"""A picture of one handwritten digit -> 28 x 28 pixels, as MNIST's makers made it of a scan.

A model of MNIST knows no other pictures than white strokes on black, 20 pixels long, centred. The
steps below are all there are, and exact, so that another language can take the same.

1. Grey: colour becomes (299 red + 587 green + 114 blue) / 1000. A picture whose longer side is
   over `LONGEST_SIDE` is reduced k times, k the least that suffices: each pixel is the mean of
   k x k (of fewer in the last lines), rounded.
2. Polarity: where the median of the border, `BORDER` of each side wide, is over the middle between
   the darkest and the brightest pixel, all values are inverted. From here on paper is dark.
3. Paper: a quadratic surface, fitted by least squares to the border in `PASSES` passes, is
   subtracted; what goes below 0 becomes 0. Each pass leaves out what is further from the last
   surface (the first: from the median) than `OUTLYING` standard deviations, by the median of the
   distances: ink that reaches the border. The surface is kept within the range of what it was
   fitted to. A picture with a side under `LEAST_LIT_SIDE` has the median subtracted.
4. Noise: the standard deviation of the border about the surface, again by the median. Where nothing
   is above `LEAST_CONTRAST` and `INK_DEVIATIONS` of noise, there is no ink. What is not above
   `DEVIATIONS` of noise and `LEAST_SHARE` of the brightest value becomes 0.
5. Ink is what is at least Otsu's threshold [1]_ (over the values' whole parts; of equal thresholds
   the first) and `INK_DEVIATIONS` of noise. The `STROKE` quantile of its values is the level:
   values are divided by it, and cut off at 1.
6. Crop: the rows from the first to the last with ink, and those next to them for as long as they
   hold anything; of these the columns, likewise.
7. Fit: the longer side becomes `BOX` pixels and the other one in proportion, beginning at a pixel's
   edge. Each pixel is the mean over the area that it covers, fractions of pixels included.
8. Level: as step 5 once more, without noise and with the brightest value made 255 before, since
   thin strokes have become faint. 1 becomes 255.
9. Centre: shifted by whole pixels, so that the centre of mass lies in [13.5, 14.5) both ways, the
   middle of the first pixel being 0; less far, where ink would leave the picture.

Of the 70,000 images of MNIST all but 16 have a longer side of exactly 20, and all but 2 both
coordinates of the centre of mass in [13.5, 14.5), evenly spread, with the mean 14.00: the "center
of the 28x28 field" is the pixel (14, 14), and the shifts were whole pixels.

References
----------
.. [1] N. Otsu, A threshold selection method from gray-level histograms (1979).
.. [2] Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels
from imlogit.data.images.flatten import flat, upright
from imlogit.data.images.otsu import split_levels
from imlogit.errors import DataError

if TYPE_CHECKING:
    from PIL import Image


# MNIST's sizes, and the pixel that holds its centres of mass.
SIDE = 28
BOX = 20
CENTRE = 14
# A digit that takes a tenth of a page's side still fills the box, and the noise is averaged out.
LONGEST_SIDE = 256
# The border's width, of each side's length; at least one pixel.
BORDER = 1 / 20
# A smaller picture has too few pixels around its ink to say how its paper is lit.
LEAST_LIT_SIDE = 16
OUTLYING = 3.0
PASSES = 3
# The standard deviation of normal noise, of the median of its absolute values.
SIGMA = 1.4826
# Noise reaches the first in one pixel of 30,000, and the second never.
DEVIATIONS = 4.0
INK_DEVIATIONS = 6.0
# A flat picture has no noise that could be measured, but what is so faint was not drawn.
LEAST_CONTRAST = 10.0
# JPEG leaves ripples around strokes on the cleanest paper.
LEAST_SHARE = 0.04
# Grainy strokes become white too; a level as low as the median would fatten MNIST's own.
STROKE = 0.75
# What multiples of a fraction may exceed a whole number by.
ROUNDING = 1e-9


def prepare_digit(image: Pixels | Image.Image) -> Pixels:
    """Make a picture of one handwritten digit look like an image of MNIST.

    Dark strokes on light become light on dark; uneven paper and noise are taken away; the strokes
    are cropped, fitted into 20 x 20 pixels with their proportions kept and brightened to 255, and
    their centre of mass is shifted to the pixel (14, 14) of 28 x 28. Images of MNIST
    stay almost as they are. `imlogit.data.images.mnist_digit` has every step.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w) or (h, w, 3), or PIL.Image.Image
        One digit, the right side up, on paper that is lighter or darker than its strokes and takes
        most of the border. Transparent pixels are laid over white.

    Returns
    -------
    ndarray of uint8, shape (28, 28)

    Raises
    ------
    DataError
        For what is no such image, and for one without ink.

    Examples
    --------
    >>> import numpy as np
    >>> from imlogit.data.images.mnist_digit import prepare_digit
    >>> page = np.full((300, 400), 230, dtype=np.uint8)
    >>> page[100:200, 50:60] = 90  # a one
    >>> np.argwhere(prepare_digit(page)).tolist()[0]
    [4, 13]
    """
    grey = np.asarray(_reduced(_grey(image)), dtype=np.float64)
    small = _fitted(_cropped(*_ink(_paper_dark(grey))))
    bright, _ = _levelled(small * (255 / small.max()))
    return _centred(np.rint(255 * bright).astype(np.uint8))


def _grey(image: object) -> Image.Image:
    """Return an image of either kind as one of Pillow's, of mode "L"."""
    from PIL import Image

    if isinstance(image, Image.Image):
        return _grey_picture(image)
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
        raise DataError(
            f"The image is {kind}, neither an array of uint8 nor a PIL image: scale the pixels to "
            "0..255 and convert them with .astype('uint8'), or open a file with PIL.Image.open."
        )
    if 0 in image.shape or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise DataError(
            f"The image has the shape {image.shape}: give one image with at least one pixel, as "
            "(height, width), or as (height, width, 3) in the order red, green, blue."
        )
    return Image.fromarray(np.ascontiguousarray(image)).convert("L")


def _grey_picture(image: Image.Image) -> Image.Image:
    """Convert one of Pillow's images to grey, upright; what is transparent is laid over white."""
    if image.mode in ("I", "F") or 0 in image.size:
        raise DataError(
            f"The image is of mode {image.mode!r} and {image.width} x {image.height} pixels: give "
            "one with at least one pixel and 8 or 16 bits a channel, such as mode 'L' or 'RGB'."
        )
    try:
        return flat(upright(image)).convert("L")
    except (OSError, SyntaxError, ValueError) as error:  # files are decoded only here
        raise DataError(f"The image cannot be decoded ({error}): save it again.") from None


def _reduced(image: Image.Image) -> Image.Image:
    """Average whole squares of pixels, so that no side is longer than `LONGEST_SIDE`."""
    times = -(-max(image.size) // LONGEST_SIDE)
    return image.reduce(times) if times > 1 else image


def _border(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which pixels belong to the border."""
    border = np.ones(shape, dtype=bool)
    down, across = (max(1, round(side * BORDER)) for side in shape)
    border[down:-down, across:-across] = False
    return border


def _paper_dark(grey: Floats) -> Floats:
    """Invert an image whose border is light."""
    middle = (grey.min() + grey.max()) / 2
    return 255 - grey if np.median(grey[_border(grey.shape)]) > middle else grey


def _ink(grey: Floats) -> tuple[Floats, float]:
    """Return how much ink there is in each pixel, 0 to 1, and from what it is a stroke."""
    border = _border(grey.shape)
    off = grey - _paper(grey, border)
    noise = SIGMA * float(np.median(np.abs(off[border])))
    peak = off.max()
    if peak <= max(LEAST_CONTRAST, INK_DEVIATIONS * noise):
        raise DataError(
            "There is no ink in the image: nothing stands out from the paper at its border. Give "
            "a picture of one digit, with paper around it."
        )
    off[off <= max(DEVIATIONS * noise, LEAST_SHARE * peak)] = 0
    return _levelled(off, INK_DEVIATIONS * noise)


def _paper(grey: Floats, border: NDArray[np.bool_]) -> Floats:
    """Return the paper's brightness in each pixel, by a quadratic surface through the border."""
    values = grey[border]
    paper = np.full(grey.shape, np.median(values))
    if min(grey.shape) < LEAST_LIT_SIDE:
        return paper
    terms = _terms(grey.shape)
    for _ in range(PASSES):
        apart = np.abs(values - paper[border])
        kept = apart <= OUTLYING * SIGMA * np.median(apart)
        among = terms[border][kept]
        by = np.linalg.lstsq(among.T @ among, among.T @ values[kept], rcond=None)[0]
        paper = np.clip(terms @ by, values[kept].min(), values[kept].max())
    return paper


def _terms(shape: tuple[int, ...]) -> Floats:
    """Return the terms of a quadratic surface, (h, w, 6), over -1 to 1 both ways."""
    y, x = np.meshgrid(*(np.linspace(-1, 1, side) for side in shape), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _levelled(values: Floats, least: float = 0) -> tuple[Floats, float]:
    """Scale 0..255 so that strokes become 1; return also from what, at that scale, they are."""
    threshold = max(split_levels(values)[0] + 1, least)
    level = float(np.quantile(values[values >= threshold], STROKE))
    return np.minimum(values / level, 1), threshold / level


def _cropped(ink: Floats, threshold: float) -> Floats:
    """Return the smallest part of an image that holds all strokes, with their faint edges."""
    rows = _extent(ink.max(axis=1), threshold)
    ink = ink[rows]
    return ink[:, _extent(ink.max(axis=0), threshold)]


def _extent(peaks: Floats, threshold: float) -> slice:
    """Return the lines from the first to the last with strokes, and the faint ones next to them."""
    strong = np.flatnonzero(peaks >= threshold)
    empty = np.r_[0.0, peaks, 0.0] == 0  # framed, so that each search ends
    start = strong[0] + 1 - empty[: strong[0] + 2][::-1].argmax()
    stop = strong[-1] + empty[strong[-1] + 1 :].argmax()
    return slice(int(start), int(stop))


def _fitted(ink: Floats) -> Floats:
    """Average onto pixels of which the longer side has `BOX`."""
    scale = BOX / max(ink.shape)
    return _areas(ink.shape[0], scale) @ ink @ _areas(ink.shape[1], scale).T


def _areas(length: int, scale: float) -> Floats:
    """Return how much of each new pixel (a row) is covered by each old one (a column)."""
    edges = np.arange(length + 1) * scale
    starts = np.arange(max(1, np.ceil(edges[-1] - ROUNDING)))[:, None]
    inside = np.clip(edges - starts, 0, 1)
    return np.diff(inside, axis=1)


def _centred(small: Pixels) -> Pixels:
    """Place a small image so that its centre of mass lies in pixel (14, 14)."""
    field = np.zeros((SIDE, SIDE), dtype=np.uint8)
    corner = [_corner(small.sum(axis=axis, dtype=np.int64)) for axis in (1, 0)]
    height, width = small.shape
    field[corner[0] : corner[0] + height, corner[1] : corner[1] + width] = small
    return field


def _corner(mass: NDArray[np.int64]) -> int:
    """Return where a line of masses begins in the field."""
    n = len(mass)
    centre = mass @ np.arange(n) / mass.sum()
    return int(np.clip(np.ceil(CENTRE - 0.5 - centre), 0, SIDE - n))
