"""Images -> the same images moved by some pixels."""

from __future__ import annotations

import numpy as np

from imlogit.arrays import Pixels

# Down and across: by one pixel up, down, left and right.
BY_ONE = ((-1, 0), (1, 0), (0, -1), (0, 1))


def shift(images: Pixels, down: int, across: int, *, repeat_edge: bool) -> Pixels:
    """Return images that are moved down and to the right, or up and to the left where below 0.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
    down, across : int
        By so many pixels.
    repeat_edge : bool
        What comes in is the edge once more; else it is 0.

    Returns
    -------
    ndarray of uint8, of the same shape
    """
    moved = images
    for axis, by in ((1, down), (2, across)):
        if by == 0:
            continue
        places = np.arange(images.shape[axis]) - by
        moved = moved.take(places, axis=axis, mode="clip")
        if not repeat_edge:
            came_in = (places < 0) | (places >= len(places))
            moved[(slice(None),) * axis + (came_in,)] = 0
    return moved


def is_bright_on_dark(images: Pixels) -> bool:
    """Whether images are grey, and most pixels along their borders 0: digits, as a rule."""
    if images.ndim == 4 and images.shape[3] > 1:
        return False
    grey = images.reshape(images.shape[:3])
    edges = (grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1])
    return 2 * sum(int((edge == 0).sum()) for edge in edges) > sum(edge.size for edge in edges)
