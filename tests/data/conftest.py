"""What the data tests share: a cache of their own, and the stand-in for the network."""

import warnings

import pytest

from helpers.mirror_server import StandIn


@pytest.fixture(autouse=True)
def cache_home(monkeypatch, tmp_path):
    """Give each test an empty cache, and none of the user's settings."""
    home = tmp_path / "cache"
    monkeypatch.setenv("IMLOGIT_CACHE", str(home))
    for name in ("IMLOGIT_DATA", "IMLOGIT_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def standin(monkeypatch, tmp_path):
    with StandIn(tmp_path) as server:
        server.stand_for_openml(monkeypatch)
        yield server


@pytest.fixture
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
