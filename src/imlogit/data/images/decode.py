"""One image file -> pixels, whatever a stranger has put into it."""

from __future__ import annotations

import contextlib
import math
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from imlogit.arrays import Pixels
from imlogit.data.formats.magic import LOOKED_AT, image_format
from imlogit.data.formats.members import Member, MemberError
from imlogit.data.images.by_format import FORMATS, load, open_image, words_of_failure
from imlogit.data.images.flatten import BadImageError as BadImageError
from imlogit.data.images.flatten import flat, upright
from imlogit.data.images.sizes import Extent
from imlogit.data.reading import MEGA, MOST_MEGAPIXELS, Reading
from imlogit.system.regular_file import UnfitFileError, open_regular, read_regular

if TYPE_CHECKING:
    from PIL import Image

# By its name a file of a folder is taken as an image, by its contents it is read.
COMMON = (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp")
SUFFIXES = frozenset([*COMMON, ".tif", ".tiff", ".avif", ".heic", ".heics", ".heif", ".hif"])
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "F")
# The EXIF tag that says which side is up, and its values for images that lie on a side.
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
# Parts of their size at which images may be decoded, and the least that they then have, as a
# multiple of what is wanted.
PARTS_OF_SIZE, SPARE = (8, 4, 2), 4
# In so much of a file of an archive its header is looked for.
MOST_HEADER_BYTES = 16 * MEGA


def is_image_name(name: str) -> bool:
    """Whether a file's name says that it is an image of a known kind."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - a Path costs ten times more


def looks_like_image(path: str | os.PathLike[str], name: str) -> bool:
    """Whether a file is to be read as an image.

    Names decide; only a file without an ending is looked into.

    Parameters
    ----------
    path : str or os.PathLike
        Where it is.
    name : str
        What it is called; a part of the path, which is at hand where files are listed.
    """
    ending = os.path.splitext(name)[1]  # noqa: PTH122 - a Path costs ten times more
    if ending:
        return ending.lower() in SUFFIXES
    try:
        with open_regular(path) as (file, _):
            return image_format(file.read(LOOKED_AT)) is not None
    except OSError:
        return False


def read_bytes(path: str | os.PathLike[str] | bytes | Member, reading: Reading) -> bytes:
    """Read a regular file of bounded size, or one within an archive, which may be at hand.

    Raises
    ------
    BadImageError
        If it is something else, empty, too large, or cannot be read.
    """
    if isinstance(path, Member):
        return _read_member(path, reading)
    if isinstance(path, bytes):
        if len(path) > reading.max_bytes:
            raise BadImageError(_too_large(len(path), reading))
        return path
    try:
        return read_regular(path, reading.max_bytes)
    except OSError as error:
        if isinstance(error, UnfitFileError) and error.size:
            raise BadImageError(_too_large(error.size, reading)) from None
        raise BadImageError(f"cannot be read ({error.strerror or error})") from None


def _read_member(member: Member, reading: Reading) -> bytes:
    if member.size > reading.max_bytes:
        raise BadImageError(_too_large(member.size, reading))
    try:
        return member.read()
    except MemberError as error:
        raise BadImageError(str(error)) from None


def decode_image(content: bytes, reading: Reading) -> Image.Image:
    """Decode an image file's first frame, the right side up.

    Transparent pixels are laid over white, 16-bit grey is scaled, palettes and CMYK are
    converted: to grey where they hold nothing else.

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
    from PIL import Image

    if not content:
        raise BadImageError("the file is empty")
    if len(content) > reading.max_bytes:
        raise BadImageError(_too_large(len(content), reading))
    try:
        with open_image(content) as image:
            _check_pixels(image.size, reading)
            _reduce(image, reading)
            return flat(upright(load(image, content)))
    except BadImageError:
        raise
    except Image.DecompressionBombError:
        raise BadImageError(f"more than {reading.max_megapixels:g} megapixels") from None
    except MemoryError:
        raise BadImageError("too large for the memory that is left") from None
    except Exception as error:  # decoders of hostile bytes raise some fifteen kinds
        raise BadImageError(words_of_failure(content, error)) from None


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


def extent_of(content: str | os.PathLike[str] | bytes | Member) -> Extent | None:
    """Return height, width and channels by an image's header; None where it has none."""
    try:
        if isinstance(content, Member):
            content = content.begin(MOST_HEADER_BYTES)
        if isinstance(content, bytes):
            with open_image(content) as image:
                return _extent(image)
        with open_regular(content) as (file, _), _open_header(file) as image:
            return _extent(image)
    except Exception:  # whatever is wrong is said when it is decoded
        return None


def _open_header(file: BinaryIO) -> Image.Image:
    """Open an image of which the header is wanted, without reading all of the file if possible."""
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        file.seek(0)
        return open_image(file.read())


def _extent(image: Image.Image) -> Extent:
    width, height = image.size
    if image.getexif().get(ORIENTATION, 1) in TURNED:
        width, height = height, width
    return Extent(height, width, 1 if image.mode in GREY_MODES else 3)


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
