"""The data of `benchmarks.shapes`, made from seeds by blocks, so that little memory is needed.

Everything is written to a ``.npy`` file, which the processes that fit then read or map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from PIL import Image

from benchmarks.common import mnist

SEED = 20
LABEL_NOISE = 0.1
# How far class means lie apart, in standard deviations of a class.
APART = 5.0
BLOCK = 4096
# Photos are sums of so many waves a side and channel: what makes them smooth.
WAVES = 12
FILTER, GRID, POOL = 8, 4, 5
# Classes of so many images can do without a few.
PLENTY = 50
# By how many pixels copies of digits are shifted at most.
SHIFT = 2


@dataclass(frozen=True)
class Shape:
    """One shape of data: how it is made, how it is fitted, who else fits it, and the bar.

    ``near`` is how far above ours an objective still counts as equal; by default ``tol``.
    """

    name: str
    kind: str
    n: int
    d: int
    classes: int
    bar: str
    C: float = 1.0
    tol: float = 1e-6
    near: float = 0.0
    peers: tuple[str, ...] = ()
    folds: int = 0
    mapped: bool = False

    @property
    def equal(self) -> float:
        """The share above our objective up to which another counts as equal."""
        return self.near or self.tol

    @property
    def quick(self) -> Shape:
        """The same with few rows, features and classes, and one peer at most."""
        classes = self.classes if self.kind == "patches" else min(self.classes, 6)
        d = 192 if self.kind == "photos" else 128
        peers = self.peers[:1] if self.folds else ()
        few = {"n": 160, "d": d, "classes": classes, "folds": min(self.folds, 2)}
        return replace(self, **few, peers=peers)


def make(shape: Shape, place: Path, *, quick: bool = False) -> None:
    """Write ``rows.npy`` and ``codes.npy`` of a shape into a folder."""
    MAKERS[shape.kind](shape, place, quick)


def rows_of(place: Path, shape: Shape, *, mapped: bool = False) -> tuple[Any, Any]:
    """Return the rows and codes of a shape, from a folder where they were made."""
    rows = np.load(place / "rows.npy", mmap_mode="r")[: shape.n]
    codes = np.load(place / "codes.npy")[: shape.n]
    return (rows if mapped else np.array(rows)), codes


def noisy(codes: Any, classes: int, rng: Any) -> Any:
    """Give a tenth of the labels another class."""
    wrong = rng.random(len(codes)) < LABEL_NOISE
    other = rng.integers(1, classes, len(codes))
    return np.where(wrong, (codes + other) % classes, codes)


def in_turn(shape: Shape, rng: Any) -> Any:
    """Return codes, all classes of the same size, in random order."""
    return rng.permutation(np.arange(shape.n) % shape.classes)


def embeddings(shape: Shape, place: Path, quick: bool) -> None:  # noqa: ARG001
    """Features of a network: Gaussian classes, eigenvalues in proportion to 1/k, any mean."""
    rng = np.random.default_rng(SEED)
    spread = 1 / np.sqrt(np.arange(1, shape.d + 1))
    spread *= np.sqrt(shape.d / (spread**2).sum())
    rotation, _ = np.linalg.qr(rng.standard_normal((shape.d, shape.d)))
    turn = (spread[:, None] * rotation).astype(np.float32)
    centres = rng.standard_normal((shape.classes, shape.d)) * APART / np.sqrt(2 * shape.d)
    middle = rng.standard_normal(shape.d).astype(np.float32)
    codes = in_turn(shape, rng)
    rows = open_memmap(place / "rows.npy", "w+", np.float32, (shape.n, shape.d))
    for first in range(0, shape.n, BLOCK):
        of = codes[first : first + BLOCK]
        drawn = rng.standard_normal((len(of), shape.d), dtype=np.float32)
        rows[first : first + BLOCK] = (drawn + centres[of].astype(np.float32)) @ turn + middle
    np.save(place / "codes.npy", noisy(codes, shape.classes, rng))


def draw_photos(codes: Any, classes: int, side: int) -> Any:
    """Return smooth random colour images, each around the one of its class."""
    rng = np.random.default_rng(SEED)
    k = np.arange(WAVES)
    waves = np.cos(np.pi * (np.arange(side) + 0.5)[:, None] * k / side)
    fade = 1 / (1.0 + k[:, None] + k)[..., None]
    centres = rng.standard_normal((classes, WAVES, WAVES, 3)) * fade
    photos = np.empty((len(codes), side, side, 3), np.uint8)
    for first in range(0, len(codes), 256):
        of = codes[first : first + 256]
        drawn = rng.standard_normal((len(of), WAVES, WAVES, 3)) * fade + 0.4 * centres[of]
        smooth = np.einsum("yk,nklc,xl->nyxc", waves, drawn, waves, optimize=True)
        grain = rng.normal(0, 4, smooth.shape)
        photos[first : first + 256] = np.clip(110 + 35 * smooth + grain, 0, 255)
    return photos


def photos(shape: Shape, place: Path, quick: bool) -> None:  # noqa: ARG001
    """Photos as rows of uint8."""
    rng = np.random.default_rng(SEED + 1)
    codes = in_turn(shape, rng)
    drawn = draw_photos(codes, shape.classes, round((shape.d / 3) ** 0.5))
    np.save(place / "rows.npy", drawn.reshape(shape.n, -1))
    np.save(place / "codes.npy", noisy(codes, shape.classes, rng))


def patches(shape: Shape, place: Path, quick: bool) -> None:
    """Responses of MNIST to patches of itself, rectified, pooled over a grid, as uint8."""
    digits = mnist(quick=quick)
    images, codes = digits.rows[: shape.n].reshape(-1, 28, 28), digits.digits[: shape.n]
    rng = np.random.default_rng(SEED)
    which = rng.integers(0, len(images), shape.d // GRID**2)
    at = rng.integers(0, 28 - FILTER, (len(which), 2))
    cut = [images[i, y : y + FILTER, x : x + FILTER] for i, (y, x) in zip(which, at, strict=True)]
    filters = normalised(np.reshape(cut, (len(which), -1)).astype(np.float32))
    rows = open_memmap(place / "rows.npy", "w+", np.uint8, (len(images), shape.d))
    most: Any = None
    for first in range(0, len(images), 200):
        found = pooled(images[first : first + 200], filters)
        most = found.max(axis=0) + 1e-3 if most is None else most
        rows[first : first + 200] = np.clip(255 * found / most, 0, 255)
    np.save(place / "codes.npy", codes)


def normalised(rows: Any) -> Any:
    """Return patches of mean zero and norm one, flat ones near zero."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    return centred / (np.linalg.norm(centred, axis=1, keepdims=True) + 10)


def pooled(images: Any, filters: Any) -> Any:
    """Return the rectified responses at all places, added up over a grid."""
    side = GRID * POOL
    windows = np.lib.stride_tricks.sliding_window_view(images, (FILTER, FILTER), (1, 2))
    seen = windows[:, :side, :side].reshape(-1, FILTER**2).astype(np.float32)
    found = np.maximum(normalised(seen) @ filters.T - 0.1, 0)
    return (
        found.reshape(len(images), GRID, POOL, GRID, POOL, -1)
        .sum(axis=(2, 4))
        .reshape(len(images), -1)
    )


def copies(shape: Shape, place: Path, quick: bool) -> None:
    """Repeat MNIST, all but the first copy shifted at random; "2" against the rest."""
    digits = mnist(quick=quick)
    width = 28 + 2 * SHIFT
    rng = np.random.default_rng(SEED)
    images = digits.rows.reshape(-1, 28, 28)
    wide = np.zeros((len(images), width, width), np.uint8)
    wide[:, SHIFT:-SHIFT, SHIFT:-SHIFT] = images
    windows = np.lib.stride_tricks.sliding_window_view(wide, (28, 28), (1, 2))
    rows = open_memmap(place / "rows.npy", "w+", np.uint8, (shape.n, 784))
    for first in range(0, shape.n, len(images)):
        y, x = rng.integers(0, 2 * SHIFT + 1, (2, len(images))) if first else (SHIFT, SHIFT)
        moved = windows[np.arange(len(images)), y, x].reshape(-1, 784)
        rows[first : first + len(images)] = moved[: shape.n - first]
    times = -(-shape.n // len(images))
    np.save(place / "codes.npy", np.tile(digits.y.astype(np.intp), times)[: shape.n])


def write_photos(place: Path, n: int, classes: int, side: int) -> None:
    """Write photos as PNG files, a folder for each class."""
    codes = np.arange(n) % classes
    labels = codes
    if n >= PLENTY * classes:  # else a class might be left with too few for its folds
        labels = noisy(codes, classes, np.random.default_rng(SEED))
    for number, image in enumerate(draw_photos(codes, classes, side)):
        folder = place / f"class-{labels[number]:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number:05d}.png")


MAKERS: dict[str, Callable[[Shape, Path, bool], None]] = {
    "embeddings": embeddings,
    "photos": photos,
    "patches": patches,
    "copies": copies,
}
