"""One image file -> pixels, whatever a stranger has put into it."""

from __future__ import annotations

import contextlib
import io
import math
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from imlogit.arrays import Pixels
from imlogit.data.images.sizes import Extent
from imlogit.data.reading import MEGA, MOST_MEGAPIXELS, Reading
from imlogit.errors import DataError
from imlogit.system.regular_file import UnfitFileError, read_regular

if TYPE_CHECKING:
    from PIL import Image

# What is tried on a file's contents, whatever its name is: the others of Pillow's formats reach
# further than pixels (EPS starts Ghostscript), or are not pictures of one size.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp"})
# Where cameras and editors say which side is up.
ORIENTED_BY = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
# 16-bit grey, scaled so that the largest value stays the largest: 65,535 / 255.
STEP_OF_16_BITS = 257
WHITE_OF_16_BITS = 65_535
GREY_OR_COLOUR = ("L", "RGB")
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "F")
# The EXIF tag that says which side is up, and its values for images that lie on a side.
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
# Parts of their size at which images may be decoded, and the least that they then have, as a
# multiple of what is wanted.
PARTS_OF_SIZE, SPARE = (8, 4, 2), 4


class BadImageError(DataError):
    """An image file that cannot be used; the message is what is wrong, without its name."""


def is_image_name(name: str) -> bool:
    """Whether a file's name says that it is an image of a known kind."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - a Path costs ten times more


def read_bytes(path: str | os.PathLike[str], reading: Reading) -> bytes:
    """Read a regular file of bounded size.

    Raises
    ------
    BadImageError
        If it is something else, empty, too large, or cannot be read.
    """
    try:
        return read_regular(path, reading.max_bytes)
    except OSError as error:
        if isinstance(error, UnfitFileError) and error.size:
            raise BadImageError(_too_large(error.size, reading)) from None
        raise BadImageError(f"cannot be read ({error.strerror or error})") from None


def decode_image(content: bytes, reading: Reading) -> Image.Image:
    """Decode an image file's first frame, the right side up.

    Transparent pixels are laid over white, 16-bit grey is scaled, palettes and CMYK are
    converted.

    Parameters
    ----------
    content : bytes
    reading : Reading
        Its limits.

    Returns
    -------
    PIL.Image.Image
        Of mode "L" or "RGB".

    Raises
    ------
    BadImageError
    """
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise BadImageError("the file is empty")
    if len(content) > reading.max_bytes:
        raise BadImageError(_too_large(len(content), reading))
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_pixels(image.size, reading)
            _reduce(image, reading)
            image.load()
            return flat(upright(image))
    except BadImageError:
        raise
    except UnidentifiedImageError:
        raise BadImageError(f"not an image of a known format ({', '.join(FORMATS)})") from None
    except Image.DecompressionBombError:
        raise BadImageError(f"more than {reading.max_megapixels:g} megapixels") from None
    except MemoryError:
        raise BadImageError("too large for the memory that is left") from None
    except Exception as error:  # decoders of hostile bytes raise some fifteen kinds
        raise BadImageError(f"damaged ({_reason(error)})") from None


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Keep Pillow's warnings back, for many images at once: one is taken or refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def fitted(
    image: Image.Image, size: tuple[int, int] | None, grey: bool, fit: str = "crop"
) -> Image.Image:
    """Convert to grey and to a size (height, width), where asked for, with antialiasing.

    Parameters
    ----------
    image : PIL.Image.Image
    size : tuple of int or None
    grey : bool
    fit : {"crop", "pad", "stretch"}
        What becomes of other proportions: the middle is taken, black is put beside, or they are
        not kept.
    """
    if grey and image.mode != "L":
        image = image.convert("L")
    if size is None or image.size == size[::-1]:
        return image
    from PIL import ImageOps
    from PIL.Image import Resampling

    if fit == "crop":
        return ImageOps.fit(image, size[::-1], Resampling.BICUBIC)
    if fit == "pad":
        return ImageOps.pad(image, size[::-1], Resampling.BICUBIC)
    return image.resize(size[::-1], Resampling.BICUBIC)


def _reduce(image: Image.Image, reading: Reading) -> None:
    """Have an image decoded at a part of its size, where its format can: that is JPEG's.

    The part divides the sides evenly and leaves so much more than is wanted that the picture is
    the same within a grey level; only grain as fine as its pixels may differ by a few.
    """
    if reading.size is None:
        return
    sides = zip(sorted(reading.size), sorted(image.size), strict=True)
    most = min(there / wanted for wanted, there in sides) / SPARE
    width, height = image.size
    for part in PARTS_OF_SIZE:
        if part <= most and width % part == height % part == 0:
            image.draft(image.mode, (width // part, height // part))
            return


def extent_of(content: str | os.PathLike[str] | bytes) -> Extent | None:
    """Return height, width and channels by an image's header; None where it has none."""
    from PIL import Image

    try:
        source = io.BytesIO(content) if isinstance(content, bytes) else content
        with Image.open(source, formats=FORMATS) as image:
            width, height = image.size
            if image.getexif().get(ORIENTATION, 1) in TURNED:
                width, height = height, width
            return Extent(height, width, 1 if image.mode in GREY_MODES else 3)
    except Exception:  # whatever is wrong is said when it is decoded
        return None


def pixels_of(content: bytes, reading: Reading) -> Pixels:
    """Decode an image file and bring it to the size and the colours that are asked for.

    Returns
    -------
    ndarray of uint8, shape (h, w) or (h, w, 3)

    Raises
    ------
    BadImageError
    """
    image = fitted(decode_image(content, reading), reading.size, reading.grey, reading.fit)
    # as np.asarray(image), in half the time
    pixels = np.frombuffer(image.tobytes(), np.uint8)
    channels = () if image.mode == "L" else (3,)
    return pixels.reshape(image.height, image.width, *channels)


def _check_pixels(size: tuple[int, int], reading: Reading) -> None:
    width, height = size
    if width * height > reading.max_pixels:
        enough = math.ceil(width * height / MEGA)
        hint = f" (max_megapixels={enough} allows it)" if enough <= MOST_MEGAPIXELS else ""
        raise BadImageError(
            f"{height:,} x {width:,} pixels are more than {reading.max_megapixels:g} megapixels"
            + hint
        )


def _too_large(n_bytes: int, reading: Reading) -> str:
    return (
        f"{n_bytes / MEGA:,.0f} MB are more than {reading.max_megabytes:g} "
        f"(max_megabytes={math.ceil(n_bytes / MEGA)} allows it)"
    )


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
    if grey or (image.mode in ("P", "PA") and _is_grey(flat)):
        return flat.convert("L")
    return flat


def _is_grey(image: Image.Image) -> bool:
    """Whether red, green and blue are the same everywhere."""
    colours = np.asarray(image)
    return bool((colours == colours[..., :1]).all())


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if text.isprintable() and len(text) < 100 else type(error).__name__
