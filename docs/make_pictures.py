"""Make the pictures of the README, of pages as Chromium shows them.

    python docs/make_pictures.py

It takes the embedded images, and playwright with Chromium (the extra ``test``). All pictures
together stay below 300 kB; look at them before you commit them.
"""

from __future__ import annotations

import io
import math
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = Path(__file__).resolve().parent / "pictures"
NAMES = "chromium", "chromium-browser", "google-chrome"
DESKTOP = {"width": 1000, "height": 680}
# Sharp on most screens; of so many colours letters have smooth edges, and a picture is small.
SCALE, COLOURS = 1.5, 64
MARGIN = 16


def main() -> None:
    """Write every picture, in light and in dark."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        two, ten = (report(Path(home, name), every_class=name == "ten") for name in ("two", "ten"))
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM")
            or next(filter(None, map(shutil.which, NAMES)))
        )
        for scheme in ("light", "dark"):
            write(f"report-{scheme}", shown(browser, two, scheme))
            write(f"pad-{scheme}", shown(browser, ten, scheme, drawn=True))
        browser.close()


def report(out: Path, **options: Any) -> Path:
    """Train on the embedded images, and return the page of the run."""
    import imlogit
    from imlogit.report.run_folder import write_run

    return write_run(imlogit.train("mnist-5k", **options), out) / "report.html"


def shown(browser: Browser, path: Path, scheme: Any, *, drawn: bool = False) -> bytes:
    """Return how a page looks, from its top, or its pad with a digit drawn on it."""
    context = browser.new_context(viewport=DESKTOP, color_scheme=scheme, device_scale_factor=SCALE)
    page = context.new_page()
    page.goto(path.as_uri())
    picture = of_pad(page) if drawn else page.screenshot()
    context.close()
    return picture


def of_pad(page: Page) -> bytes:
    """Draw a two, and return the pad with what is said of it."""
    page.evaluate(
        "(points) => imlogit.pad.draw([{ points, width: 0.09 }])", [list(one) for one in a_two()]
    )
    box = page.locator("#pad").bounding_box()
    assert box is not None
    left, top = max(0.0, box["x"] - MARGIN), max(0.0, box["y"] - MARGIN)
    size = {"width": box["width"] + 2 * MARGIN, "height": box["height"] + 2 * MARGIN}
    return page.screenshot(clip={"x": left, "y": top, **size}, full_page=True)


def a_two() -> list[tuple[float, float]]:
    """Return the points of a handwritten two: an arc, a slope to the left, a foot."""
    arc = [
        (0.5 - 0.2 * math.cos(turn), 0.36 - 0.17 * math.sin(turn))
        for turn in (0.1 + 0.2 * k for k in range(17))
    ]
    return [*arc, (0.6, 0.55), (0.45, 0.7), (0.3, 0.83), (0.5, 0.81), (0.75, 0.82)]


def write(name: str, picture: bytes) -> None:
    """Keep a picture, in few colours."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    few = image.quantize(COLOURS, dither=Image.Dither.NONE)
    PICTURES.mkdir(exist_ok=True)
    few.save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
