import gzip
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlogit.data.formats.idx import read_idx
from imlogit.errors import DataError

from helpers.mirror_server import idx_bytes

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
PLAIN = idx_bytes(IMAGES)
ZIPPED = gzip.compress(PLAIN, mtime=0)


def written(tmp_path, blob, name="images-idx3-ubyte"):
    path = tmp_path / name
    path.write_bytes(blob)
    return path


@pytest.mark.parametrize("blob", [PLAIN, ZIPPED])
def test_reads_what_was_written(tmp_path, blob):
    np.testing.assert_array_equal(read_idx(written(tmp_path, blob), 3), IMAGES)


def test_reads_labels(tmp_path):
    labels = np.array([3, 0, 9], np.uint8)
    np.testing.assert_array_equal(read_idx(written(tmp_path, idx_bytes(labels)), 1), labels)


def header(*shape, kind=8, ndim=None):
    ndim = len(shape) if ndim is None else ndim
    return bytes([0, 0, kind, ndim]) + np.array(shape, ">u4").tobytes()


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", "not an IDX file"),
        (b"\0\0\x08", "not an IDX file"),
        (b"\x89PNG" + PLAIN, "not an IDX file"),
        (b"<!DOCTYPE html><html></html>", "not an IDX file"),
        (header(3, 4, 5, kind=0x0D) + bytes(60), "type 0x0d"),
        (header(60) + bytes(60), "1 dimension"),
        (PLAIN[:9], "ends inside its header"),
        (header(0, 4, 5), "holds nothing"),
        (PLAIN[:-1], "cut short"),
        (PLAIN + b"\0", "holds more"),
        (header(2**32 - 1, 4, 5) + bytes(20), "cannot hold more than 20"),
        (header(2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(20), "cannot hold more than 20"),
        (gzip.compress(header(2**32 - 1, 4, 5) + bytes(20), mtime=0), "cannot hold more"),
        (gzip.compress(PLAIN[:-1], mtime=0), "holds only 59"),
        (gzip.compress(PLAIN + b"\0", mtime=0), "holds more"),
        (ZIPPED[:-9], "cannot be read"),
        (ZIPPED[:12], "cannot be read"),
        (ZIPPED + b"garbage", "cannot be read"),
        (ZIPPED[:-8] + bytes(4) + ZIPPED[-4:], "cannot be read"),
    ],
)
def test_a_file_that_lies_is_refused_by_name(tmp_path, blob, message):
    with pytest.raises(DataError, match=message) as caught:
        read_idx(written(tmp_path, blob, "some-file"), 3)
    assert "some-file" in str(caught.value)


def test_the_limit_holds(tmp_path):
    with pytest.raises(DataError, match="cannot hold more than 59"):
        read_idx(written(tmp_path, ZIPPED), 3, max_bytes=59)
    assert read_idx(written(tmp_path, ZIPPED), 3, max_bytes=60).shape == (3, 4, 5)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_lie_about_the_size_allocates_nothing(tmp_path, pack):
    path = written(tmp_path, pack(header(2**31, 1, 1) + bytes(20)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_bomb_is_not_unpacked_beyond_its_declared_size(tmp_path):
    path = written(tmp_path, gzip.compress(PLAIN + bytes(50_000_000), compresslevel=1))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="holds more"):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_what_is_no_file_is_refused(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (tmp_path, loop, tmp_path / "absent"):
        with pytest.raises(DataError, match=path.name):
            read_idx(path, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
@pytest.mark.timeout(5)
def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DataError, match="not a regular file"):
        read_idx(tmp_path / "fifo", 3)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "mutated"


edits = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "insert"]),
        st.integers(0, len(ZIPPED) + len(PLAIN)),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)


def mutated(blob, changes):
    blob = bytearray(blob)
    for kind, place, value in changes:
        place %= len(blob) + 1
        if kind == "set" and place < len(blob):
            blob[place] = value
        elif kind == "cut":
            del blob[place : place + value + 1]
        elif kind == "insert":
            blob.insert(place, value)
    return bytes(blob)


@settings(max_examples=400, deadline=None)
@given(changes=edits)
def test_any_change_to_a_gzipped_file_is_refused_or_harmless(scratch, changes):
    scratch.write_bytes(mutated(ZIPPED, changes))
    try:
        result = read_idx(scratch, 3)
    except DataError:
        return
    np.testing.assert_array_equal(result, IMAGES)


@settings(max_examples=400, deadline=None)
@given(changes=edits)
def test_any_change_to_a_plain_file_is_refused_or_read_as_it_stands(scratch, changes):
    blob = mutated(PLAIN, changes)
    scratch.write_bytes(blob)
    try:
        result = read_idx(scratch, 3)
    except DataError:
        return
    assert idx_bytes(result) == blob
