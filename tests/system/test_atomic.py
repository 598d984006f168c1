"""A file is written whole or not at all."""

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from imlogit.errors import OutputError
from imlogit.system import atomic

from helpers.full_disk import no_file_beyond

pytestmark = pytest.mark.once
OLD, NEW = b"old" * 1000, b"new" * 5000


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "result.bin"
    path.write_bytes(OLD)
    return path


def assert_untouched(path):
    assert path.read_bytes() == OLD
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def raiser(error):
    def raise_it(*args, **kwargs):
        raise error

    return raise_it


def test_a_new_file_is_written(tmp_path):
    atomic.write_bytes(tmp_path / "a", NEW)
    assert (tmp_path / "a").read_bytes() == NEW
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").write_bytes(b"")
    atomic.write_bytes(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_an_old_file_is_replaced_and_keeps_its_permissions(target):
    target.chmod(0o640)
    atomic.write_bytes(str(target), NEW)
    assert target.read_bytes() == NEW
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_replaced_and_nothing_is_written_through_it(target, tmp_path, there):
    link = tmp_path / "link"
    link.symlink_to(target.name if there else "nowhere")
    atomic.write_bytes(link, NEW)
    assert not link.is_symlink()
    assert (link.read_bytes(), target.read_bytes()) == (NEW, OLD)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_a_link_to_something_else_is_refused(tmp_path, kind):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(kind)
    with pytest.raises(OutputError, match="cannot be written"):
        atomic.write_bytes(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()


def test_the_file_and_then_its_folder_are_synced(target, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(stat.S_ISDIR(os.fstat(fd).st_mode)))
    atomic.write_bytes(target, NEW)
    assert synced == [False, True]


def test_a_folder_that_cannot_be_synced_is_no_failure(target, monkeypatch):
    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", fsync)
    atomic.write_bytes(target, NEW)
    assert target.read_bytes() == NEW


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "another place"),
    ],
)
def test_a_disk_that_fails_leaves_the_old_file(target, monkeypatch, code, advice):
    monkeypatch.setattr(os, "fsync", raiser(OSError(code, os.strerror(code))))
    with pytest.raises(OutputError, match=advice) as caught:
        atomic.write_bytes(target, NEW)
    assert str(target) in str(caught.value)
    assert os.strerror(code) in str(caught.value)
    assert_untouched(target)


def test_a_real_limit_met_while_writing_leaves_the_old_file(target):
    with (
        pytest.raises(OutputError, match=r"result\.bin: cannot be written"),
        no_file_beyond(len(OLD)),
    ):
        atomic.write_bytes(target, NEW)
    assert_untouched(target)


def test_an_unwritable_folder_is_named(target, monkeypatch):
    target.parent.chmod(0o500)
    with monkeypatch.context() as patched:
        if os.access(target.parent, os.W_OK):  # root may write anywhere
            patched.setattr(Path, "open", raiser(PermissionError(errno.EACCES, "denied")))
        with pytest.raises(OutputError, match="permissions") as caught:
            atomic.write_bytes(target, NEW)
    target.parent.chmod(0o700)
    assert str(target) in str(caught.value)
    assert_untouched(target)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="Create the folder"):
        atomic.write_bytes(tmp_path / "no" / "file", NEW)


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(OutputError, match="folder"):
        atomic.write_bytes(tmp_path, NEW)
    assert tmp_path.is_dir()


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="not a regular file"):
        atomic.write_bytes(tmp_path / "pipe", NEW)
    assert (tmp_path / "pipe").is_fifo()


def test_an_error_in_the_block_leaves_the_old_file(target):
    def fail_half_way():
        with atomic.replacing(target) as file:
            file.write(NEW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert_untouched(target)


def test_an_interrupt_at_any_line_leaves_one_whole_file(target):
    lines = 0
    for nth in range(1, 200):
        target.write_bytes(OLD)
        fired = _interrupt_at(nth, target)
        assert target.read_bytes() in (OLD, NEW)
        assert [p.name for p in target.parent.iterdir()] == [target.name]
        if not fired:
            break
        lines += 1
    assert 15 < lines < 199  # it went through every line, and no further


def _interrupt_at(nth, target):
    """Write with an interrupt before the nth line of the module; say whether it came."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        if frame.f_code.co_filename != atomic.__file__:
            return None
        if event == "line":
            count += 1
            if count == nth:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        atomic.write_bytes(target, NEW)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_a_path_that_is_taken_gets_a_number(tmp_path):
    path = tmp_path / "a.b.png"
    for expected in ("a.b.png", "a.b-2.png", "a.b-3.png"):
        found = atomic.free_path(path)
        assert found.name == expected
        found.symlink_to("nowhere")
