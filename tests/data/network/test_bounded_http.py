"""Whatever a server does, it is over by the deadline, leaves nothing, and the next one answers."""

import inspect
import socket
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sklearn.datasets import _openml

from imlogit.data.network import bounded_http
from imlogit.data.network.download import Patience, from_mirrors
from imlogit.data.network.openml_api import fetch_table
from imlogit.data.readers import mnist
from imlogit.data.readers.openml import _read
from imlogit.data.reading import Reading
from imlogit.errors import DataError, DownloadError

from helpers.hostile_server import BEHAVIOURS, Exchange, HostileServer, honest, redirect
from helpers.mirror_server import FAST, OPENML_ID, point_openml_at
from helpers.promptness import some_try_is_prompt

# The timeout between two bytes is longer: what ends these is the deadline.
SHORT = Patience(timeout=30.0, deadline=0.2, attempts=1, delay=0.01)
LONG = Patience(timeout=30.0, deadline=60.0, attempts=1, delay=0.01)


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path):
    home = tmp_path / "temporary"
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    return home


class Mirror:
    """The route by a mirror of IDX files."""

    def __init__(self, standin, monkeypatch, home):
        self._remote, self._home = standin.facts().remotes[0], home

    def fetch(self, url, patience):
        path, host = from_mirrors(self._remote, [f"{url}/"], self._home, patience)
        path.unlink()
        return host


class OpenML:
    """The route by scikit-learn."""

    def __init__(self, standin, monkeypatch, home):
        self._monkeypatch = monkeypatch

    def fetch(self, url, patience):
        point_openml_at(self._monkeypatch, url)
        _, redirected = fetch_table(
            {"data_id": OPENML_ID}, {}, max_bytes=1_000_000, patience=patience
        )
        return redirected


@pytest.fixture(params=[Mirror, OpenML], ids=["mirror", "openml"])
def route(request, standin, monkeypatch, temporary):
    return request.param(standin, monkeypatch, temporary)


def seconds_until_refused(route, url):
    start = time.monotonic()
    with pytest.raises(DataError) as caught:
        route.fetch(url, SHORT)
    assert str(caught.value).isprintable()
    return time.monotonic() - start


@pytest.mark.timeout(60)
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_hostile_server_is_left_by_the_deadline(route, standin, temporary, behaviour):
    opener = urllib.request._opener
    with HostileServer(BEHAVIOURS[behaviour], standin.body) as server:
        assert some_try_is_prompt(lambda: seconds_until_refused(route, server.url))
        assert list(temporary.iterdir()) == []
        server.behaviour = honest
        route.fetch(server.url, LONG)
    assert list(temporary.iterdir()) == []
    assert urllib.request._opener is opener


@pytest.mark.timeout(60)
@pytest.mark.parametrize("drips", [True, False])
def test_a_handshake_is_left_by_the_deadline(route, drips):
    record = b"\x16\x03\x03\x40\x00" + bytes(1000)
    greet = (lambda it: it.drip(record)) if drips else Exchange.hang
    with HostileServer(greet, reads=False) as server:
        url = server.url.replace("http:", "https:")
        assert some_try_is_prompt(lambda: seconds_until_refused(route, url))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("full", [True, False])
def test_a_server_that_never_accepts_is_left_by_the_deadline(route, full):
    with ExitStack() as held:
        deaf = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(8 * full):  # its queue is full: even to connect is to wait
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        assert some_try_is_prompt(lambda: seconds_until_refused(route, url))


@pytest.mark.timeout(60)
def test_many_addresses_have_one_deadline(monkeypatch):
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [place] * 1000)

    def wait(_, seconds, source):
        time.sleep(min(seconds, 0.05))
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", wait)

    def connect():
        start = time.monotonic()
        with pytest.raises(DataError, match="took too long"):
            bounded_http.Bounds(30.0, 0.2, 10).connect(("many.example", 80), None)
        return time.monotonic() - start

    assert some_try_is_prompt(connect)


# What OpenML's own description names is asked for next

asks_by_name = pytest.mark.skipif(
    'url = data_description["url"]' not in inspect.getsource(_openml),
    reason="this scikit-learn asks for the number of the file, not for what OpenML names",
)


@asks_by_name
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc/passwd", "'file:' is refused"),
        ("ftp://127.0.0.1:1/x", "'ftp:' is refused"),
        ("DATA:,x", "'data:' is refused"),
        ("x", "unknown url type"),
    ],
)
def test_what_openml_names_is_asked_by_http_alone(standin, monkeypatch, url, message):
    monkeypatch.setenv("ftp_proxy", standin.url)
    described = standin._description() | {"url": url}
    monkeypatch.setattr(standin, "_description", lambda: described)
    with pytest.raises(DataError, match=message):
        fetch_table({"data_id": OPENML_ID}, {}, max_bytes=1_000_000, patience=FAST)


@asks_by_name
def test_what_openml_names_is_no_place_on_the_disk(standin, monkeypatch, tmp_path):
    precious = tmp_path / "precious.gz"
    precious.write_bytes(b"mine")
    up = "/.." * 30
    described = standin._description() | {"url": f"{standin.url}{up}{tmp_path}/precious"}
    monkeypatch.setattr(standin, "_description", lambda: described)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError):
        fetch_table({"data_id": OPENML_ID}, {}, max_bytes=1_000_000, patience=FAST)
    assert precious.read_bytes() == b"mine"
    assert sorted(tmp_path.rglob("*")) == before


# Redirects are said


@pytest.fixture
def elsewhere(standin):
    """Give a server that redirects all that it is asked to the stand-in."""
    with HostileServer(lambda it: redirect(it, standin.url + it.path)) as server:
        yield server


def test_another_host_is_said_where_the_data_are_from(standin, elsewhere, monkeypatch):
    host = standin.url.removeprefix("http://")
    point_openml_at(monkeypatch, elsewhere.url)
    found = _read(f"openml:{OPENML_ID}", Reading(), patience=LONG)
    assert found.origin.endswith(f"mnist_784 version 1, redirected to {host}")
    assert mnist.load_mnist(facts=standin.facts()).origin.endswith(f"1, redirected to {host}")


def test_another_host_is_said_of_a_mirror(standin, elsewhere, monkeypatch, temporary):
    mirror = Mirror(standin, monkeypatch, temporary)
    host = standin.url.removeprefix("http://")
    assert mirror.fetch(elsewhere.url, LONG) == f"{elsewhere.host} (redirected to {host})"
    standin.faults = {"images": "404"}
    with pytest.raises(DataError, match=f"{elsewhere.host} .redirected to {host}.: HTTPError"):
        mirror.fetch(elsewhere.url, LONG)


# The whole


def test_after_a_hostile_world_the_cache_is_as_it_was(standin, cache_home, monkeypatch, temporary):
    endless = BEHAVIOURS["says 100 Continue for ever"]
    with HostileServer(endless) as server, monkeypatch.context() as patch:
        point_openml_at(patch, server.url)
        facts = replace(standin.facts(), patience=LONG, mirrors=(f"{server.url}/",))
        with pytest.raises(DownloadError) as caught:
            mnist.load_mnist(facts=facts)
    assert str(caught.value).count("the answer is larger than") == 2
    assert [path for path in cache_home.iterdir() if path.suffix != ".lock"] == []
    assert list(temporary.iterdir()) == []
    assert len(mnist.load_mnist(facts=standin.facts())) == 150
