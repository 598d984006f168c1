"""What a PNG file shows."""

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image


def rgb_of(picture):
    """Return a picture's pixels as RGB."""
    assert picture.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def colours_in(picture):
    """Return how much of a picture is neither black, grey nor white."""
    pixels = rgb_of(picture).astype(int)
    return (np.ptp(pixels, axis=2) > 30).mean()


def _texts(page):
    """What is written on a page, without the numbers of ticks that lie beyond their axes."""
    sides = [side for axes in page.figure.axes for side in (axes.xaxis, axes.yaxis)]
    beyond = [
        tick.label1
        for side in sides
        for tick in side.get_major_ticks()
        if not min(side.get_view_interval()) <= tick.get_loc() <= max(side.get_view_interval())
    ]
    found = page.figure.findobj(lambda one: isinstance(one, Text) and one.get_text())
    return [one for one in found if one not in beyond and one.get_visible()]


def texts_of(page):
    """Return what is written on a page."""
    return [one.get_text() for one in _texts(page)]


def cut_texts_of(page):
    """Return which texts of a page do not lie within it."""
    renderer = FigureCanvasAgg(page.figure).get_renderer()
    boxes = [(one.get_text(), one.get_window_extent(renderer)) for one in _texts(page)]
    return [
        text
        for text, box in boxes
        if box.x0 < 0 or box.y0 < 0 or box.x1 > page.width or box.y1 > page.height
    ]


def lines_of(axes):
    """Return the lines of axes, by their labels, as pairs of coordinates."""
    return {one.get_label(): one.get_data() for one in axes.lines}
