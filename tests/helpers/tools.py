"""Libraries that only some tests need."""

import importlib

import pytest

from helpers.engines import ALL_REQUIRED


def need(name):
    """Import a library, or skip the test where it is missing and may be."""
    return importlib.import_module(name) if ALL_REQUIRED else pytest.importorskip(name)
