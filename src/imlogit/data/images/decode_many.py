"""Many encoded images -> one array of pixels, by several processes."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imlogit.arrays import Pixels
from imlogit.data.formats.members import Member
from imlogit.data.images.decode import (
    BadImageError,
    extent_of,
    pixels_of,
    read_bytes,
    without_warnings,
)
from imlogit.data.images.room import check_room, room_for
from imlogit.data.images.sizes import LOOKED_AT, Extent, sample, with_size
from imlogit.data.problems import BadItem
from imlogit.data.progress import Progress
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.system.interrupts import INTERRUPTS, DeferredInterrupt
from imlogit.system.orphans import end_with_parent
from imlogit.system.processors import processor_count
from imlogit.system.text import by

BATCH = 128
# What a file, one of its bytes and a number of its pixels take to decode, in microseconds, and what
# processes take to start.
FILE_TIME, BYTE_TIME, NUMBER_TIME = 110, 0.015, 0.0015
WORTH_PROCESSES = 500_000
# How loky calls the thread that hands out work.
POOL_THREAD = "ExecutorManagerThread"


class Encoded(NamedTuple):
    """An image file, on disk or in an archive, or its bytes, and what a problem calls it by."""

    where: str
    content: Path | str | bytes | Member


class Decoded(NamedTuple):
    """The images that could be decoded, in order.

    Attributes
    ----------
    images : ndarray of uint8, shape (n_good, h, w) or (n_good, h, w, 3)
        Grey where all are grey (or are to be), else RGB.
    good : ndarray of bool, shape (n,)
        Which ones could be.
    problems : tuple of BadItem
        One for each of the others.
    fit : str or None
        How they were brought to one size, if they were.
    """

    images: Pixels
    good: npt.NDArray[np.bool_]
    problems: tuple[BadItem, ...]
    fit: str | None = None


def decode_all(
    encoded: Iterable[Encoded], n: int, reading: Reading, progress: Progress | None = None
) -> Decoded:
    """Decode images, by several processes where there are many.

    Where no size is asked for, and they differ in size or are large, one is chosen.

    Parameters
    ----------
    encoded : iterable of Encoded
        Taken as needed: not more than a few hundred are held at a time.
    n : int
        How many there are, at most.
    reading : Reading
    progress : callable, optional
        Told how many are done.

    Raises
    ------
    DataError
        If they come one by one, and one is of another size than all before it, which names it;
        and if memory cannot hold those that are asked for.
    """
    few, encoded = _few(encoded)
    looked_at = _looked_at(few)
    sized = with_size(reading, [extent for _, extent in looked_at])
    work = _time_of_all(looked_at, n)
    try:
        return _decode_all(encoded, n, sized, work, progress)
    except _OtherSizeError as error:
        if not isinstance(encoded, Sequence):
            raise DataError(str(error), parameter="size") from None
        every = [extent for _, extent in _looked_at(encoded)]
        return _decode_all(encoded, n, with_size(reading, every), work, progress)


def choose_size(
    encoded: Sequence[Encoded], reading: Reading
) -> tuple[Reading, tuple[int, int] | None]:
    """Return the reading by which images are of one size, as `decode_all` has them, and that size.

    Where none is asked for or chosen, the headers of all images are looked at; the size is None
    where none of them says it.
    """
    if reading.size is not None:
        return reading, reading.size
    few = [extent for _, extent in _looked_at([encoded[k] for k in sample(len(encoded))])]
    sized = with_size(reading, few)
    if sized.size is None:
        sized = with_size(reading, [extent for _, extent in _looked_at(encoded)])
    return sized, sized.size or (few[0][:2] if few else None)


def decode_stretches(
    stretches: Sequence[Sequence[Encoded]], reading: Reading, progress: Progress | None = None
) -> Iterator[Decoded]:
    """Decode images, by several processes where there are many, and hold one stretch at a time.

    Parameters
    ----------
    stretches : sequence of sequence of Encoded
    reading : Reading
        With a size, as of `choose_size`, unless all are of one.
    progress : callable, optional
        Told how many are done.

    Yields
    ------
    Decoded
        What became of each stretch.

    Raises
    ------
    DataError
        For an image of another size than one before it.
    """
    every, done = list(chain.from_iterable(stretches)), 0
    few = _looked_at([every[k] for k in sample(len(every))])
    found = _one_by_one(_ways(_time_of_all(few, len(every)))(every, reading))
    fit = reading.fit if reading.size is not None else None
    for stretch in stretches:
        tray = _Tray(len(stretch))
        for one, result in islice(found, len(stretch)):
            try:
                tray.put(one.where, result)
            except _OtherSizeError as error:
                raise DataError(str(error), parameter="size") from None
            done += 1
            if progress is not None and done % BATCH == 0:
                progress("decoding images", done, len(every))
        yield tray.decoded(fit)


def _one_by_one(batches: Batches) -> Iterator[tuple[Encoded, Result]]:
    for batch, found in batches:
        yield from zip(batch, found, strict=True)


def _looked_at(some: Sequence[Encoded]) -> list[tuple[Encoded, Extent]]:
    """Return images with what their headers say, without those that say nothing."""
    return [(one, extent) for one in some if (extent := extent_of(one.content)) is not None]


def _time_of_all(looked_at: Sequence[tuple[Encoded, Extent]], n: int) -> float:
    """Return roughly what it takes to decode n images such as these, in microseconds."""
    return sum(map(_time_of, looked_at)) / max(1, len(looked_at)) * n


def _few(encoded: Iterable[Encoded]) -> tuple[Sequence[Encoded], Iterable[Encoded]]:
    """Return some of the images, to look at, and all of them."""
    if isinstance(encoded, Sequence):
        return [encoded[k] for k in sample(len(encoded))], encoded
    items = iter(encoded)
    few = list(islice(items, LOOKED_AT))
    return few, chain(few, items)


def _time_of(looked_at: tuple[Encoded, Extent]) -> float:
    """Return roughly what it takes to decode an image, in microseconds."""
    one, extent = looked_at
    return FILE_TIME + BYTE_TIME * _size_of(one.content) + NUMBER_TIME * extent.numbers


def _size_of(content: Path | str | bytes | Member) -> int:
    if isinstance(content, Member):
        return content.size
    if isinstance(content, bytes):
        return len(content)
    with contextlib.suppress(OSError):  # gone by now: that is said when it is decoded
        return Path(content).stat().st_size
    return 0


def _decode_all(
    encoded: Iterable[Encoded], n: int, reading: Reading, work: float, progress: Progress | None
) -> Decoded:
    if reading.size is not None:
        check_room(n, reading.size)
    tray = _Tray(n)
    for batch, found in _ways(work)(encoded, reading):
        tray.put_all(batch, found)
        if progress is not None:
            progress("decoding images", len(tray.good), n)
    return tray.decoded(reading.fit if reading.size is not None else None)


Result = Pixels | str  # an image, or what is wrong with it
# Of images that are all good and of one shape there is one array: it travels faster.
Results = Pixels | list[Result]
Batches = Iterator[tuple[list[Encoded], Results]]


class _OtherSizeError(Exception):
    """An image of another size than those before it, where none is asked for."""


class _Tray:
    """Takes images one by one into one array, and sees to it that they belong together."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._images: Pixels | None = None
        self._first = ""
        self._filled = 0
        self.good: list[bool] = []
        self._problems: list[BadItem] = []

    def put_all(self, batch: list[Encoded], found: Results) -> None:
        """Take what was made of a batch."""
        images, n = self._images, len(found)
        if isinstance(found, list) or images is None or images.shape[1:] != found.shape[1:]:
            for one, result in zip(batch, found, strict=True):
                self.put(one.where, result)
            return
        images[self._filled : self._filled + n] = found
        self.good += [True] * n
        self._filled += n

    def put(self, where: str, found: Result) -> None:
        """Take one image, or what is wrong with it."""
        self.good.append(not isinstance(found, str))
        if isinstance(found, str):
            self._problems.append(BadItem(where, found))
            return
        if self._images is None:
            self._images, self._first = room_for(self._n, found), where
        if self._images.shape[1:3] != found.shape[:2]:
            raise _OtherSizeError(
                f"{where} is {by(found.shape[:2])} pixels (height x width), but {self._first} "
                f"{by(self._images.shape[1:3])}. Bring all to one size with size=(h, w)."
            )
        if self._images.ndim < found.ndim + 1:  # the first one in colour
            grey, self._images = self._images, room_for(self._n, found)
            self._images[: self._filled] = grey[: self._filled, ..., None]
        elif self._images.ndim > found.ndim + 1:
            found = found[..., None]
        self._images[self._filled] = found
        self._filled += 1

    def decoded(self, fit: str | None) -> Decoded:
        images = np.empty((0, 0, 0), np.uint8) if self._images is None else self._images
        good = np.array(self.good, bool)
        return Decoded(images[: self._filled], good, tuple(self._problems), fit)


def _ways(work: float) -> Callable[[Iterable[Encoded], Reading], Batches]:
    return _by_processes if work >= WORTH_PROCESSES else _here


def _here(encoded: Iterable[Encoded], reading: Reading) -> Batches:
    for batch in _batches(encoded):
        yield batch, _decode(_contents(batch), reading)


def _by_processes(encoded: Iterable[Encoded], reading: Reading) -> Batches:
    """Decode in processes of their own; what they give comes in order."""
    # loky's processes do not run the caller's script again, as those of the standard library do.
    from joblib.externals.loky import ProcessPoolExecutor
    from joblib.externals.loky.process_executor import BrokenProcessPool

    count = processor_count()
    with _interrupts_held_back():
        pool = ProcessPoolExecutor(
            count, initializer=_leave_the_end_to_the_parent, initargs=(os.getpid(),)
        )
    waiting: deque[tuple[list[Encoded], Any]] = deque()
    try:
        for batch in _batches(encoded):
            with _interrupts_held_back():
                future = pool.submit(_decode, _contents(batch), reading)
            waiting.append((batch, future))
            if len(waiting) > 2 * count:
                oldest, future = waiting.popleft()
                yield oldest, future.result()
        for oldest, future in waiting:
            yield oldest, future.result()
    except BrokenProcessPool as error:
        raise DataError(
            "A process that decodes images was ended, most likely for want of memory. Give "
            "IMLOGIT_NUM_THREADS=1, or reduce the images with size=(h, w).",
            parameter="size",
        ) from error
    finally:
        with DeferredInterrupt(), _nothing_said_of_the_end():
            pool.shutdown(wait=True, kill_workers=True)


@contextlib.contextmanager
def _nothing_said_of_the_end() -> Iterator[None]:
    """Leave out what the pool's own thread would print where its processes end under its hands."""
    before = threading.excepthook

    def excepthook(args: threading.ExceptHookArgs) -> None:
        if args.thread is None or args.thread.name != POOL_THREAD:
            before(args)

    threading.excepthook = excepthook
    try:
        yield
    finally:
        threading.excepthook = before


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold interrupts back while a process may be started, which inherits that they are."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    # a process of the standard library's, whose start would end the holding back
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_the_end_to_the_parent(parent: int) -> None:
    """Answer no interrupt, which reaches every process of a group, but end with the parent."""
    for signum in INTERRUPTS:
        signal.signal(signum, signal.SIG_IGN)
    end_with_parent(parent)


def _decode(contents: list[str | bytes | Member], reading: Reading) -> Results:
    """Decode some images; what is wrong with one takes its place."""
    results: list[Result] = []
    with without_warnings():
        for content in contents:
            try:
                data = content if isinstance(content, bytes) else read_bytes(content, reading)
                results.append(pixels_of(data, reading))
            except BadImageError as error:
                results.append(str(error))
    good = [result for result in results if not isinstance(result, str)]
    if len(good) == len(results) and len({image.shape for image in good}) == 1:
        return np.stack(good)
    return results


def _contents(batch: list[Encoded]) -> list[str | bytes | Member]:
    return [
        one.content if isinstance(one.content, bytes | Member) else os.fspath(one.content)
        for one in batch
    ]


def _batches(encoded: Iterable[Encoded]) -> Iterator[list[Encoded]]:
    items = iter(encoded)
    while batch := list(islice(items, BATCH)):
        yield batch
