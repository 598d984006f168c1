"""What each format needs beyond what Pillow does alike for all: to open it, and to load it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from imlogit.data.formats.magic import RAW, image_format, kind_of
from imlogit.data.images.flatten import WHITE_OF_16_BITS, BadImageError, flat
from imlogit.errors import MissingExtraError
from imlogit.system.extras import need

if TYPE_CHECKING:
    from PIL import Image

# What is tried on a file's contents, whatever its name is: the others of Pillow's formats reach
# further than pixels (EPS starts Ghostscript), or are not pictures of one size.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
KNOWN = (*FORMATS, "AVIF", "HEIC")
# Where a PNG says how deep and of which kind its pixels are.
PNG_HEADER, PNG_DEPTH, PNG_KIND = slice(12, 16), 24, 25
GREY_WITH_ALPHA = 4
# Tags of TIFF.
KIND_OF_PAGE, WHITE_OR_BLACK, TILE_WIDTH, TILE_HEIGHT, RAW_VERSION = 254, 262, 322, 323, 50706
DEPTH = 258
REDUCED = 1
WHITE_IS_ZERO = 0
# Twelve bits, as cameras of microscopes have them: Pillow reads them as sixteen.
OF_SCIENCE = 12
# What Pillow says of sound files of a kind that it does not read.
UNSUPPORTED = re.compile(
    "unsupported|not supported|unknown pixel mode|cannot handle"
    "|not (available|implemented|installed)",
    re.IGNORECASE,
)


def open_image(content: bytes) -> Image.Image:
    """Open an image file of a known format; no pixel is decoded yet.

    Raises
    ------
    BadImageError
        If it is something else, or wants what is not installed.
    Exception
        Whatever Pillow raises for one that it cannot open.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        return _open_otherwise(content)


def load(image: Image.Image, content: bytes) -> Image.Image:
    """Return the first frame of an opened image, whose contents are given, with its pixels.

    Raises
    ------
    BadImageError
        For what Pillow would decode into other pixels than the picture's.
    Exception
        Whatever Pillow raises for damaged pixels.
    """
    load_format = _LOADED.get(image.format or "")
    if load_format is not None:
        return load_format(image, content)
    image.load()
    return image


def words_of_failure(content: bytes, error: Exception) -> str:
    """Return what is wrong with an image, as one of Pillow's errors has it."""
    text = " ".join(str(error).split()) or type(error).__name__
    reason = text if text.isprintable() and len(text) < 100 else type(error).__name__
    form = image_format(content)
    if form is None:
        return _no_image(content)
    if UNSUPPORTED.search(reason):
        return f"a kind of {form} that is not supported ({reason}); save it as PNG"
    return f"damaged ({reason})"


def _no_image(content: bytes) -> str:
    kind = kind_of(content)
    if kind is not None and kind.advice:
        return f"{kind.words}, not an image: {kind.advice}"
    words = "" if kind is None else f"{kind.words}, "
    return f"{words}not an image of a known format ({', '.join(KNOWN)})"


def _open_otherwise(content: bytes) -> Image.Image:
    """Open what is of none of Pillow's usual formats, or raise why that cannot be."""
    from PIL import Image

    form = image_format(content)
    if form is None:
        raise BadImageError(_no_image(content))
    if form == "HEIF":
        return _open_heic(content)
    if form == "AVIF":
        _check_avif()
    # of Pillow's reader itself, which does not hide what is wrong as `Image.open` does
    return Image.OPEN[form][0](io.BytesIO(content), "")


def _open_heic(content: bytes) -> Image.Image:
    try:
        library = need("pillow_heif", "heif", "a HEIC image, which")
    except MissingExtraError as error:
        raise BadImageError(str(error)) from None
    image: Image.Image = library.HeifImageFile(io.BytesIO(content))
    return image


def _check_avif() -> None:
    from PIL import Image, __version__, features

    Image.init()
    if "avif" not in features.modules or not features.check("avif"):
        raise BadImageError(
            f"an AVIF image, which Pillow {__version__} as it is installed does not read: "
            'pip install "pillow>=11.3"'
        )


def _load_png(image: Image.Image, content: bytes) -> Image.Image:
    image.load()
    depth, kind = content[PNG_DEPTH], content[PNG_KIND]
    # Pillow has no mode for 16-bit grey with alpha
    if kind == GREY_WITH_ALPHA and image.mode == "RGBA" and content[PNG_HEADER] == b"IHDR":
        return image.convert("LA")
    clear = image.info.get("transparency")
    if clear is not None and depth != 8 and image.mode in ("1", "L", "RGB"):
        image.info["transparency"] = _in_8_bits(clear, depth)
    return image


def _in_8_bits(clear: Any, depth: int) -> Any:
    """Return the transparent value of a PNG as its pixels were scaled, which Pillow leaves as is.

    Newer releases scale that of one bit.
    """
    if isinstance(clear, tuple):
        return tuple(value >> 8 for value in clear)
    most = (1 << depth) - 1
    return clear * 255 // most if isinstance(clear, int) and clear <= most else clear


def _load_gif(image: Image.Image, _content: bytes) -> Image.Image:
    """Lay a first frame that is smaller than the picture on white: nothing was painted there."""
    from PIL import Image as Images

    left, upper, right, lower = image.tile[0][1]  # type: ignore[attr-defined]
    image.load()
    if (left, upper, right, lower) == (0, 0, *image.size):
        return image
    frame = flat(image.crop((left, upper, right, lower)))
    page = Images.new(frame.mode, image.size, "white")
    page.paste(frame, (left, upper))
    return page


def _load_tiff(image: Image.Image, content: bytes) -> Image.Image:
    from PIL.Image import MAX_IMAGE_PIXELS

    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    if RAW_VERSION in tags or tags.get(KIND_OF_PAGE, 0) & REDUCED or content[8:10] == b"CR":
        raise BadImageError(f"{RAW.words}, not an image: {RAW.advice}")
    tile = tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0)
    if MAX_IMAGE_PIXELS is not None and tile > MAX_IMAGE_PIXELS:
        raise BadImageError(f"its tiles of {tile:,} pixels are larger than any image that is read")
    if image.mode == "I":
        raise BadImageError("its pixels have a sign or 32 bits, and their scale is not known")
    image.load()
    return _in_16_bits(image, tags) if image.mode.startswith("I") else image


def _in_16_bits(image: Image.Image, tags: Any) -> Image.Image:
    """Return a deep grey page with white as the largest value, which Pillow leaves as it is."""
    from PIL import Image as Images

    pixels = np.asarray(image).astype(np.uint32)
    if tags.get(DEPTH) == (OF_SCIENCE,):
        pixels = pixels * WHITE_OF_16_BITS // ((1 << OF_SCIENCE) - 1)
    if tags.get(WHITE_OR_BLACK) == WHITE_IS_ZERO:
        pixels = WHITE_OF_16_BITS - pixels
    return Images.fromarray(pixels.astype(np.uint16))


_LOADED: dict[str, Callable[[Image.Image, bytes], Image.Image]] = {
    "PNG": _load_png,
    "GIF": _load_gif,
    "TIFF": _load_tiff,
}
