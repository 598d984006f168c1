"""Features in the cache: listed, used, and removed with their images."""

import os
import time

import numpy as np
import pytest

from imlogit import load
from imlogit.data.cache import entries
from imlogit.data.cache.feature_rows import MadeOf, kept_features, read_or_make, read_rows
from imlogit.data.clearing import clear_cache
from imlogit.data.facts import kept_bytes

from helpers.image_files import write_class_folders

DAY = 86_400


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "cache"))


def made_of(images, source="photos", **how):
    facts = {"steps": "hog", "parts": {"steps": [["hog", {}]]}, "code": "1", "shape": (4, 3)}
    return MadeOf(images, source, **facts | {"dtype": np.dtype(np.uint8)} | how)


def make(wanted, value=1):
    blocks = [np.full((2, 3), value, np.uint8), np.full((2, 3), value + 1, np.uint8)]
    return read_or_make(wanted, lambda: blocks)


def test_blocks_become_rows():
    wanted = made_of("a" * 64)
    assert make(wanted).tolist() == [[1] * 3] * 2 + [[2] * 3] * 2
    assert make(wanted, 7).tolist()[0] == [1] * 3
    (kept,) = kept_features()
    assert (kept["source"], kept["images"], kept["features"]) == ("photos", 4, 3)
    assert kept_bytes() == kept["bytes"] > 12


def test_what_another_code_made_is_replaced():
    make(made_of("a" * 64))
    later = made_of("a" * 64, code="2")
    assert read_rows(later) is None
    assert make(later, 7).tolist()[0] == [7] * 3
    assert [one["code"] for one in kept_features()] == ["2"]


def test_without_a_place_to_write_they_are_made_each_time(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="features could not be kept in the cache folder"):
        assert make(made_of("a" * 64)) is None


def test_they_go_with_their_images(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 9, 9), np.uint8)
    source = write_class_folders(tmp_path / "photos", images, "abab")
    own = made_of(load(source).sha256)
    other = made_of("f" * 64, "mnist")
    for wanted in (own, other):
        make(wanted)
    clear_cache(source)
    assert [one["source"] for one in kept_features()] == ["mnist"]
    clear_cache("mnist")
    assert not kept_features()


def test_what_was_not_used_goes():
    old, new = made_of("a" * 64), made_of("b" * 64)
    for wanted in (old, new):
        make(wanted)
        then = time.time() - 9 * DAY
        os.utime(entries.folder() / wanted.entry, (then, then))
    assert read_rows(new) is not None  # it is used now
    assert clear_cache(older_than="8d").bytes > 12
    assert [one["sha256"] for one in kept_features()] == [new.images]
    clear_cache(everything=True)
    assert not kept_features()
