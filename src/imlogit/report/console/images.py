"""Images drawn in the terminal with characters: in colour, in dots, or in plain ASCII."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Pixels
from imlogit.data.image_set import ImageSet
from imlogit.data.images.otsu import split_levels
from imlogit.errors import ParameterError
from imlogit.report.console.printing import print_words
from imlogit.system.text import counted

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console
    from rich.text import Text

# More classes than these would scroll past unread.
MOST_CLASSES = 50
GAP_COLUMNS = 1
# A picture may be so many times as high as the widest one is wide, lest one strip fill the screen.
TALLEST = 2
# The share of an image's variance that two levels must explain for it to count as having only
# these two. An even ramp reaches 0.75 and most photographs less, handwritten digits 0.8 to 1.
TWO_LEVELS = 0.8

UPPER_HALF = "▀"
NO_DOTS = 0x2800
# What each of the 4 x 2 dots of a braille character adds to its code.
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
RAMP = " .:-=+*#%@"


@dataclass(frozen=True)
class Renderer:
    """A way of drawing an image with characters.

    Parameters
    ----------
    cell : tuple of int
        How many pixels, (down, across), go into one character. A character is twice as high as
        wide, and so each cell is too: proportions hold.
    widest : int
        Wider images are reduced to so many pixels.
    draw : callable
        Takes the pixels, uint8 of shape (h, w) or (h, w, 3), and returns the lines.
    """

    cell: tuple[int, int]
    widest: int
    draw: Callable[[Pixels], list[Text]]


def print_samples(
    console: Console, image_set: ImageSet, *, per_class: int | None = None, seed: int = 0
) -> None:
    """Print random images of each class, side by side, under the name of the class.

    Parameters
    ----------
    console : Console
        Its colours, encoding and width decide how the images are drawn, and how many.
    image_set : ImageSet
        At most ``MOST_CLASSES`` of its classes are drawn.
    per_class : int, optional
        Draw no more than these, even where more would fit.
    seed : int
        Of the draw. A wider console shows the same images and more of them.

    Raises
    ------
    ParameterError
        For a `per_class` below 1.
    """
    if per_class is not None and per_class < 1:
        raise ParameterError(
            f"per_class={per_class!r} must be at least 1, or None: as many as fit",
            parameter="per_class",
        )
    renderer = renderer_for(console)
    size = _reduced_size(image_set.image_shape, renderer, console.width)
    most = _how_many_fit(size[1], renderer, console.width)
    rng = np.random.default_rng(seed)
    for code, name in enumerate(image_set.class_names[:MOST_CLASSES]):
        rows = np.flatnonzero(image_set.labels == code)
        print_words(console, f"{name} ({counted(len(rows), 'image')})", "bold")
        drawn = rng.permutation(rows)[: most if per_class is None else min(most, per_class)]
        _print_lines(
            console,
            tiled([renderer.draw(_reduced(image_set.images[row], size)) for row in drawn]),
        )
    rest = image_set.n_classes - MOST_CLASSES
    if rest > 0:
        print_words(console, f"and {counted(rest, 'more class', 'more classes')}", "bold")


def renderer_for(console: Console) -> Renderer:
    """Return the best way to draw that the console can show: colour, braille or ASCII."""
    colour = console.is_terminal and console.color_system is not None and not console.no_color
    if colour and _can_write(UPPER_HALF, console.encoding):
        return HALF_BLOCKS
    return BRAILLE if _can_write(chr(NO_DOTS), console.encoding) else ASCII


def tiled(pictures: Sequence[Sequence[Text]]) -> list[Text]:
    """Set pictures of one size side by side."""
    from rich.text import Text

    return [Text(" " * GAP_COLUMNS).join(lines) for lines in zip(*pictures, strict=True)]


def half_blocks(pixels: Pixels) -> list[Text]:
    """Draw in colour: the upper half of a character is one pixel, its background the one below.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (h, w) or (h, w, 3)

    Returns
    -------
    list of Text
        ``ceil(h / 2)`` lines of ``w`` characters.
    """
    from rich.text import Text

    colours = [[_hex(pixel) for pixel in row] for row in _rgb(pixels).tolist()]
    lines = []
    for top in range(0, len(colours), 2):
        styles = colours[top]
        if top + 1 < len(colours):  # below the last of an odd number of rows there is nothing
            styles = [f"{a} on {b}" for a, b in zip(styles, colours[top + 1], strict=True)]
        runs = [(UPPER_HALF * len(list(run)), style) for style, run in groupby(styles)]
        lines.append(Text.assemble(*runs))
    return lines


def braille(pixels: Pixels) -> list[Text]:
    """Draw in dots, one for each bright pixel; what has more than two levels is dithered.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (h, w) or (h, w, 3)

    Returns
    -------
    list of Text
        ``ceil(h / 4)`` lines of ``ceil(w / 2)`` characters.
    """
    dots = _cells(_bright(_grey(pixels)), BRAILLE.cell, mode="constant")
    codes = NO_DOTS + np.einsum("ydxe,de->yx", dots, DOTS)
    return _plain([[chr(code) for code in line] for line in codes.tolist()])


def ascii_ramp(pixels: Pixels) -> list[Text]:
    """Draw in ASCII, the brighter the denser.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (h, w) or (h, w, 3)

    Returns
    -------
    list of Text
        ``ceil(h / 2)`` lines of ``w`` characters.
    """
    levels = _cells(_grey(pixels), ASCII.cell, mode="edge").mean(axis=(1, 3))
    places = (levels * len(RAMP) / 256).astype(np.intp)
    return _plain([[RAMP[place] for place in line] for line in places.tolist()])


HALF_BLOCKS = Renderer((2, 1), 32, half_blocks)
BRAILLE = Renderer((4, 2), 64, braille)
ASCII = Renderer((2, 1), 32, ascii_ramp)


def _print_lines(console: Console, lines: Sequence[Text]) -> None:
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop", highlight=False, markup=False)


def _can_write(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _reduced_size(
    image_shape: tuple[int, ...], renderer: Renderer, columns: int
) -> tuple[int, int]:
    """Return (height, width) of the pictures in pixels: never larger than the images."""
    height, width = image_shape[:2]
    widest = min(renderer.widest, columns * renderer.cell[1])
    scale = min(1.0, widest / width, TALLEST * renderer.widest / height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _how_many_fit(width: int, renderer: Renderer, columns: int) -> int:
    wide = -(-width // renderer.cell[1])
    return max(1, (columns + GAP_COLUMNS) // (wide + GAP_COLUMNS))


def _reduced(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Return an image of one or three channels, reduced with antialiasing."""
    from PIL import Image

    if image.ndim == 3 and image.shape[2] != 3:
        image = image.mean(axis=2).round().astype(np.uint8)
    if image.shape[:2] == size:
        return image
    picture = Image.fromarray(image)
    return np.asarray(picture.resize(size[::-1], Image.Resampling.LANCZOS))


def _rgb(pixels: Pixels) -> Pixels:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)


def _grey(pixels: Pixels) -> Pixels:
    return np.asarray(_picture(pixels).convert("L"))


def _picture(pixels: Pixels) -> Image:
    from PIL import Image

    return Image.fromarray(pixels)


def _bright(grey: Pixels) -> NDArray[np.bool_]:
    """Return which pixels are drawn as dots."""
    threshold, explained = split_levels(grey)
    if explained >= TWO_LEVELS:
        return grey > threshold
    # Pillow dithers by Floyd and Steinberg's method
    return np.asarray(_picture(grey).convert("1"))


def _cells(values: NDArray[Any], cell: tuple[int, int], **padding: Any) -> NDArray[Any]:
    """Return values as (lines, cell height, columns, cell width), filled up to whole cells."""
    down, across = cell
    height, width = values.shape
    whole = np.pad(values, ((0, -height % down), (0, -width % across)), **padding)
    return whole.reshape(whole.shape[0] // down, down, whole.shape[1] // across, across)


def _plain(lines: Sequence[Sequence[str]]) -> list[Text]:
    from rich.text import Text

    return [Text("".join(line)) for line in lines]


def _hex(pixel: Sequence[int]) -> str:
    red, green, blue = pixel
    return f"#{red:02x}{green:02x}{blue:02x}"
