"""Sheets of images with captions: doubtful labels, telling images, evidence, findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.data import ImageSet
from imlogit.evaluate.checks.finding import Findings
from imlogit.evaluate.evidence import Exemplars
from imlogit.examine import Doubt, Explanation
from imlogit.predictions import Predictions
from imlogit.report.figures import as_png, new_figure

ACROSS = 8
MOST_DOUBTS = 48
# Failed checks show so many of their images, and so many checks.
EXHIBITS = 8
TILE_INCHES = 1.15
CAPTION_INCHES = 0.42
KINDS = {
    "typical": "surest, and right",
    "surprising": "surest, and wrong",
    "undecided": "nearest the boundary",
}


class Tile(NamedTuple):
    """An image, or several side by side, with a caption below."""

    images: tuple[NDArray[np.uint8], ...]
    caption: str


class Strip(NamedTuple):
    """A row of tiles with a heading above."""

    heading: str
    tiles: Sequence[Tile]


def doubt_sheet(images: ImageSet, doubts: Sequence[Doubt]) -> bytes:
    """Draw the most doubtful labels with their images, the most doubtful first."""
    tiles = [
        Tile(
            (images.images[one.row],),
            f"given {one.given}, likely {one.likely}\nrow {one.row}, p {one.confidence:.2g}",
        )
        for one in doubts[:MOST_DOUBTS]
    ]
    strips = [Strip("", tiles[k : k + ACROSS]) for k in range(0, len(tiles), ACROSS)]
    return contact_sheet("The most doubtful labels, by models that did not see them", strips)


def exemplar_sheet(
    images: ImageSet, kept: Predictions, found: dict[str, Exemplars], n: int = ACROSS
) -> bytes:
    """Draw the most typical, most surprising and least decided test images of each class."""
    strips = []
    for code, (name, of_class) in enumerate(found.items()):
        for kind, words in KINDS.items():
            numbers = getattr(of_class, kind)[:n].tolist()
            tiles = [
                Tile(
                    (images.images[kept.test_rows[k]],),
                    f"test row {k}\np {kept.test_probabilities[k, code]:.3g}",
                )
                for k in numbers
            ]
            strips.append(Strip(f"{name}: {words}", tiles))
    return contact_sheet("Test images, with the probability of their own class", strips)


def exhibit_sheet(images: ImageSet, findings: Findings) -> bytes | None:
    """Draw images that show what failed checks found; None where there are none."""
    strips = []
    for finding in findings.failed:
        tiles = (
            [
                Tile(
                    tuple(images.images[row] for _, row in one.rows),
                    "\n".join([" and ".join(f"{part} {row}" for part, row in one.rows), one.words]),
                )
                for one in finding.exhibits[: EXHIBITS // max(len(finding.exhibits[0].rows), 1)]
            ]
            if finding.exhibits
            else []
        )
        if tiles:
            strips.append(Strip(f"{finding.code}: {finding.n_affected:,} in all", tiles))
    return contact_sheet("What the checks found", strips) if strips else None


def contact_sheet(title: str, strips: Iterable[Strip]) -> bytes:
    """Draw strips of captioned images below each other, as a PNG file."""
    strips = [strip for strip in strips if strip.tiles]
    across = max((sum(len(t.images) for t in s.tiles) for s in strips), default=1)
    down = [_inches(strip) for strip in strips]
    figure = new_figure(max(across * TILE_INCHES, 5.0) + 0.2, sum(down) + 0.6)
    figure.set_layout_engine("none")
    width, height = figure.get_size_inches()
    figure.text(0.1 / width, 1 - 0.25 / height, title, va="center", fontweight="bold", fontsize=11)
    top = height - 0.5
    for strip, inches in zip(strips, down, strict=True):
        if strip.heading:
            figure.text(0.1 / width, (top - 0.15) / height, strip.heading, va="center", fontsize=9)
        left = 0.1
        for tile in strip.tiles:
            wide = len(tile.images) * TILE_INCHES
            box = (left + 0.05, top - inches + CAPTION_INCHES, wide - 0.1, TILE_INCHES - 0.1)
            axes = figure.add_axes(_relative(box, width, height))
            axes.imshow(_beside(tile.images), cmap="gray", vmin=0, vmax=255, aspect="equal")
            axes.set_axis_off()
            middle = (left + wide / 2) / width, (top - inches + CAPTION_INCHES) / height
            figure.text(*middle, tile.caption, ha="center", va="top", fontsize=6.5)
            left += wide
        top -= inches
    return as_png(figure)


def evidence_figure(found: Explanation) -> bytes:
    """Draw an image, what each pixel adds to the margin, and how the terms add up.

    Returns
    -------
    bytes
        A PNG file.
    """
    evidence, names = found.evidence, found.names
    toward, against = names[evidence.toward], names[evidence.against]
    figure = new_figure(12, 4.2)
    shown, drawn, sums = figure.subplots(1, 3, width_ratios=[1, 1.1, 1.2])
    shown.imshow(_drawable(found.image), cmap="gray", vmin=0, vmax=255)
    figure.suptitle(
        f"Test row {found.number}, labelled {found.label}: the model says {found.predicted}"
    )
    shown.set_title("the image", fontsize=10)
    shown.set_axis_off()
    pixels = evidence.pixels if evidence.pixels.ndim == 2 else evidence.pixels.sum(axis=2)
    largest = float(np.abs(pixels).max()) or 1.0
    mapped = drawn.imshow(pixels, cmap="RdBu_r", vmin=-largest, vmax=largest)
    drawn.set_title(f"weight x ink: red for {toward}, blue for {against}", fontsize=10)
    drawn.set_axis_off()
    figure.colorbar(mapped, ax=drawn, shrink=0.8)
    terms = {
        f"pixels for {toward}": float(evidence.pixels[evidence.pixels > 0].sum()),
        f"pixels for {against}": float(evidence.pixels[evidence.pixels < 0].sum()),
        "intercept": evidence.intercept,
        "margin, their sum": evidence.margin,
    }
    colours = ["C3" if value > 0 else "C0" for value in terms.values()]
    bars = sums.barh(list(terms), list(terms.values()), color=colours)
    sums.bar_label(bars, fmt="%.3f", padding=3)
    sums.invert_yaxis()
    sums.axvline(0, color="black", lw=0.8)
    sums.margins(x=0.4)
    sums.set_title("the terms of the margin", fontsize=10)
    sums.set_xlabel(f"log odds of {toward} against {against}")
    return as_png(figure)


def _inches(strip: Strip) -> float:
    return TILE_INCHES + CAPTION_INCHES + (0.3 if strip.heading else 0.0)


def _relative(
    box: tuple[float, float, float, float], width: float, height: float
) -> tuple[float, float, float, float]:
    left, bottom, wide, high = box
    return left / width, bottom / height, wide / width, high / height


def _beside(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Set images side by side, with a white line between two."""
    drawable = [_drawable(image) for image in images]
    line = np.full_like(drawable[0][:, :1], 255)
    parts = [part for image in drawable for part in (line, image)][1:]
    return np.concatenate(parts, axis=1)


def _drawable(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as grey or RGB: with other numbers of channels, their mean."""
    if image.ndim == 2 or image.shape[2] == 3:
        return image
    grey: NDArray[np.uint8] = np.rint(image.mean(axis=2)).astype(np.uint8)
    return grey
