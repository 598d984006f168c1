"""The lines of a table in text, and the fields of a line: CSV with any of the usual separators."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Callable

from imlogit.data.formats.packed_text import TextStream

# Those that come first are chosen where two stand equally often: a comma may be a decimal one.
SEPARATORS = (b"\t", b";", b",")
TELL_BYTES = 1 << 20
PASSED_BYTES = 1 << 16
# Lines that are looked at before they are taken take no more together, but for the last of them.
AHEAD_BYTES = 4 << 20


class BadRowError(Exception):
    """A row that cannot be used; says what is wrong with it."""


class Lines:
    """The lines of a file, of which few are held at a time, and no more of one than it may be.

    Parameters
    ----------
    stream : TextStream
    tell : callable, optional
        Told now and then how far the file is read, and at its end.

    Attributes
    ----------
    number : int
        That of the line which was taken last, from 1.
    """

    def __init__(self, stream: TextStream, tell: Callable[[int], None] | None = None) -> None:
        self._file, self._position, self._to_tell = stream.file, stream.position, tell
        self._n_read = self._since_told = 0
        self._ahead: deque[tuple[int, bytes | BadRowError]] = deque()
        self.number = 0

    def starts_with(self, *marks: bytes) -> bool:
        """Whether one of these is what comes next in the file."""
        return self._file.peek(max(map(len, marks))).startswith(marks)

    def take(self, max_bytes: int) -> bytes | None:
        """Return the next line that is not blank, without its end; None after the last.

        Raises
        ------
        BadRowError
            For a line that is too long, or no text; it is passed over.
        """
        if not self._ahead:
            return self._next(max_bytes)
        self.number, line = self._ahead.popleft()
        if isinstance(line, BadRowError):
            raise line
        if len(line) > max_bytes:
            raise _too_long(max_bytes)
        return line

    def put_back(self, line: bytes) -> None:
        """Have the line that was taken last taken once more."""
        self._ahead.appendleft((self.number, line))

    def look_ahead(self, n_lines: int, max_bytes: int) -> list[bytes]:
        """Return what is sound of the next lines, which are still to be taken."""
        held = sum(len(line) for _, line in self._ahead if isinstance(line, bytes))
        before = self.number
        while len(self._ahead) < n_lines and held < AHEAD_BYTES:
            line: bytes | BadRowError | None
            try:
                line = self._next(max_bytes)
            except BadRowError as bad:
                line = bad
            if line is None:
                break
            held += len(line) if isinstance(line, bytes) else 0
            self._ahead.append((self.number, line))
        self.number = before
        return [line for _, line in self._ahead if isinstance(line, bytes)]

    def _next(self, max_bytes: int) -> bytes | None:
        """Read a line."""
        # two more, for the line's end
        while raw := self._file.readline(max_bytes + 2):
            self._n_read += 1
            self.number = self._n_read
            self._count(len(raw))
            cut = len(raw) == max_bytes + 2 and not raw.endswith(b"\n")
            if cut:
                self._pass_over()
            text = raw.rstrip(b"\r\n")
            if self.number == 1:
                text = text.removeprefix(codecs.BOM_UTF8)
            if cut or (text and not text.isspace()):
                _check_text(text, max_bytes, cut)
                return text
        self._tell()
        return None

    def _pass_over(self) -> None:
        """Read up to the end of the line, and keep none of it."""
        while raw := self._file.readline(PASSED_BYTES):
            self._count(len(raw))
            if raw.endswith(b"\n"):
                return

    def _count(self, n_bytes: int) -> None:
        self._since_told += n_bytes
        if self._since_told >= TELL_BYTES:
            self._tell()

    def _tell(self) -> None:
        self._since_told = 0
        if self._to_tell is not None:
            self._to_tell(self._position())


def split_line(line: bytes, separator: bytes) -> list[bytes]:
    """Return the fields of a line.

    Raises
    ------
    csv.Error
        For quotes that do not match.
    """
    if b'"' not in line:
        return line.split(separator)
    text = line.decode("utf-8", "surrogateescape")
    rows = csv.reader([text], delimiter=separator.decode(), strict=True, skipinitialspace=True)
    return [one.encode("utf-8", "surrogateescape") for one in next(rows)]


def separator_of(line: bytes) -> bytes:
    """Return what separates the fields of a table, by its first line."""
    bare = b"".join(line.split(b'"')[::2])
    found = max(SEPARATORS, key=bare.count)
    return found if found in bare else b","


def _check_text(text: bytes, max_bytes: int, cut: bool) -> None:
    if b"\0" in text:
        raise BadRowError("holds a NUL byte")
    if b"\r" in text:
        raise BadRowError("holds a carriage return, which ends no line by itself")
    if cut or len(text) > max_bytes:
        raise _too_long(max_bytes)


def _too_long(max_bytes: int) -> BadRowError:
    return BadRowError(f"is longer than {max_bytes:,} bytes")
