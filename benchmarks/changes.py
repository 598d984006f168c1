"""Made photographs, and what may happen to an image before it comes back as another one's copy."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage


def textures(rng: Any, n: int, side: int, channels: int = 3) -> Any:
    """Return images, (n, side, side, channels), whose amplitudes fall with the frequency."""
    squared = np.fft.fftfreq(side)[:, None] ** 2 + np.fft.rfftfreq(side) ** 2
    squared[0, 0] = 1
    images = np.empty((n, side, side, channels), np.uint8)
    for image in images:
        shape = (channels, *squared.shape)
        spectra = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / squared**0.6
        fields = np.fft.irfft2(spectra, s=(side, side))
        # channels of photographs are much alike
        fields = 0.8 * fields[:1] + 0.3 * fields
        fields = 50 * (fields - fields.mean()) / fields.std()
        image[:] = np.clip(128 + fields, 0, 255).transpose(1, 2, 0)
    return images


def _pillow(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def changed(image: Any) -> Any:
        grey = image.ndim == 2
        return np.asarray(change(Image.fromarray(image)).convert("L" if grey else "RGB"))

    return changed


def _stored(image: Any) -> Any:
    packed = BytesIO()
    image.save(packed, "JPEG", quality=75)
    return Image.open(packed)


def _back(image: Any, share: float) -> Any:
    smaller = image.resize([round(share * side) for side in image.size])
    return smaller.resize(image.size, Image.Resampling.BICUBIC)


def _within(image: Any, change: Callable[[Any], Any]) -> Any:
    """Change an image with what may lie around it, and cut that off again."""
    height, width = image.shape[:2]
    around = [(height // 4,) * 2, (width // 4,) * 2] + [(0, 0)] * (image.ndim - 2)
    larger = change(np.pad(image, around, mode="edge"))
    top, left = (larger.shape[0] - height) // 2, (larger.shape[1] - width) // 2
    return larger[top : top + height, left : left + width]


def _resized(image: Any, times: float) -> Any:
    factors = (times, times, *[1] * (image.ndim - 2))
    return _within(image, lambda padded: ndimage.zoom(padded, factors, order=1))


def _turned(image: Any, degrees: float) -> Any:
    return _within(image, lambda padded: ndimage.rotate(padded, degrees, reshape=False, order=1))


def _moved(image: Any, down: int, across: int) -> Any:
    return _within(image, lambda padded: np.roll(padded, (down, across), (0, 1)))


def _levels(image: Any, change: Callable[[Any], Any]) -> Any:
    return np.clip(np.rint(change(image.astype(float))), 0, 255).astype(np.uint8)


def _weighted(image: Any, weights: Any) -> Any:
    return image if image.ndim == 2 else image * weights


NOISE = np.random.default_rng(7)
CHANGES: dict[str, Callable[[Any], Any]] = {
    "shifted by a pixel": lambda image: _moved(image, 0, 1),
    "shifted by two": lambda image: _moved(image, -2, 1),
    "5% smaller": lambda image: _resized(image, 0.95),
    "7% larger": lambda image: _resized(image, 1.07),
    "turned by 3 degrees": lambda image: _turned(image, 3),
    "turned by 5 degrees": lambda image: _turned(image, 5),
    "10% smaller and back": _pillow(lambda image: _back(image, 0.9)),
    "JPEG, quality 75": _pillow(_stored),
    "mirrored": lambda image: image[:, ::-1],
    "mirrored, JPEG": _pillow(lambda image: _stored(image.transpose(Image.Transpose(0)))),
    "gamma 1.2": lambda image: _levels(image, lambda levels: 255 * (levels / 255) ** 1.2),
    "70% of the contrast, brighter": lambda image: _levels(image, lambda levels: 0.7 * levels + 30),
    "noise of 8 levels": lambda image: _levels(
        image, lambda levels: levels + NOISE.integers(-8, 9, levels.shape)
    ),
    "recoloured": lambda image: _levels(image, lambda levels: _weighted(levels, [1.15, 1, 0.85])),
    "grey": lambda image: _levels(
        image,
        lambda levels: levels if levels.ndim == 2 else levels.mean(2, keepdims=True) + 0 * levels,
    ),
}
