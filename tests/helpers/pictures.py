"""What a PNG file shows."""

import io

import numpy as np
from PIL import Image


def rgb_of(picture):
    """Return a picture's pixels as RGB."""
    assert picture.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def colours_in(picture):
    """Return how much of a picture is neither black, grey nor white."""
    pixels = rgb_of(picture).astype(int)
    return (np.ptp(pixels, axis=2) > 30).mean()
