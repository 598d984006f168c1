"""How long the drawing pad takes to answer while one draws: milliseconds a segment of a stroke."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SEGMENTS, QUICK_SEGMENTS = 300, 20
# A spiral, one segment after the other, each shown before the next.
_DRAW = """(n) => {
  const points = [[0.5, 0.5]];
  const times = [];
  for (let i = 1; i <= n; i++) {
    const [turn, far] = [(20 * i) / n, (0.4 * i) / n];
    points.push([0.5 + far * Math.cos(turn), 0.5 + far * Math.sin(turn)]);
    const began = performance.now();
    imlogit.pad.draw([{ points, width: 0.08 }]);
    times.push(performance.now() - began);
  }
  return times;
}"""


def milliseconds_per_segment(page: Page, *, quick: bool = False) -> list[float]:
    """Draw on the pad of an open page; return how long each segment took until all was shown."""
    times: list[float] = page.evaluate(_DRAW, QUICK_SEGMENTS if quick else SEGMENTS)
    return times
