"""Feature steps as nodes of an ONNX graph, of standard operators.

Whole numbers are convolved in float32 and added up in int32, which hold them exactly; what is
rounded is float64. So the bytes are the model's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.export.plain_features import nearness
from imlogit.system.extras import need

onnx = need("onnx", "onnx", "The format onnx")
FLOAT, DOUBLE, INT32, INT64 = (
    getattr(onnx.TensorProto, name) for name in ("FLOAT", "DOUBLE", "INT32", "INT64")
)
WHITE = 255


@dataclass
class Drawing:
    """Nodes that are drawn one after another, each of which has a name of its own."""

    name: str = "features"
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __call__(self, operator: str, *given: Any, **how: Any) -> str:
        """Add a node, and return what it makes; arrays among its inputs become constants."""
        made = f"{self.name}_{len(self.nodes)}"
        names = [one if isinstance(one, str) else self._constant(one) for one in given]
        self.nodes.append(onnx.helper.make_node(operator, names, [made], **how))
        return made

    def _constant(self, value: Any) -> str:
        name = f"{self.name}_constant_{len(self.constants)}"
        self.constants[name] = np.asarray(value)
        return name


def draw_features(
    draw: Drawing, images: str, shape: tuple[int, ...], steps: Sequence[Mapping[str, Any]]
) -> str:
    """Draw the steps, and return what has their features, float64, a row for each image."""
    values = draw_images(draw, images, shape, steps)
    if not steps or steps[-1]["step"] == "deskew":
        values = draw("Transpose", values, perm=[0, 2, 3, 1])
    return draw("Flatten", values, axis=1)


def draw_images(
    draw: Drawing, images: str, shape: tuple[int, ...], steps: Sequence[Mapping[str, Any]]
) -> str:
    """Draw the steps, and return what the last makes, float64; of images with channels first."""
    height, width = shape[:2]
    channels = int(np.prod(shape[2:], dtype=int))
    apart = draw("Reshape", images, np.array([-1, height, width, channels]))
    values = draw("Cast", draw("Transpose", apart, perm=[0, 3, 1, 2]), to=DOUBLE)
    for step in steps:
        # channels first from here on
        values = _STEPS[step["step"]](draw, values, (channels, height, width), step)
    return values


def _sum(draw: Drawing, values: str, *axes: int, keepdims: bool = False) -> str:
    return draw("ReduceSum", values, np.array(axes), keepdims=int(keepdims))


def _slice(draw: Drawing, values: str, axis: int, start: int, stop: int) -> str:
    return draw("Slice", values, *(np.array([one]) for one in (start, stop, axis)))


def _deskew(draw: Drawing, images: str, shape: tuple[int, ...], step: Mapping[str, Any]) -> str:
    _, height, width = shape
    y, x = np.arange(height), np.arange(width)
    pixels = draw("Squeeze", images, np.array([1]))
    whole = draw("Cast", pixels, to=INT64)
    mass = _sum(draw, whole, 2)
    moment = _sum(draw, draw("Mul", whole, x), 2)
    by_row = (draw("Mul", one, by) for one, by in ((mass, y), (mass, y * y), (moment, y)))
    total, across, down, squares, products = (
        draw("Cast", _sum(draw, one, 1, keepdims=True), to=DOUBLE)
        for one in (mass, moment, *by_row)
    )
    spread, along = (
        draw("Sub", draw("Mul", total, a), draw("Mul", down, b))
        for a, b in ((squares, down), (products, across))
    )
    most = np.array(step["most_slant"])
    slant = draw("Div", along, draw("Max", spread, np.array(1.0)))
    # an image of one row or of nothing has neither
    slant = draw("Mul", slant, draw("Cast", draw("Greater", spread, np.array(0.0)), to=DOUBLE))
    slant = draw("Max", draw("Min", slant, most), -most)
    lit = draw("Max", total, np.array(1.0))
    middle, height_of = (draw("Div", one, lit) for one in (across, down))
    away = draw("Sub", middle, np.array((width - 1) / 2))
    away = draw("Sub", away, draw("Mul", slant, height_of))
    is_lit = draw("Cast", draw("Greater", total, np.array(0.0)), to=DOUBLE)
    moves = draw("Add", draw("Mul", away, is_lit), draw("Mul", slant, y.astype(float)))
    return _moved(draw, pixels, draw("Unsqueeze", moves, np.array([2])), x)


def _moved(draw: Drawing, pixels: str, moves: str, x: NDArray[Any]) -> str:
    """Draw each row moved left, between two pixels, with nothing beyond the edges."""
    left = draw("Floor", moves)
    edged = draw("Pad", pixels, np.array([0, 0, 1, 0, 0, 1]))
    at = draw("Add", draw("Cast", left, to=INT64), x + 1)
    last = np.array(len(x) + 1)
    one, other = (
        draw("GatherElements", edged, draw("Clip", places, np.array(0), last), axis=2)
        for places in (at, draw("Add", at, np.array(1)))
    )
    change = draw("Mul", draw("Sub", other, one), draw("Sub", moves, left))
    made = draw("Floor", draw("Add", draw("Add", one, change), np.array(0.5)))
    return draw("Unsqueeze", made, np.array([1]))


def _hog(draw: Drawing, images: str, shape: tuple[int, ...], step: Mapping[str, Any]) -> str:
    _, height, width = shape
    votes = _votes(draw, images, shape, step)
    found = []
    for cells in map(int, step["grids"]):
        rows = draw("MatMul", nearness(cells, height), votes)
        counts = draw("MatMul", rows, nearness(cells, width).T.copy())
        counts = draw("Transpose", counts, perm=[0, 3, 4, 1, 2])
        counts = draw("Reshape", counts, np.array([0, cells, cells, -1]))
        found.append(_blocks(draw, counts, cells, step))
    return draw("Concat", *found, axis=1)


def _votes(draw: Drawing, images: str, shape: tuple[int, ...], step: Mapping[str, Any]) -> str:
    """Draw what each pixel adds to each direction, (n, colours, orientations, h, w)."""
    dy, dx = (_differences(draw, images, axis, shape[axis - 1]) for axis in (2, 3))
    square = draw("Add", draw("Mul", dy, dy), draw("Mul", dx, dx))
    if not step["each_colour"]:
        strongest = draw("ArgMax", square, axis=1, keepdims=1)
        dy, dx, square = (
            draw("GatherElements", one, strongest, axis=1) for one in (dy, dx, square)
        )
    n = step["orientations"]
    turn = n if step["signed"] else 2 * n
    corner = np.arange(WHITE + 1)
    angles = np.arctan2(corner[:, None], corner) * (turn / (2 * np.pi))
    row, column = (draw("Cast", draw("Abs", one), to=INT64) for one in (dy, dx))
    at = draw("Add", draw("Mul", row, np.array(WHITE + 1)), column)
    quarter = draw("Gather", angles.ravel(), at)
    none = np.array(0.0)
    half = draw("Sub", np.array(turn / 2), quarter)
    upper = draw("Where", draw("Less", dx, none), half, quarter)
    lower = draw("Sub", np.array(float(n)), upper)
    places = draw("Where", draw("Less", dy, none), lower, upper)
    away = draw("Sub", draw("Unsqueeze", places, np.array([2])), np.arange(n)[:, None, None] * 1.0)
    size = draw("Unsqueeze", draw("Sqrt", square), np.array([2]))
    # the first direction is also the one after the last
    near, again = (
        draw("Max", draw("Sub", np.array(1.0), draw("Abs", one)), none)
        for one in (away, draw("Sub", away, np.array(float(n))))
    )
    return draw("Mul", size, draw("Add", near, again))


def _differences(draw: Drawing, images: str, axis: int, side: int) -> str:
    after, before = (
        draw("Gather", images, np.clip(np.arange(side) + move, 0, side - 1), axis=axis)
        for move in (1, -1)
    )
    return draw("Sub", after, before)


def _blocks(draw: Drawing, counts: str, cells: int, step: Mapping[str, Any]) -> str:
    """Draw every block of four cells over its norm, as bytes, a row for each image."""
    parts = []
    for v in (0, 1):
        rows = _slice(draw, counts, 1, v, cells - 1 + v)
        parts += [_slice(draw, rows, 2, u, cells - 1 + u) for u in (0, 1)]
    block = draw("Concat", *(draw("Unsqueeze", one, np.array([3])) for one in parts), axis=3)
    square = _sum(draw, draw("Mul", block, block), 3, 4, keepdims=True)
    norm = draw("Sqrt", draw("Add", square, np.array(step["least_norm"] ** 2)))
    part = draw("Div", block, draw("Mul", norm, np.array(step["clip"])))
    root = draw("Sqrt", draw("Min", part, np.array(1.0)))
    made = draw("Floor", draw("Add", draw("Mul", root, np.array(255.0)), np.array(0.5)))
    return draw("Flatten", made, axis=1)


def _patches(draw: Drawing, images: str, shape: tuple[int, ...], step: Mapping[str, Any]) -> str:
    channels, size = shape[0], step["size"]
    filters = step["filters"].reshape(-1, size, size, channels).transpose(0, 3, 1, 2)
    pixels = draw("Cast", images, to=FLOAT)
    products = draw("Conv", pixels, filters.astype(np.float32))
    units = draw("Cast", _units(draw, images, channels, step), to=FLOAT)
    whole = draw("Cast", draw("Mul", products, units), to=INT32)
    offsets = step["offsets"].reshape(-1, 1, 1).astype(np.int32)
    threshold, none = np.int32(step["threshold"]), np.array(0, np.int32)
    above = draw("Max", draw("Sub", whole, offsets + threshold), none)
    below = draw("Max", draw("Sub", offsets - threshold, whole), none)
    sums = draw("Concat", *(_pooled(draw, one, step) for one in (above, below)), axis=1)
    squares = draw(
        "Mul", draw("Cast", sums, to=DOUBLE), step["factors"].transpose(2, 0, 1).astype(float)
    )
    squares = draw("Cast", draw("Cast", squares, to=FLOAT), to=DOUBLE)
    root = draw("Add", draw("Sqrt", squares), np.array(0.5))
    made = draw("Floor", draw("Min", root, np.array(float(WHITE))))
    return draw("Transpose", made, perm=[0, 2, 3, 1])


def _units(draw: Drawing, images: str, channels: int, step: Mapping[str, Any]) -> str:
    """Draw what each place's products are multiplied by, (n, 1, rows, columns)."""
    squares = draw("Mul", images, images)
    # in two digits, whose sums float32 holds
    high = draw("Floor", draw("Mul", squares, np.array(1 / 256)))
    low = draw("Sub", squares, draw("Mul", high, np.array(256.0)))
    size = step["size"]
    ones = np.ones((1, channels, size, size), np.float32)
    total, high, low = (
        draw("Cast", draw("Conv", draw("Cast", one, to=FLOAT), ones), to=DOUBLE)
        for one in (images, high, low)
    )
    sums = draw("Add", draw("Mul", high, np.array(256.0)), low)
    length = np.array(float(size * size * channels))
    spread = draw("Sub", draw("Mul", sums, length), draw("Mul", total, total))
    root = draw("Sqrt", draw("Add", spread, np.array(float(step["added"]))))
    return draw("Div", np.array(float(step["unit"])), root)


def _pooled(draw: Drawing, values: str, step: Mapping[str, Any]) -> str:
    """Draw the sums over the cells, (n, filters, grid, grid)."""
    for axis, borders in ((2, step["rows"]), (3, step["columns"])):
        cells = [
            _sum(draw, _slice(draw, values, axis, int(start), int(stop)), axis, keepdims=True)
            for start, stop in pairwise(borders)
        ]
        values = draw("Concat", *cells, axis=axis)
    return values


_STEPS = {"deskew": _deskew, "hog": _hog, "patches": _patches}
