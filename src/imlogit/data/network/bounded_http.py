"""HTTP that no server can draw out: one time and one size for all that it sends, headers included.

`http.client` waits a whole timeout for each byte, reads on for as long as a server says "100
Continue", and follows redirects to FTP. Here the clock starts at the connection, and is looked at
wherever bytes arrive.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import ssl
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from imlogit.errors import DataError
from imlogit.system.text import printable

SCHEMES = ("http", "https")
# What an honest server's headers and redirects never take.
HEADER_BYTES = 1 << 20
# A wait that short is over: a clock may be that far behind the one that a socket waits by.
LEAST_SECONDS = 0.01


class Bounds:
    """How long and how large one answer may be, counted from the connection on.

    Parameters
    ----------
    timeout : float
        Seconds without a byte.
    deadline : float
        Seconds in all, for connecting, TLS, redirects, headers and body together.
    max_bytes : int
        Bytes of the body; `HEADER_BYTES` are added for all else.

    Attributes
    ----------
    elsewhere : str
        The other host that the server redirected to, or nothing; fit to be printed.
    """

    def __init__(self, timeout: float, deadline: float, max_bytes: int) -> None:
        self._timeout, self._deadline = timeout, deadline
        self._end = time.monotonic() + deadline
        self._max_bytes, self._left_bytes = max_bytes, max_bytes + HEADER_BYTES
        self.elsewhere = ""

    def left(self) -> float:
        """Return how many seconds may be waited now.

        Raises
        ------
        DataError
            If time is up.
        """
        seconds = self._end - time.monotonic()
        if seconds < LEAST_SECONDS:
            raise DataError(f"the answer took too long, more than {self._deadline:g} s in all")
        return min(seconds, self._timeout)

    def count(self, n_bytes: int) -> None:
        """Count what has arrived.

        Raises
        ------
        DataError
            If that is too much.
        """
        self._left_bytes -= n_bytes
        if self._left_bytes < 0:
            raise DataError(f"the answer is larger than {self._max_bytes:,} bytes, with headers")

    def connect(self, address: tuple[str, int], _: object, source: Any = None) -> socket.socket:
        """Connect as `socket.create_connection` does, with one deadline for all addresses."""
        host, port = address
        failed: OSError | None = None
        for *_others, place in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
            try:
                connected = socket.create_connection((str(place[0]), port), self.left(), source)
            except OSError as error:
                failed = error
            else:
                connected.settimeout(self.left())
                return connected
        raise failed or OSError("its name has no address")

    def said(self, host: str) -> str:
        """Return a host's name, and where it redirected to."""
        return f"{host} (redirected to {self.elsewhere})" if self.elsewhere else host


def open_bounded(request: urllib.request.Request, bounds: Bounds) -> Any:
    """Open an address of HTTP or HTTPS, by the proxies of the environment.

    Returns
    -------
    http.client.HTTPResponse
        Whose bytes are counted, too; `read1` gives what has arrived.

    Raises
    ------
    DataError
        If time is up, too much arrives, or an address is none of HTTP.
    URLError, HTTPException, OSError
        As urllib raises them.
    """
    _refuse_other_schemes(request.full_url)
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Handler(bounds),
        _Redirects(bounds),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    try:
        return opener.open(request, timeout=bounds.left())
    except HTTPError as error:
        error.close()
        raise


def _refuse_other_schemes(url: str) -> None:
    scheme = urlsplit(url).scheme.lower()
    if scheme not in SCHEMES:
        raise DataError(f"'{printable(scheme)}:' is refused: only http and https are asked")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects by HTTP alone; another host is noted."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:
        _refuse_other_schemes(newurl)
        host = urlsplit(newurl).netloc
        if host != urlsplit(req.full_url).netloc:
            self._bounds.elsewhere = printable(host)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Handler(urllib.request.AbstractHTTPHandler):
    """Opens what `Bounds` bound."""

    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self._bounds = bounds

    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(partial(_Connection, bounds=self._bounds), request)

    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(
            partial(_SecureConnection, bounds=self._bounds), request, context=_trusted()
        )

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_


def _trusted() -> ssl.SSLContext:
    """Return a context that trusts what the system does, and what Python's packages do."""
    import certifi

    context = ssl.create_default_context()
    chosen = os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    if Path(chosen).is_dir():
        context.load_verify_locations(capath=chosen)
    else:
        context.load_verify_locations(cafile=chosen)
    return context


class _Connection(http.client.HTTPConnection):
    """A connection whose every wait ends by the deadline."""

    def __init__(self, host: str, *, bounds: Bounds, **others: Any) -> None:
        super().__init__(host, **others)
        self._bounds = bounds
        self._create_connection = bounds.connect
        self.response_class = partial(_Response, bounds=bounds)  # type: ignore[assignment]

    def connect(self) -> None:
        try:
            super().connect()
        except TimeoutError:
            self._bounds.left()
            raise


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    """The same, by TLS; a handshake is one wait."""


class _Response(http.client.HTTPResponse):
    """An answer read through `_Arriving`."""

    def __init__(self, sock: socket.socket, *args: Any, bounds: Bounds, **others: Any) -> None:
        super().__init__(sock, *args, **others)
        self.fp = io.BufferedReader(_Arriving(self.fp.detach(), sock, bounds))


class _Arriving(io.RawIOBase):
    """Bytes of a socket as they arrive, counted, each waited for no longer than is left."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, bounds: Bounds) -> None:
        self._raw, self._sock, self._bounds = raw, sock, bounds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._bounds.left())
        try:
            n_bytes: int = self._raw.readinto(buffer)
        except TimeoutError:
            self._bounds.left()
            raise
        self._bounds.count(n_bytes)
        return n_bytes

    def close(self) -> None:
        self._raw.close()
        super().close()
