"""Rows read ahead: the same bits, in the order of their need, and no thread that stays."""

import threading
import time

import numpy as np
import pytest

from imlogit import DataError, LogisticRegression
from imlogit.engines import read_ahead
from imlogit.engines.numba_cpu import NumbaEngine
from imlogit.engines.read_ahead import NAME, ReadAhead
from imlogit.engines.sharded_matrix import ShardedMatrix

from helpers.kinds import mapped


@pytest.fixture
def rows(rng):
    return rng.integers(0, 256, (9000, 6), dtype=np.uint8)


class Watched(ShardedMatrix):
    """Shards in memory that count as files, and note what is touched."""

    def __init__(self, shards):
        super().__init__(shards)
        self.touched, self.alive = [], []

    def block(self, start, stop):
        self.alive.append(is_alive())
        return super().block(start, stop)

    @property
    def is_mapped(self):
        return True

    def touch(self, start, stop):
        self.touched.append((start, stop))


def is_alive():
    return any(thread.name == NAME for thread in threading.enumerate())


def test_every_pass_reads_ahead_and_has_the_same_bits(rows, monkeypatch, tmp_path):
    monkeypatch.setattr(read_ahead, "AHEAD_BYTES", 1 << 12)
    monkeypatch.setattr("imlogit.engines.numba_cpu.BLOCK_BYTES", 1 << 11)
    files = []
    for k, part in enumerate((rows[:4001], rows[4001:])):
        (tmp_path / str(k)).mkdir()
        files.append(mapped(part, tmp_path / str(k)))
    watched = Watched([rows[:4001], rows[4001:]])
    for matrix in (watched, ShardedMatrix(files)):
        engines = [NumbaEngine(one) for one in (ShardedMatrix([rows, rows[:0]]), matrix)]
        assert matrix.is_mapped
        for k in (1, 5):
            weights = np.random.default_rng(k).normal(size=(k, 6))
            first, second = (engine.multiply(weights) for engine in engines)
            np.testing.assert_array_equal(first, second)
            sums = [engine.accumulate(first, np.arange(k), np.float64) for engine in engines]
            np.testing.assert_array_equal(*sums)
        assert not is_alive()
    assert all(watched.alive)
    assert len(watched.alive) > 20


def test_what_is_read_lies_ahead_and_not_far(rows, monkeypatch):
    monkeypatch.setattr(read_ahead, "AHEAD_BYTES", 600)
    watched = Watched([rows, rows[:0]])
    pieces = [(k, k + 50) for k in range(0, 1000, 50)]
    with ReadAhead(watched) as ahead:
        for begin, end in ahead.over(pieces, 1000):
            deadline = time.monotonic() + 5
            while end < 1000 and not any(a <= end < b for a, b in watched.touched):
                assert time.monotonic() < deadline
                time.sleep(0.001)
            assert max((b for _, b in watched.touched), default=0) <= max(end, begin) + 100
    every = sorted(watched.touched)
    assert (every[0][0], every[-1][1]) == (50, 1000)
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_no_thread_stays_when_a_pass_is_broken_off(rows, error):
    def broken_off():
        with ReadAhead(Watched([rows])) as ahead:
            for _ in ahead.over([(0, 10), (10, 20)], 9000):
                assert is_alive()
                raise error

    with pytest.raises(error):
        broken_off()
    assert not is_alive()


def test_rows_in_memory_have_no_thread(rows):
    with ReadAhead(ShardedMatrix([rows])) as ahead:
        assert not is_alive()
        assert list(ahead.over([(0, 10)], 10)) == [(0, 10)]


def test_a_file_that_is_cut_short_is_named_by_the_fit(rows, tmp_path):
    (tmp_path / "0").mkdir()
    file = mapped(rows, tmp_path / "0")
    matrix = ShardedMatrix([rows, file])
    with open(file.filename, "r+b") as cut:
        cut.truncate(1000)
    with pytest.raises(DataError, match="cut short"):
        LogisticRegression().fit(matrix, np.arange(18000) % 2)
    assert not is_alive()
