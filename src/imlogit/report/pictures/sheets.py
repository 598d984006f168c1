"""Sheets of images with captions: doubtful labels, telling images, evidence, findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.checks.finding import Exhibit, Findings
from imlogit.data.image_set import ImageSet
from imlogit.evaluation.evidence import Evidence, Exemplars
from imlogit.report.pictures.figures import coloured, draw_scale
from imlogit.report.pictures.letters import plain
from imlogit.report.pictures.page import (
    EDGE,
    QUIET,
    SMALL_POINTS,
    WHITE,
    Page,
    fitting,
    framed,
    in_own_style,
    more_not_shown,
    stretched,
)
from imlogit.runs.doubts import Doubt
from imlogit.runs.examine import Explanation
from imlogit.runs.predictions import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 8
MOST_DOUBTS = 40
MOST_STRIPS = 5
HEAD, LINE = 60, 14
TILE, TILE_HEIGHT, HEADING = 120, 104, 24
# Of telling images.
MOST_CLASSES, PER_KIND = 10, 4
MOST_TELLING_ROWS, TELLING_HEIGHT = 2, 900
CLASS_ROOM, TELLING_TILE, TELLING_GAP = 110, 69, 14
KINDS = {
    "typical": "surest, and right",
    "surprising": "surest, and wrong",
    "undecided": "nearest the boundary",
}
PANEL = 300
FOR, AGAINST = "#b2182b", "#2166ac"
MOST_PROBABILITIES = 3


class Tile(NamedTuple):
    """An image, or several side by side, with lines of a caption below."""

    images: tuple[NDArray[np.uint8], ...]
    caption: tuple[str, ...]


class Strip(NamedTuple):
    """A row of tiles with a heading above."""

    heading: str
    tiles: Sequence[Tile]


def doubt_sheet(
    images: ImageSet, doubts: Sequence[Doubt], n: int = MOST_DOUBTS, white: float = WHITE
) -> bytes:
    """Draw the ``n`` most doubtful labels with their images, the most doubtful first.

    More than ``MOST_DOUBTS`` are not drawn, which is said.
    """
    asked = doubts[:n]
    tiles = [
        Tile(
            (stretched(images.images[one.row], white),),
            (
                f"given {one.given}",
                f"suggested {one.suggested}",
                _short_file(one.file) or f"row {one.row}",
                f"p {one.p_given:.2g}",
            ),
        )
        for one in asked[:MOST_DOUBTS]
    ]
    strips = [Strip("", tiles[k : k + ACROSS]) for k in range(0, len(tiles), ACROSS)]
    note = "by models that did not see them; p: the probability of the class that was given"
    title = f"The {len(asked):,} most doubtful of {len(doubts):,} labels"
    return contact_sheet(title, note + more_not_shown(len(asked) - len(tiles)), strips)


@in_own_style
def exemplar_sheet(
    images: ImageSet, kept: Predictions, found: dict[str, Exemplars], white: float = WHITE
) -> bytes:
    """Draw the most typical, most surprising and least decided test images of each class.

    Of more than ``MOST_CLASSES`` classes the first ones are drawn, and no image twice.
    """
    classes = list(found.items())[:MOST_CLASSES]
    most = max(1, min(MOST_TELLING_ROWS, 2 * MOST_TELLING_ROWS // len(classes)))
    rows_of = [_each_once(one, PER_KIND * most) for _, one in classes]
    down = -(-max(1, *(len(rows) for kinds in rows_of for rows in kinds)) // PER_KIND)
    row_height = min(TELLING_HEIGHT // (down * len(classes)), TELLING_TILE + 2 * LINE + 10)
    group, first = PER_KIND * TELLING_TILE + TELLING_GAP, EDGE + CLASS_ROOM
    more = more_not_shown(len(found) - len(classes), "class", "classes")
    height = HEAD + HEADING + down * len(classes) * row_height + EDGE
    note = f"p: the probability of their own class{more}"
    page = Page(first + len(KINDS) * group, height, "Telling test images", note)
    for k, words in enumerate(KINDS.values()):
        page.write(first + k * group, HEAD, words, fontweight="bold")
    place = {row: k for k, row in enumerate(kept.test_rows.tolist())}
    for code, ((name, of_class), kinds) in enumerate(zip(classes, rows_of, strict=True)):
        top = HEAD + HEADING + code * down * row_height
        page.write(EDGE, top + 6, fitting(name, CLASS_ROOM - 10), fontweight="bold")
        for k, (kind, rows) in enumerate(zip(KINDS, kinds, strict=True)):
            if not rows:
                words = "shown already" if len(getattr(of_class, kind)) else "none"
                page.write(first + k * group, top + 6, words, color=QUIET)
        spots = [(k, *one) for k, rows in enumerate(kinds) for one in enumerate(rows)]
        for k, number, row in spots:
            p = kept.test_probabilities[place[row], code]
            pixels = stretched(images.images[row], white)
            tile = Tile((pixels,), (_short_file(images.where(row)), f"p {p:.2g}"))
            left = first + k * group + number % PER_KIND * TELLING_TILE
            where = left, top + number // PER_KIND * row_height
            _draw_tile(page, where, TELLING_TILE, row_height - 2 * LINE - 8, tile)
    return page.as_png()


def _each_once(found: Exemplars, n: int) -> list[list[int]]:
    """Return at most ``n`` rows of each kind, no row twice."""
    seen: set[int] = set()
    kinds = []
    for kind in KINDS:
        fresh = [row for row in getattr(found, kind).tolist() if row not in seen][:n]
        seen.update(fresh)
        kinds.append(fresh)
    return kinds


def exhibit_sheet(images: ImageSet, findings: Findings, white: float = WHITE) -> bytes | None:
    """Draw images that show what failed checks found; None where there are none."""
    strips = []
    for finding in findings.failed:
        tiles = (
            [
                Tile(
                    tuple(stretched(images.images[row], white) for _, row in one.rows),
                    (_files(one), one.words),
                )
                for one in finding.exhibits[: ACROSS // max(len(finding.exhibits[0].rows), 1)]
            ]
            if finding.exhibits
            else []
        )
        if tiles:
            strips.append(Strip(f"{finding.code}: {finding.n_affected:,} in all", tiles))
    if not strips:
        return None
    more = more_not_shown(len(strips) - MOST_STRIPS, "check", "checks")
    note = f"images that failed checks name{more}"
    return contact_sheet("What the checks found", note, strips[:MOST_STRIPS])


def _files(one: Exhibit) -> str:
    """Return what a tile calls the images of an exhibit."""
    if one.names:
        return " and ".join(map(_short_file, one.names))
    return " and ".join(f"{part} {row}" for part, row in one.rows)


def _short_file(name: str) -> str:
    """Return a file's own name, which tells images of a class apart."""
    return name.rpartition("/")[2]


@in_own_style
def contact_sheet(title: str, note: str, strips: Sequence[Strip]) -> bytes:
    """Draw strips of captioned images below each other, as a PNG file."""
    strips = [strip for strip in strips if strip.tiles]
    across = max((sum(len(t.images) for t in s.tiles) for s in strips), default=1)
    height = HEAD + sum(map(_height, strips)) + EDGE
    page = Page(across * TILE + 2 * EDGE, height, title, note)
    top = HEAD
    for strip in strips:
        below = top
        if strip.heading:
            heading = fitting(strip.heading, page.width - 2 * EDGE)
            page.write(EDGE, top, heading, fontweight="bold")
            below += HEADING
        left = EDGE
        for tile in strip.tiles:
            width = len(tile.images) * TILE
            _draw_tile(page, (left, below), width, TILE_HEIGHT, tile)
            left += width
        top += _height(strip)
    return page.as_png()


def _draw_tile(page: Page, where: tuple[int, int], width: int, height: int, tile: Tile) -> None:
    """Draw images in their frames, and below them the caption, each line within the tile."""
    left, top = where
    page.paint(left, top, framed(tile.images, width - 6, height))
    for line, text in enumerate(tile.caption):
        shown = fitting(text, width - 8, SMALL_POINTS)
        place = left + (width - 6) / 2, top + height + 3 + line * LINE
        page.write(*place, shown, ha="center", fontsize=SMALL_POINTS)


def _height(strip: Strip) -> int:
    lines = max(len(tile.caption) for tile in strip.tiles)
    return TILE_HEIGHT + lines * LINE + 14 + (HEADING if strip.heading else 0)


@in_own_style
def evidence_figure(found: Explanation) -> bytes:
    """Draw an image, what each pixel adds to the margin, and how the terms add up.

    Returns
    -------
    bytes
        A PNG file.
    """
    evidence, names = found.evidence, [fitting(name, 110) for name in found.names]
    toward, against = names[evidence.toward], names[evidence.against]
    labelled = "" if found.label is None else f", labelled {fitting(found.label, 140)}"
    said = f"{fitting(found.where, 420)}{labelled}: the model says {fitting(found.predicted, 140)}"
    page = Page(1000, HEAD + 30 + PANEL + 70, said, _probabilities(found))
    top = HEAD + 30
    what = (
        "by occlusion: what the margin loses" if evidence.by_occlusion else "weight × pixel value"
    )
    if evidence.pixels.ndim == 3 and not evidence.by_occlusion:
        what += ", all channels added up"
    for left, words in ((16, "the image"), (346, what)):
        page.write(left, HEAD + 6, words)
    page.paint(16, top, framed([stretched(found.image, found.white)], PANEL, PANEL))
    terms = evidence.by_place
    largest = float(np.abs(terms).max()) or 1.0
    page.paint(346, top, framed([coloured(terms, largest)], PANEL, PANEL))
    draw_scale(page, top + PANEL + 10, largest, (f"speaks for {toward}", f"for {against}"), 346)
    _draw_sums(page.axes(800, top, 185, PANEL - 10), evidence, toward, against)
    return page.as_png()


def _probabilities(found: Explanation) -> str:
    """Return the highest probabilities that the model gives."""
    order = np.argsort(-found.probabilities, kind="stable")
    shown = order[:MOST_PROBABILITIES].tolist()
    said = (f"{fitting(found.names[code], 140)} {found.probabilities[code]:.3g}" for code in shown)
    return f"probability of {', '.join(said)}{more_not_shown(len(order) - len(shown))}"


def _draw_sums(axes: Axes, evidence: Evidence, toward: str, against: str) -> None:
    """Draw the terms of the margin as bars, the margin last."""
    terms = evidence.by_place
    names = (
        f"pixels for\n{toward}",
        f"pixels for\n{against}",
        "intercept",
        "margin" if evidence.by_occlusion else "margin, their sum",
    )
    values = (
        float(terms[terms > 0].sum()),
        float(terms[terms < 0].sum()),
        evidence.intercept,
        evidence.margin,
    )
    # by number: bars of one name would be drawn over each other
    colours = [FOR if value > 0 else AGAINST for value in values]
    bars = axes.barh(range(4), values, height=0.6, color=colours)
    axes.set_yticks(range(4), map(plain, names))
    axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.invert_yaxis()
    axes.axvline(0, color=QUIET, lw=0.8)
    axes.margins(x=0.65)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(plain(f"log odds of {toward}\nagainst {against}"))
