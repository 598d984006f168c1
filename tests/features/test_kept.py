"""Features that are made once: what is believed, and what is made again."""

import json
import tracemalloc

import numpy as np
import pytest

from imlogit.data.cache import entries, feature_rows
from imlogit.features import kept
from imlogit.features.chain import Chain
from imlogit.features.python_function import function_chain

SMALL = "hog:cells=4,levels=1"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def counted(monkeypatch):
    """How many images features were made of."""
    made = []
    whole = kept._blocks

    def blocks(chain, images, *rest):
        made.append(len(images))
        return whole(chain, images, *rest)

    monkeypatch.setattr(kept, "_blocks", blocks)
    return made


def rows_of(images, text=SMALL, **how):
    return kept.make_rows(Chain.parse(text).fit(images), images, "blobs", **how)


def test_they_are_made_once_and_mapped(grey, counted):
    chain = Chain.parse(SMALL).fit(grey)
    assert kept.kept_rows(chain, grey) is None
    first = rows_of(grey)
    again = rows_of(grey.copy())
    assert counted == [len(grey)]
    np.testing.assert_array_equal(first, chain.transform(grey))
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(kept.kept_rows(chain, grey), first)
    assert isinstance(first.base, np.memmap)
    assert not first.flags.writeable


def test_whatever_they_depend_on_is_in_the_key(grey, counted, monkeypatch):
    changed = grey.copy()
    changed[-1, 0, 0] ^= 1
    for images, text in [
        (grey, SMALL),
        (changed, SMALL),
        (grey, "hog:cells=4,levels=1,signed=no"),
        (grey, "deskew"),
        (grey, "patches:filters=3,size=4,grid=2"),
    ]:
        rows_of(images, text)
    other = Chain.parse("patches:filters=3,size=4,grid=2").fit(grey, seed=1)
    kept.make_rows(other, grey, "blobs")
    assert len(counted) == 6
    monkeypatch.setattr(kept, "_code", lambda: "another")
    rows_of(grey)
    rows_of(grey)
    assert len(counted) == 7
    assert len(feature_rows.kept_features()) == 6  # that of the other code was replaced


def test_what_is_damaged_is_made_again(grey, counted):
    rows = rows_of(grey)
    (entry,) = [path for path in entries.entry_paths() if path.name.startswith("features-")]
    place = entry / "rows.npy"
    good = place.read_bytes()
    expected = rows.copy()
    del rows
    facts = json.loads((entry / "facts.json").read_text())
    facts["facts"]["shape"] = [1, 1]
    for name, content in [
        ("rows.npy", good[:-1] + bytes([good[-1] ^ 1])),
        ("rows.npy", good[:-1]),
        ("facts.json", json.dumps(facts).encode()),
        ("facts.json", b"{"),
    ]:
        (entry / name).write_bytes(content)
        with pytest.warns(UserWarning, match="are damaged: .* They are made again"):
            np.testing.assert_array_equal(rows_of(grey), expected)
    assert len(counted) == 5


def test_an_interrupt_leaves_nothing(grey):
    def progress(what, done, total):
        assert (what, total) == ("features of blobs", len(grey))
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rows_of(grey, progress=progress)
    left = [path.name for path in entries.entry_paths() if not path.name.endswith(".lock")]
    assert left == []


def test_where_nothing_is_to_be_kept(grey, monkeypatch):
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", "0")
    assert rows_of(grey) is None
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", "1KB")
    with pytest.warns(UserWarning, match="The features of blobs are not kept .* more than the"):
        assert rows_of(grey) is None
    assert not feature_rows.kept_features()


def test_pixels_and_functions_are_not_kept(grey):
    for chain in (Chain.parse("pixels").fit(grey), function_chain(lambda x: x[:, 0], grey)):
        assert kept.make_rows(chain, grey, "blobs") is None
        assert kept.kept_rows(chain, grey) is None


def test_the_least_recently_used_go_where_there_is_no_room(grey, monkeypatch):
    rows_of(grey, "deskew")
    (first,) = feature_rows.kept_features()
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", str(first["bytes"] + 100))
    rows_of(grey[:-1], "deskew")
    (second,) = feature_rows.kept_features()
    assert second["images"] == first["images"] - 1


def test_memory_is_that_of_a_block(grey, monkeypatch):
    monkeypatch.setattr(feature_rows, "warn_of_others", lambda: None)
    many = np.resize(grey, (8 * 2048, *grey.shape[1:]))
    chain = Chain.parse("hog:cells=6,levels=1").fit(grey)
    whole = len(many) * chain.n_features
    chain.transform(grey)
    tracemalloc.start()
    try:
        rows = kept.make_rows(chain, many, "many")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert rows.shape == (len(many), chain.n_features)
    assert peak < 0.4 * whole
