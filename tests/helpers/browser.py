"""Headless Chromium, and pages in it that may ask for nothing."""

import contextlib
import os
import shutil
from importlib.util import find_spec

import pytest

from helpers.engines import ALL_REQUIRED

NAMES = "chromium", "chromium-browser", "google-chrome"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP, PHONE = (1280, 800), (390, 844)


def chromium_path():
    """Return where Chromium is, or None."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


# Of a module: while it is open, its thread has a running event loop, which others would meet.
@pytest.fixture(scope="module")
def browser():
    """A browser that is open as long as the tests of a module."""
    path = chromium_path()
    if path is None or not find_spec("playwright"):
        if ALL_REQUIRED:
            pytest.fail("needs playwright and Chromium")
        pytest.skip("needs playwright and Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield found
        found.close()


@contextlib.contextmanager
def open_page(browser, path, size=DESKTOP, *, dark=False, touch=False, scale=1):
    """Open a file, and fail where it says anything on the console or asks for anything else."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        has_touch=touch,
        device_scale_factor=scale,
    )
    said, asked = [], []
    try:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        yield page
        assert said == []
        assert asked == [path.as_uri()]
    finally:
        context.close()
