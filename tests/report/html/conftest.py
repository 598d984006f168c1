"""What the tests of pages share."""

from helpers.browser import browser

__all__ = ["browser"]
