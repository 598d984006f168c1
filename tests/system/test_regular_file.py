import os
from pathlib import Path

import pytest

from imlogit.system.regular_file import UnfitFileError, open_regular, read_regular

from helpers.image_files import can_make


def read_opened(path, max_bytes=None):
    with open_regular(path, max_bytes) as (file, size):
        content = file.read()
    assert size == len(content)
    return content


DESCRIPTORS = Path("/proc/self/fd")
readers = pytest.mark.parametrize("read", [read_regular, read_opened])


@readers
@pytest.mark.parametrize("content", [b"", b"x", b"1234"])
def test_a_file_of_at_most_so_many_bytes(tmp_path, read, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read(path, 4) == read(str(path), 4) == content


@readers
def test_a_larger_file(tmp_path, read):
    (tmp_path / "file").write_bytes(b"12345")
    with pytest.raises(UnfitFileError, match="^its 5 bytes are more than the 4") as caught:
        read(tmp_path / "file", 4)
    assert caught.value.size == 5


@readers
@pytest.mark.parametrize("make", ["mkfifo", "mkdir"])
@pytest.mark.timeout(20)
def test_what_is_no_file_is_not_waited_for(tmp_path, read, make):
    if not can_make(getattr(os, make, None), tmp_path / "x"):
        pytest.skip(f"this system has no {make}")
    with pytest.raises(OSError) as caught:
        read(tmp_path / "x", 4)
    if isinstance(caught.value, UnfitFileError):  # some systems open no folder at all
        assert "not a regular file but" in caught.value.strerror
        assert caught.value.size == 0


@readers
def test_what_is_not_there(tmp_path, read):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "gone", 4)
    with pytest.raises(UnfitFileError, match="null character"):
        read("a\0b", 4)


@pytest.mark.parametrize("change", [b"", b"123456"])
def test_a_file_that_changes_meanwhile(monkeypatch, tmp_path, change):
    path = tmp_path / "file"
    path.write_bytes(b"123")
    real = os.fstat

    def changed(descriptor):
        found = real(descriptor)
        path.write_bytes(change)
        return found

    monkeypatch.setattr(os, "fstat", changed)
    with pytest.raises(UnfitFileError, match="changed while it was read"):
        read_regular(path, 10)


@readers
@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="this system lists no descriptors")
def test_nothing_stays_open(tmp_path, read):
    (tmp_path / "file").write_bytes(b"12345")
    before = len(list(DESCRIPTORS.iterdir()))
    read(tmp_path / "file", 5)
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(UnfitFileError):
            read(path, 4)
    assert len(list(DESCRIPTORS.iterdir())) == before
