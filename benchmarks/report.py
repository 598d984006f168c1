"""The page of a run and its drawing pad, against what was promised of them.

``python -m benchmarks.report`` needs all 70,000 images of MNIST, and for the page and the pad
Chromium with the test dependencies. ``--quick`` takes few folds of embedded images.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.common import arguments, parse, seconds, show, table
from benchmarks.pad import milliseconds_per_segment
from benchmarks.warm import helper

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PARTS = ("runs", "page", "pad")
# What was promised: seconds, bytes and milliseconds.
WHOLE, PART, EMBEDDED, INSTALLED = 8.0, 2.5, 4.0, 7.0
BYTES, PAINT, SEGMENT = 3_000_000, 300.0, 16.0
EMBEDDED_RUN = "imlogit train, the embedded images"
# The share of segments that may take longer than what is printed beside the median.
SLOWEST = 0.95
PAINTED = """() => new Promise((found) => new PerformanceObserver((list, observer) => {
  const [paint] = list.getEntriesByName("first-contentful-paint");
  if (paint) { observer.disconnect(); found(paint.startTime); }
}).observe({ type: "paint", buffered: true }))"""


class Figure(NamedTuple):
    """A figure, and the most that it may be."""

    what: str
    value: float
    most: float
    unit: str = ""

    def cells(self) -> tuple[str, str, str, str]:
        """Return what a table says of it."""
        texts = (f"{_digits(one)} {self.unit}".strip() for one in (self.value, self.most))
        return self.what, *texts, "yes" if self.value <= self.most else "NO"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


class Opened(NamedTuple):
    """A page in a browser, what it said on the console, and what it asked for beside itself."""

    page: Page
    said: list[str]
    asked: list[str]


def main() -> None:
    """Print the tables."""
    asked = parse(arguments("report", PARTS), PARTS)
    with tempfile.TemporaryDirectory() as home:
        place = Path(home)
        os.environ["IMLOGIT_CACHE"] = str(place / "cache")
        first, run = seconds(lambda: train(place / "run", "mnist-5k", quick=asked.quick), runs=1)
        if "runs" in asked.parts:
            found = [Figure(EMBEDDED_RUN, first, EMBEDDED, "s"), page_part(run)]
            if not asked.quick:
                found, run = of_runs(place)
            show(in_table("Runs with all checks and the page", found))
        if {"page", "pad"} & set(asked.parts):
            with opened_browser() as browser:
                if "page" in asked.parts:
                    show(in_table("The page", of_page(browser, run / "report.html")))
                if "pad" in asked.parts:
                    found = of_pad(browser, run / "report.html", quick=asked.quick)
                    show(in_table("The drawing pad, a segment of a stroke", found))


def in_table(title: str, figures: list[Figure]) -> Any:
    """Return figures as a table."""
    new = table(title, "what", "figure", "promised", "kept")
    for one in figures:
        new.add_row(*one.cells())
    return new


def of_runs(place: Path) -> tuple[list[Figure], Path]:
    """Time `imlogit train`, and what of it goes into the page; return a run on MNIST, too."""
    numbers = count()
    new = {
        name: str(place / f"new-{name}")
        for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR", "IMLOGIT_CACHE")
    }
    embedded, _ = seconds(lambda: train(place / f"embedded-{next(numbers)}", "mnist-5k"))
    first, _ = seconds(lambda: train(place / "first", "mnist-5k", **new), runs=1)
    run = train(place / "mnist", "mnist")
    cached, _ = seconds(lambda: train(place / f"mnist-{next(numbers)}", "mnist"))
    found = [
        Figure(EMBEDDED_RUN, embedded, EMBEDDED, "s"),
        Figure("the same, the first time after installation", first, INSTALLED, "s"),
        Figure("imlogit train mnist, once it is cached", cached, WHOLE, "s"),
        page_part(run),
    ]
    return found, run


def page_part(run: Path) -> Figure:
    """Time what makes the page of what a run holds, the first time in a process."""
    from imlogit.report.html.content import content_in
    from imlogit.report.html.page import page_of

    content = content_in(run)
    took, _ = seconds(lambda: page_of(content).encode(), runs=1)
    return Figure(f"the page's part of a run on {content.images.name}", took, PART, "s")


def train(out: Path, source: str, *, quick: bool = False, **environment: str) -> Path:
    """Run `imlogit train` in a process of its own, and return its folder."""
    command = [sys.executable, "-m", "imlogit", "train", source, "--out", str(out)]
    few = ["--folds", "2", "--c", "1e-3"] if quick else []
    subprocess.run([*command, *few], env=os.environ | environment, capture_output=True, check=True)
    return out


def of_page(browser: Browser, path: Path) -> list[Figure]:
    """Measure a page: its size, its first paint, and what is wrong with it in any way to look."""
    from axe_playwright_python.sync_playwright import Axe
    from html5lib import HTMLParser

    parser = HTMLParser()
    parser.parse(path.read_text(encoding="utf-8"))
    looks = helper("browser")
    said = asked = violations = 0
    paints = []
    for size in (looks.DESKTOP, looks.PHONE):
        for dark in (False, True):
            with opened(browser, path, size, dark=dark) as one:
                paints.append(one.page.evaluate(PAINTED))
                violations += Axe().run(one.page).violations_count
            said, asked = said + len(one.said), asked + len(one.asked)
    return [
        Figure("bytes", path.stat().st_size, BYTES),
        Figure("first paint from file, the slowest of four", max(paints), PAINT, "ms"),
        Figure("requests, two sizes and two colour schemes", asked, 0),
        Figure("words on the console", said, 0),
        Figure("violations of accessibility that axe-core finds", violations, 0),
        Figure("errors of HTML that html5lib finds", len(parser.errors), 0),
    ]


def of_pad(browser: Browser, path: Path, *, quick: bool) -> list[Figure]:
    """Measure how long the pad takes from a segment of a stroke until all is shown."""
    found, looks = [], helper("browser")
    for name, size in (("desktop", looks.DESKTOP), ("phone", looks.PHONE)):
        with opened(browser, path, size) as one:
            times = milliseconds_per_segment(one.page, quick=quick)
        median, slow = np.quantile(times, [0.5, SLOWEST])
        found.append(Figure(f"{name}: median", median, SEGMENT, "ms"))
        found.append(Figure(f"{name}: {SLOWEST:.0%} take at most", slow, SEGMENT, "ms"))
    return found


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """Open headless Chromium as the tests do."""
    from playwright.sync_api import sync_playwright

    looks = helper("browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=looks.chromium_path(), args=list(looks.FLAGS)
        )
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser, path: Path, size: tuple[int, int], *, dark: bool = False
) -> Iterator[Opened]:
    """Open a file in a new window, and take note of what it says and asks for."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield Opened(page, said, asked)
    context.close()
    asked.remove(path.as_uri())


if __name__ == "__main__":
    main()
