"""An image of any of Pillow's modes -> grey or RGB, the right side up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imlogit.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

# Where cameras and editors say which side is up.
ORIENTED_BY = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
# 16-bit grey, scaled so that the largest value stays the largest: 65,535 / 255.
STEP_OF_16_BITS = 257
WHITE_OF_16_BITS = 65_535
GREY_OR_COLOUR = ("L", "RGB")
# What may hold grey only, and has no mode of its own for that.
OF_PALETTES_AND_INKS = ("P", "PA", "CMYK")


class BadImageError(DataError):
    """An image file that cannot be used; the message is what is wrong, without its name."""


def upright(image: Image.Image) -> Image.Image:
    """Turn an image as its EXIF or XMP data say; where these are damaged, leave it as it lies."""
    if not any(key in image.info for key in ORIENTED_BY):
        return image
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the pixels are sound
        return image


def flat(image: Image.Image) -> Image.Image:
    """Return an image of any mode as grey or RGB; what is transparent is laid over white.

    Raises
    ------
    BadImageError
        For pixels that are fractions.
    """
    transparent = "A" in image.mode or "a" in image.mode or "transparency" in image.info
    if image.mode in GREY_OR_COLOUR and not transparent:
        return image
    from PIL import Image

    if image.mode.startswith("I"):
        pixels = np.asarray(image)
        if transparent:
            pixels = np.where(pixels == image.info.get("transparency"), WHITE_OF_16_BITS, pixels)
        scaled = np.rint(pixels / STEP_OF_16_BITS)
        return Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8))
    if image.mode == "F":
        raise BadImageError("its pixels are fractions, whose scale is not known")
    grey = image.mode in ("1", "L", "LA", "La")
    if transparent:
        over = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(over)
        flat = white.convert("RGB")
    else:
        flat = image.convert("L" if grey else "RGB")
    if grey or (image.mode in OF_PALETTES_AND_INKS and _is_grey(flat)):
        return flat.convert("L")
    return flat


def _is_grey(image: Image.Image) -> bool:
    """Whether red, green and blue are the same everywhere."""
    colours = np.asarray(image)
    return bool((colours == colours[..., :1]).all())
