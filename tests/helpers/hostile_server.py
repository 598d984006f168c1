"""A server that does to its clients whatever one can do with a socket.

`BEHAVIOURS` names what it does with a request: functions that take the `Exchange`.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import NamedTuple

from helpers.mirror_server import HTML

OK = b"HTTP/1.1 200 OK\r\n"
DRIP_SECONDS = 0.02
NAMES = count()
BOMB = gzip.compress(bytes(20_000_000))
CONTROLS = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
PHRASE = CONTROLS.encode("latin-1", "ignore")


class Exchange(NamedTuple):
    """One request, and how it may be answered; sending raises OSError when the client is gone."""

    path: str
    body: bytes
    socket: socket.socket
    closing: threading.Event

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def drip(self, data: bytes) -> None:
        for byte in data:
            self.send(bytes([byte]))
            if self.closing.wait(DRIP_SECONDS):
                return

    def repeat(self, data: bytes, first: bytes = b"") -> None:
        self.send(first)
        while not self.closing.is_set():
            self.send(data)

    def hang(self, first: bytes = b"") -> None:
        self.send(first)
        self.closing.wait()


def honest(it: Exchange) -> None:
    it.send(OK, b"Content-Length: %d\r\n\r\n" % len(it.body), it.body)


def answer(it: Exchange, head: bytes, body: bytes = b"") -> None:
    it.send(head, b"\r\n", body)


def redirect(it: Exchange, place: str) -> None:
    it.send(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n" % place.encode())


def redirect_to_ever_new_names(it: Exchange) -> None:
    redirect(it, f"/{next(NAMES)}")


def reset(it: Exchange) -> None:
    it.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def wrong_length(it: Exchange, more: int) -> None:
    it.send(OK, b"Content-Length: %d\r\n\r\n" % (len(it.body) + more), it.body)


LONG = b"A" * 4000
ZIPPED = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n" % len(BOMB)
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

BEHAVIOURS: dict[str, Callable[[Exchange], None]] = {
    "never answers": Exchange.hang,
    "says 100 Continue for ever": partial(Exchange.repeat, data=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "drips 100 Continue": lambda it: it.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "drips the status line": lambda it: it.drip(b"HTTP/1.1 200 " + LONG),
    "drips headers": lambda it: it.drip(OK + b"X: y\r\n" * 1000),
    "drips the body": lambda it: it.drip(OK + b"Content-Length: 4000\r\n\r\n" + LONG),
    "drips chunks": lambda it: it.drip(CHUNKED + b"1\r\nx\r\n" * 1000),
    "status line without end": partial(Exchange.repeat, first=b"HTTP/1.1 200 ", data=LONG),
    "header without end": partial(Exchange.repeat, first=OK + b"X: ", data=LONG),
    "headers without end": partial(Exchange.repeat, first=OK, data=b"X: y\r\n"),
    "body without end": partial(Exchange.repeat, first=OK + b"\r\n", data=LONG),
    "chunks without end": partial(Exchange.repeat, first=CHUNKED, data=b"fa0\r\n" + LONG + b"\r\n"),
    "chunk size without end": partial(Exchange.repeat, first=CHUNKED, data=LONG),
    "trailers without end": partial(Exchange.repeat, first=CHUNKED + b"0\r\n", data=b"X: y\r\n"),
    "a chunk of 2**63 bytes": lambda it: it.hang(CHUNKED + b"7fffffffffffffff\r\nx"),
    "a chunk of no size": lambda it: it.send(CHUNKED, b"zz\r\nx\r\n"),
    "length too large, and hangs": lambda it: (wrong_length(it, 100), it.hang()),
    "length too small": partial(wrong_length, more=-10),
    "length below nothing": lambda it: answer(it, OK + b"Content-Length: -5\r\n", b"x"),
    "length of no number": lambda it: answer(it, OK + "Content-Length: ²\r\n".encode(), b"x"),
    "gzip bomb": partial(answer, head=ZIPPED, body=BOMB),
    "gzip of nothing": partial(answer, head=OK + b"Content-Encoding: gzip\r\n", body=b"x"),
    "redirects to itself": lambda it: redirect(it, it.path),
    "redirects to ever new names": redirect_to_ever_new_names,
    "redirects to a file": partial(redirect, place="file:///etc/passwd"),
    "redirects to FTP": partial(redirect, place="ftp://127.0.0.1:1/x"),
    "redirects to data": partial(redirect, place="data:,x"),
    "redirects to no address": partial(redirect, place="http://[::"),
    "redirects with a body without end": partial(
        Exchange.repeat, first=b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", data=LONG
    ),
    "closes at once": lambda it: None,
    "closes in the headers": lambda it: it.send(OK, b"X: "),
    "closes in the body": lambda it: it.send(OK, b"Content-Length: 9999\r\n\r\n", it.body[:9]),
    "resets": reset,
    "is no HTTP": lambda it: it.send(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "other data": partial(answer, head=OK, body=b"{}"),
    "HTML": partial(answer, head=OK + b"Content-Type: text/html\r\n", body=HTML),
    "no content": partial(answer, head=b"HTTP/1.1 204 No Content\r\n"),
    "another protocol": partial(answer, head=b"HTTP/1.1 101 Switching Protocols\r\n"),
    "500": partial(answer, head=b"HTTP/1.1 500 Internal Server Error\r\n"),
    "a phrase of controls": partial(answer, head=b"HTTP/1.1 503 " + PHRASE + b"\r\n"),
    "a version of controls": partial(answer, head=PHRASE + b" 200 OK\r\n"),
}


class HostileServer:
    """A server on loopback with one behaviour, which may be changed.

    Parameters
    ----------
    behaviour : callable
        One of `BEHAVIOURS`, or `honest`.
    bodies : callable
        Returns what an honest server answers to a path.
    reads : bool
        Whether it waits for the request, as TLS's greeting is none.
    """

    def __init__(self, behaviour, bodies=lambda path: b"", *, reads=True):
        self.behaviour, self.bodies, self.reads = behaviour, bodies, reads
        self._closing = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.url = f"http://{self.host}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._closing.set()
        self._listening.close()

    def _accept(self):
        while not self._closing.is_set():
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connected,), daemon=True).start()

    def _serve(self, connected):
        with connected:
            try:
                head = self._head(connected) if self.reads else b"GET / HTTP/1.1"
                path = head.split(b" ")[1].decode()
                self.behaviour(Exchange(path, self.bodies(path), connected, self._closing))
            except (OSError, IndexError):  # the client went away, as it should
                return

    def _head(self, connected):
        head = b""
        while b"\r\n\r\n" not in head and (piece := connected.recv(4096)):
            head += piece
        return head
