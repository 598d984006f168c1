"""A cache that others may write is said, with what to do about it."""

import os
import sys

import numpy as np
import pytest

from imlogit import load
from imlogit.data.cache import entries, ownership

from helpers.image_files import write_class_folders

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
IMAGES = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3)


@pytest.fixture
def source(tmp_path):
    return write_class_folders(tmp_path / "source", IMAGES, ["a", "b"] * 2)


@pytest.mark.parametrize("place", ["", "sources"])
@pytest.mark.parametrize(("mode", "said"), [(0o777, "by everybody"), (0o755, ""), (0o700, "")])
def test_modes(cache_home, place, mode, said):
    (cache_home / "sources").mkdir(parents=True, mode=0o700)
    (cache_home / place).chmod(mode)
    assert said in ownership.others_of(cache_home)
    assert bool(said) is bool(ownership.others_of(cache_home))


def test_a_group_of_others(cache_home, monkeypatch):
    cache_home.mkdir(mode=0o700)
    cache_home.chmod(0o770)
    monkeypatch.setattr(ownership, "_is_private", lambda _: False)
    assert "of its group" in ownership.others_of(cache_home)
    monkeypatch.setattr(ownership, "_is_private", lambda _: True)
    assert ownership.others_of(cache_home) == ""


def test_another_owner(cache_home, monkeypatch):
    cache_home.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: cache_home.stat().st_uid + 1)
    owned_by_root = cache_home.stat().st_uid == 0
    assert ownership.others_of(cache_home) == ("" if owned_by_root else "belongs to another user")


def test_it_is_said_once_and_images_are_read(source, recwarn):
    entries.folder().mkdir()
    entries.folder().chmod(0o777)
    for _ in range(2):
        assert len(load(source)) == 4
    said = [
        str(one.message) for one in recwarn if "may be written by everybody" in str(one.message)
    ]
    assert len(said) == 1
    assert "chmod go-w" in said[0]
