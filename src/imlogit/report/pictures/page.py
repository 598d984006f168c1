"""A picture's page: its size in pixels, what is placed on it, and its bytes."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from imlogit.report.pictures.letters import NAME_WIDTH, find_fonts, fonts_of, plain, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Drawn = ParamSpec("Drawn")
Picture = TypeVar("Picture")

DPI = 100
ACCENT, QUIET, INK = "#c8471b", "#8c8c8c", "#333333"
FRAME = 170
WHITE = 255.0
LEAST_LETTERS = 4
TITLE_POINTS, TEXT_POINTS, SMALL_POINTS, LEAST_POINTS = 11.0, 9.0, 8.0, 7.0
EDGE = 12
# What a title may be wide, in pixels.
MOST_TEXT = 960
# Images that are enlarged by less are smoothed.
SMOOTH_BELOW = 4
FEW_COLOURS = 128
STYLE: dict[str, Any] = {
    "font.size": TEXT_POINTS,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


def in_own_style(draw: Callable[Drawn, Picture]) -> Callable[Drawn, Picture]:
    """Draw in our own style, whatever the user's matplotlibrc says, such as LaTeX."""

    @wraps(draw)
    def drawn(*args: Drawn.args, **kwargs: Drawn.kwargs) -> Picture:
        import matplotlib as mpl

        with mpl.rc_context():
            mpl.rcdefaults()
            params: Any = mpl.rcParams
            params.update(STYLE)
            return draw(*args, **kwargs)

    return drawn


class Page:
    """A picture of so many pixels; places on it are counted from the left and from the top.

    Parameters
    ----------
    width, height : float
    title : str
        What the picture shows.
    note : str
        How to read it.

    Attributes
    ----------
    width, height : int
        Of the page, which is no narrower than its title.
    figure : Figure
    """

    def __init__(self, width: float, height: float, title: str, note: str = "") -> None:
        # A Figure without pyplot opens no window and keeps no state.
        from matplotlib.figure import Figure

        title, note = fitting(title, MOST_TEXT, TITLE_POINTS, bold=True), fitting(note, MOST_TEXT)
        words = max(width_of([title], TITLE_POINTS, bold=True), width_of([note]))
        self.width, self.height = math.ceil(max(width, words + 2 * EDGE)), math.ceil(height)
        self.figure: Figure = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI)
        self._images: list[tuple[int, int, NDArray[np.uint8]]] = []
        self.write(EDGE, 10, title, fontweight="bold", fontsize=TITLE_POINTS)
        if note:
            self.write(EDGE, 32, note, color=QUIET)

    def axes(self, left: float, top: float, width: float, height: float, **how: Any) -> Axes:
        """Return axes in a box."""
        across, down = self.width, self.height
        box = (left / across, 1 - (top + height) / down, width / across, height / down)
        return self.figure.add_axes(box, **how)

    def write(self, left: float, top: float, text: str, **how: Any) -> None:
        """Write a text at a place."""
        how = {"va": "top", "fontsize": TEXT_POINTS, **how}
        self.figure.text(left / self.width, 1 - top / self.height, plain(text), **how)

    def paint(self, left: float, top: float, pixels: NDArray[np.uint8]) -> None:
        """Set pixels into the page as they are, RGB, their upper left corner at a place."""
        self._images.append((round(left), round(top), pixels))

    def as_png(self) -> bytes:
        """Return the page as a PNG file, the same bytes for the same page."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        if find_fonts(self.figure):
            said = r"\u…: letters that no font on this machine has"
            how: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": LEAST_POINTS}
            self.write(self.width - EDGE, self.height - 1, said, color=QUIET, **how)
        canvas: Any = FigureCanvasAgg(self.figure)
        with warnings.catch_warnings():
            # matplotlib < 3.11 says so of Arabic and others, whose letters it draws unjoined
            warnings.filterwarnings("ignore", r"Matplotlib .*does not support", UserWarning)
            canvas.draw()
        drawn = np.array(canvas.buffer_rgba())[:, :, :3]
        for left, top, pixels in self._images:
            drawn[top : top + len(pixels), left : left + pixels.shape[1]] = pixels
        picture, out = Image.fromarray(np.ascontiguousarray(drawn)), io.BytesIO()
        if not self._images:
            # of lines and letters in a few colours: a third of the bytes
            picture = picture.quantize(FEW_COLOURS, dither=Image.Dither.NONE)
        picture.save(out, "png")
        return out.getvalue()


def width_of(texts: Iterable[str], points: float = TEXT_POINTS, *, bold: bool = False) -> float:
    """Return how many pixels wide the widest of some texts is, as it will be drawn."""
    return max((_width(text, points, "bold" if bold else "normal") for text in texts), default=0.0)


@lru_cache(10_000)
def _width(text: str, points: float, weight: str) -> float:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    fonts = fonts_of(text)
    font = FontProperties(family=fonts, size=points, weight=weight if len(fonts) == 1 else "normal")
    canvas: Any = FigureCanvasAgg(Figure(figsize=(0.1, 0.1), dpi=DPI))
    renderer = canvas.get_renderer()
    return float(renderer.get_text_width_height_descent(text, font, False)[0])


def fitting(
    name: str, room: float, points: float = TEXT_POINTS, *, bold: bool = False, most: int = 0
) -> str:
    """Return a name without so much of its middle that it is no wider than a number of pixels."""
    lengths = range(most or max(NAME_WIDTH, int(room / points * 2)), LEAST_LETTERS, -1)
    candidates = (short(name, length) for length in lengths)
    fits = (one for one in candidates if width_of([one], points, bold=bold) <= room)
    return next(fits, short(name, LEAST_LETTERS))


def framed(images: Sequence[NDArray[np.uint8]], width: int, height: int) -> NDArray[np.uint8]:
    """Return images side by side in a box, as RGB, each in a thin frame; the rest is white."""
    canvas = np.full((height, width, 3), 255, np.uint8)
    room = width // len(images)
    for place, image in enumerate(images):
        fitted = _fitted(as_rgb(image), room - 4, height - 2)
        h, w = fitted.shape[:2]
        top, left = (height - h) // 2, place * room + (room - w) // 2
        canvas[top - 1 : top + h + 1, left - 1 : left + w + 1] = FRAME
        canvas[top : top + h, left : left + w] = fitted
    return canvas


def stretched(image: NDArray[np.uint8], white: float) -> NDArray[np.uint8]:
    """Return an image as it is where 255 is white; one that is brighter than white is left."""
    if white >= WHITE or image.max(initial=0) > white:
        return image
    return np.rint(image * (WHITE / white)).astype(np.uint8)


def as_rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as RGB: of other numbers of channels than 3, their mean as grey."""
    if image.ndim == 3 and image.shape[2] == 3:
        return image
    grey = image if image.ndim == 2 else np.rint(image.mean(axis=2)).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _fitted(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return an image as large as it can be drawn within a width and a height.

    Small ones are enlarged by whole numbers, so that each of their pixels is a square.
    """
    from PIL import Image

    h, w = image.shape[:2]
    scale = min(width / w, height / h)
    if scale >= SMOOTH_BELOW:
        return image.repeat(int(scale), axis=0).repeat(int(scale), axis=1)
    size = max(1, int(w * scale)), max(1, int(h * scale))
    how = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize(size, how))


def more_not_shown(n: int, singular: str = "", plural: str = "") -> str:
    """Return how many are left out, as the end of a sentence; nothing where none are."""
    what = singular if n == 1 else plural
    return f"; {n:,} more {what + ' ' if what else ''}not shown" if n > 0 else ""
