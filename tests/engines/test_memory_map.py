"""A file that is cut short while it is mapped: one line, and not the end of the process."""

import os

import numpy as np
import pytest

import imlogit
from imlogit.engines.matrix import as_matrix
from imlogit.engines.memory_map import map_end
from imlogit.errors import DataError

from helpers.kinds import mapped

PARTS = {
    "whole": (lambda x: x, 30),
    "first rows": (lambda x: x[:5], 5),
    "part": (lambda x: x[3:20, 1:], 20),
    "as an array": (lambda x: np.asarray(x)[4:], 30),
    "reversed": (lambda x: x[::-1], 30),
}


@pytest.mark.parametrize("name", PARTS)
def test_where_a_part_ends(rng, tmp_path, name):
    part, rows = PARTS[name]
    whole = mapped(rng.normal(size=(30, 4)), tmp_path)
    end = map_end(part(whole))
    assert end.n_bytes == whole.offset + rows * 4 * 8
    end.check()
    os.truncate(whole.filename, end.n_bytes - 1)
    with pytest.raises(DataError, match=r"features\.npy was cut short while it was mapped"):
        end.check()


def test_what_is_in_memory_has_no_end(rng, tmp_path):
    x = rng.normal(size=(3, 2))
    whole = mapped(x, tmp_path)
    assert map_end(x) is map_end(x[:1]) is map_end(np.array(whole)) is map_end(whole[:0]) is None


def test_a_file_with_rows_before_it(rng, tmp_path):
    path = tmp_path / "raw"
    path.write_bytes(bytes(100_000) + rng.bytes(4000))
    whole = np.memmap(path, np.uint8, "r", offset=100_000, shape=(40, 100))
    assert map_end(whole[:10]).n_bytes == 101_000
    assert as_matrix(whole).take(np.array([2])).shape == (1, 100)
    os.truncate(path, 102_000)
    assert as_matrix(whole[:20]).block(0, 20).shape == (20, 100)
    for read in (lambda m: m.block(0, 1), lambda m: m.take(np.arange(1)), lambda m: m.in_place):
        with pytest.raises(DataError, match=r"102,000 bytes.*needs 104,000"):
            read(as_matrix(whole))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float16])
@pytest.mark.parametrize("engine", ["numba", "reference"])
def test_neither_fits_nor_predictions_die(rng, tmp_path, dtype, engine):
    x = mapped(rng.integers(0, 9, (5000, 20)).astype(dtype), tmp_path)
    y = np.arange(len(x)) % 2
    model = imlogit.LogisticRegression(engine=engine, pixel_scale=1.0).fit(x, y)
    os.truncate(x.filename, 4096)
    for job in (lambda: model.fit(x, y), lambda: model.predict(x)):
        with pytest.raises(DataError, match="cut short") as caught:
            job()
        assert "\n" not in str(caught.value)


def test_labels_weights_and_checks_neither(rng, tmp_path):
    x, y = rng.normal(size=(3000, 2)), np.arange(3000.0) % 2
    labels = mapped(y, tmp_path, "labels.npy")
    os.truncate(labels.filename, 200)
    model = imlogit.LogisticRegression()
    for job in (
        lambda: model.fit(x, labels),
        lambda: model.fit(x, y, labels),
        lambda: imlogit.check_arrays(x, labels),
    ):
        with pytest.raises(DataError, match=r"labels\.npy was cut short"):
            job()
