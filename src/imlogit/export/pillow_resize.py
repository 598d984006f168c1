"""How Pillow brings bytes to another size, as whole numbers that any program can multiply by.

Its resampling of bytes is in fixed point, along rows and along columns, each rounded to a byte. So
whoever multiplies by the same whole numbers has the same bytes.

References
----------
Pillow, ``src/libImaging/Resample.c`` and ``ImageOps.fit``.
"""

from __future__ import annotations

import numpy as np

from imlogit.arrays import Floats, Pixels
from imlogit.data.images.decode import fitted
from imlogit.errors import ExportError
from imlogit.system.text import by

# What the whole numbers of one pixel add up to.
ONE = 2**22
# The bicubic kernel: its parameter, and how far it reaches on either side.
SHARPNESS, REACH = -0.5, 2.0


# Images of noise that the order of the two passes is tried on.
N_TRIALS = 3
Passes = tuple[tuple[int, Floats], ...]


def resize_passes(sides: tuple[int, int], size: tuple[int, int]) -> Passes:
    """Return what columns and rows of pixels are multiplied by, in Pillow's order.

    The middle of an image is taken, bicubic, as steps with a network prepare images. Pixels ``p``
    in a line become ``floor((factors @ p) / ONE + 0.5)``, held to 0..255.

    Parameters
    ----------
    sides, size : tuple of int
        (height, width), as it is and as it is to be.

    Returns
    -------
    tuple of (int, ndarray of float64)
        The axis, 0 for columns and 1 for rows, and its factors (to be, as it is), whole numbers.
        Without the passes that change nothing.

    Raises
    ------
    ExportError
        Where the Pillow that is installed makes other bytes of noise.
    """
    (height, width), ratio = sides, size[1] / size[0]
    wide: float = width
    high: float = height
    if width / height > ratio:
        wide = ratio * height
    elif width / height < ratio:
        high = width / ratio
    across = 1, _factors(width, (width - wide) * 0.5, wide, size[1])
    down = 0, _factors(height, (height - high) * 0.5, high, size[0])
    # which is first depends on Pillow's version and on the sides
    for order in ((across, down), (down, across)):
        if _are_pillows(order, sides, size):
            return tuple(
                (axis, factors)
                for axis, factors in order
                if not np.array_equal(factors, ONE * np.eye(sides[axis]))
            )
    raise ExportError(
        f"The Pillow that is installed brings images of {by(sides)} to the {by(size)} that the "
        f"backbone takes in a way that the file cannot: fit the model on images of size={size}.",
        parameter="features",
    )


def _are_pillows(passes: Passes, sides: tuple[int, int], size: tuple[int, int]) -> bool:
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (N_TRIALS, *sides), np.uint8)
    made = [np.asarray(fitted(Image.fromarray(one), size, False)) for one in noise]
    return all(map(np.array_equal, (resized(one, passes) for one in noise), made))


def resized(image: Pixels, passes: Passes) -> Floats:
    """Return what passes make of a grey image."""
    pixels = image.astype(float)
    for axis, factors in passes:
        sums = pixels @ factors.T if axis else factors @ pixels
        pixels = np.clip(np.floor(sums / ONE + 0.5), 0, 255)
    return pixels


def _factors(side: int, start: float, length: float, made: int) -> Floats:
    """Return the factors (made, side) of a part of a side, which begins at `start`."""
    # Pillow has the part's ends in float32
    first, last = np.float32(start), np.float32(start + length)
    step = float(last - first) / made
    spread = max(step, 1.0)
    found = np.zeros((made, side))
    for row, factors in enumerate(found):
        center = float(first) + (row + 0.5) * step
        near = max(int(center - REACH * spread + 0.5), 0)
        far = min(int(center + REACH * spread + 0.5), side)
        places = np.arange(near, far, dtype=np.float64) - center + 0.5
        kernel = _bicubic(places * (1 / spread))
        # added up one after the other, as there
        part = kernel / np.add.accumulate(kernel)[-1]
        factors[near:far] = np.trunc(part * ONE + np.copysign(0.5, part))
    return found


def _bicubic(x: Floats) -> Floats:
    a, x = SHARPNESS, np.abs(x)
    inner = ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    outer = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, inner, np.where(x < REACH, outer, 0.0))
