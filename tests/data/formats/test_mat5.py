"""MATLAB's files: arrays as SciPy writes them, and whatever else may stand in one."""

import io
import struct
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from imlogit.data.formats.mat5 import find_variables, read_variable
from imlogit.data.formats.npy import refusing
from imlogit.errors import DataError

ARRAYS = {
    "X": np.arange(4 * 3 * 3 * 5, dtype=np.uint8).reshape(4, 3, 3, 5),
    "y": np.array([[10.0], [1], [2.5]]),
    "one": np.array([[7]], np.int16),
    "wide": np.array([[-(2**40), 3]], np.int64),
    "single": np.array([[0.1, 3]], np.float32),
}


def written(packed=True, **arrays):
    out = io.BytesIO()
    savemat(out, arrays, do_compression=packed)
    return out.getvalue()


def read(content):
    file = io.BytesIO(content)
    with refusing("x.mat"):
        found = find_variables(file, len(content), "x.mat")
        return {name: read_variable(file, one) for name, one in found.items() if one.dtype}


@pytest.mark.parametrize("packed", [True, False])
def test_numbers_are_what_scipy_wrote(packed):
    found = read(written(packed, **ARRAYS))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize("packed", [True, False])
def test_what_is_no_array_of_numbers_is_listed_and_not_read(packed):
    content = written(packed, text="abc", cell=np.array([1, "a"], object), z=[1j], s={"a": 1})
    found = find_variables(io.BytesIO(content), len(content), "x.mat")
    assert {name: one.dtype for name, one in found.items()} == dict.fromkeys(
        ["text", "cell", "z", "s"]
    )


def test_the_other_order_of_bytes():
    def part(kind, data):
        return struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)

    array = part(6, struct.pack(">II", 11, 0)) + part(5, struct.pack(">ii", 1, 2))
    array += struct.pack(">I", 1 << 16 | 1) + b"q\0\0\0" + part(4, struct.pack(">HH", 1, 258))
    header = b"MATLAB 5.0".ljust(124) + b"\1\0MI"
    np.testing.assert_array_equal(read(header + part(14, array))["q"], [[1, 258]])


@pytest.mark.parametrize("packed", [True, False])
def test_cut_at_every_byte(packed):
    content = written(packed, **ARRAYS)
    whole = read(content)
    for end in range(len(content)):
        try:
            found = read(content[:end])
        except DataError:
            continue
        assert list(found) == list(whole)[: len(found)], "cut between two variables"
        assert len(found) < len(whole)


@pytest.mark.parametrize("packed", [True, False])
def test_a_changed_byte_is_noticed_or_does_no_harm(packed):
    content = written(packed, **ARRAYS)
    places = range(128, len(content))
    refused = sum(is_refused(content, place) for place in places)
    # no sum guards what is not packed
    assert refused > (0.9 * len(places) if packed else 100)


def is_refused(content, place):
    bad = bytearray(content)
    bad[place] ^= 0xFF
    try:
        read(bytes(bad))
    except DataError:
        return True
    return False


@pytest.mark.parametrize("lengths", [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (-1, 5), ()])
def test_lengths_that_are_not_there(lengths):
    def part(kind, data):
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)

    array = part(6, struct.pack("<II", 9, 0)) + part(5, struct.pack(f"<{len(lengths)}i", *lengths))
    array += part(1, b"X") + struct.pack("<II", 2, 60_000 * 60_000 % 2**32) + bytes(8)
    packed = zlib.compress(part(14, array))
    header = written()[:128]
    for element in (part(14, array), struct.pack("<II", 15, len(packed)) + packed):
        with pytest.raises(DataError, match="damaged"):
            read(header + element)


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0", b"<html>" * 40])
def test_what_is_no_such_file(content):
    with pytest.raises(DataError, match="no file of MATLAB 5 to 7"):
        read(content)
