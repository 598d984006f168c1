"""Sheets of images with captions: doubtful labels, telling images, evidence, findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.checks.finding import Exhibit, Findings
from imlogit.data.image_set import ImageSet
from imlogit.evaluation.evidence import Evidence, Exemplars
from imlogit.report.pictures.figures import (
    MOST_ROWS,
    as_png,
    drawable,
    in_own_style,
    new_figure,
    plain,
    short,
)
from imlogit.runs.examine import Doubt, Explanation
from imlogit.runs.predictions import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 8
MOST_DOUBTS = 48
MOST_EXHIBITED = 8
TILE_INCHES = 1.15
CAPTION_INCHES = 0.42
LETTERS_BELOW_AN_IMAGE = 20
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
            f"given {one.given}\nlikely {one.likely}\n"
            f"{_short_file(one.name) or f'row {one.row}'}, p {one.confidence:.2g}",
        )
        for one in doubts[:MOST_DOUBTS]
    ]
    strips = [Strip("", tiles[k : k + ACROSS]) for k in range(0, len(tiles), ACROSS)]
    return contact_sheet("The most doubtful labels, by models that did not see them", strips)


def exemplar_sheet(
    images: ImageSet, kept: Predictions, found: dict[str, Exemplars], n: int = ACROSS
) -> bytes:
    """Draw the most typical, most surprising and least decided test images of each class.

    Of more than ``MOST_ROWS`` classes, the first ones are drawn.
    """
    strips = []
    place = {row: k for k, row in enumerate(kept.test_rows.tolist())}
    for code, (name, of_class) in islice(enumerate(found.items()), MOST_ROWS):
        for kind, words in KINDS.items():
            tiles = [
                Tile(
                    (images.images[row],),
                    f"{_short_file(images.where(row))}\n"
                    f"p {kept.test_probabilities[place[row], code]:.3g}",
                )
                for row in getattr(of_class, kind)[:n].tolist()
            ]
            strips.append(Strip(f"{short(name)}: {words}", tiles))
    return contact_sheet("Test images, with the probability of their own class", strips)


def exhibit_sheet(images: ImageSet, findings: Findings) -> bytes | None:
    """Draw images that show what failed checks found; None where there are none."""
    strips = []
    for finding in findings.failed:
        tiles = (
            [
                Tile(
                    tuple(images.images[row] for _, row in one.rows),
                    f"{_files(one)}\n{one.words}",
                )
                for one in finding.exhibits[
                    : MOST_EXHIBITED // max(len(finding.exhibits[0].rows), 1)
                ]
            ]
            if finding.exhibits
            else []
        )
        if tiles:
            strips.append(Strip(f"{finding.code}: {finding.n_affected:,} in all", tiles))
    return contact_sheet("What the checks found", strips) if strips else None


def _files(one: Exhibit) -> str:
    """Return what a tile calls the images of an exhibit."""
    if one.names:
        return " and ".join(map(_short_file, one.names))
    return " and ".join(f"{part} {row}" for part, row in one.rows)


def _short_file(name: str) -> str:
    """Return a file's own name, which tells images of a class apart."""
    return short(name.rpartition("/")[2])


@in_own_style
def contact_sheet(title: str, strips: Iterable[Strip]) -> bytes:
    """Draw strips of captioned images below each other, as a PNG file."""
    strips = [strip for strip in strips if strip.tiles]
    across = max((sum(len(t.images) for t in s.tiles) for s in strips), default=1)
    down = [_inches(strip) for strip in strips]
    figure = new_figure(max(across * TILE_INCHES, 5.0) + 0.2, sum(down) + 0.6)
    figure.set_layout_engine("none")
    width, height = figure.get_size_inches()
    where = 0.1 / width, 1 - 0.25 / height
    figure.text(*where, plain(title), va="center", fontweight="bold", fontsize=11)
    top = height - 0.5
    for strip, inches in zip(strips, down, strict=True):
        if strip.heading:
            where = 0.1 / width, (top - 0.15) / height
            figure.text(*where, plain(strip.heading), va="center", fontsize=9)
        left = 0.1
        for tile in strip.tiles:
            wide = len(tile.images) * TILE_INCHES
            box = (left + 0.05, top - inches + CAPTION_INCHES, wide - 0.1, TILE_INCHES - 0.1)
            axes = figure.add_axes(_relative(box, width, height))
            axes.imshow(_beside(tile.images), cmap="gray", vmin=0, vmax=255, aspect="equal")
            axes.set_axis_off()
            middle = (left + wide / 2) / width, (top - inches + CAPTION_INCHES) / height
            figure.text(*middle, _caption(tile), ha="center", va="top", fontsize=6.5)
            left += wide
        top -= inches
    return as_png(figure)


@in_own_style
def evidence_figure(found: Explanation) -> bytes:
    """Draw an image, what each pixel adds to the margin, and how the terms add up.

    Returns
    -------
    bytes
        A PNG file.
    """
    evidence, names = found.evidence, [short(name) for name in found.names]
    toward, against = names[evidence.toward], names[evidence.against]
    figure = new_figure(12, 4.2)
    image, places, sums = figure.subplots(1, 3, width_ratios=[1, 1.1, 1.2])
    labelled = "" if found.label is None else f", labelled {short(found.label)}"
    said = f"{short(found.where, 60)}{labelled}: the model says {short(found.predicted)}"
    figure.suptitle(plain(said))
    image.imshow(drawable(found.image), cmap="gray", vmin=0, vmax=255)
    image.set_title("the image", fontsize=10)
    image.set_axis_off()
    terms = evidence.by_place
    largest = float(np.abs(terms).max()) or 1.0
    mapped = places.imshow(terms, cmap="RdBu_r", vmin=-largest, vmax=largest)
    what = "weight x ink" if evidence.pixels.ndim == 2 else "weight x value, all channels"
    places.set_title(plain(f"{what}: red for {toward},\nblue for {against}"), fontsize=10)
    places.set_axis_off()
    figure.colorbar(mapped, ax=places, shrink=0.8)
    _draw_sums(sums, evidence, toward, against)
    return as_png(figure)


def _draw_sums(axes: Axes, evidence: Evidence, toward: str, against: str) -> None:
    """Draw the terms of the margin as bars, the margin last."""
    terms = evidence.by_place
    names = (
        f"pixels for\n{toward}",
        f"pixels for\n{against}",
        "intercept",
        "margin, their sum",
    )
    values = (
        float(terms[terms > 0].sum()),
        float(terms[terms < 0].sum()),
        evidence.intercept,
        evidence.margin,
    )
    # by number: bars of one name would be drawn over each other
    bars = axes.barh(range(4), values, color=["C3" if value > 0 else "C0" for value in values])
    axes.set_yticks(range(4), map(plain, names))
    axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.invert_yaxis()
    axes.axvline(0, color="black", lw=0.8)
    axes.margins(x=0.4)
    axes.set_title("the terms of the margin", fontsize=10)
    axes.set_xlabel(plain(f"log odds of {toward}\nagainst {against}"))


def _caption(tile: Tile) -> str:
    """Return a tile's caption as it is drawn, each line no wider than the tile."""
    most = LETTERS_BELOW_AN_IMAGE * len(tile.images)
    return plain("\n".join(short(line, most) for line in tile.caption.split("\n")))


def _inches(strip: Strip) -> float:
    return TILE_INCHES + CAPTION_INCHES + (0.3 if strip.heading else 0.0)


def _relative(
    box: tuple[float, float, float, float], width: float, height: float
) -> tuple[float, float, float, float]:
    left, bottom, wide, high = box
    return left / width, bottom / height, wide / width, high / height


def _beside(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Set images side by side, with a white line between two."""
    alike = [drawable(image) for image in images]
    line = np.full_like(alike[0][:, :1], 255)
    parts = [part for image in alike for part in (line, image)][1:]
    return np.concatenate(parts, axis=1)
