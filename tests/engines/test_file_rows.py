"""Rows in files that workers read themselves."""

import os
from itertools import pairwise

import numpy as np
import pytest

from imlogit import DataError, LogisticRegression
from imlogit.data.formats.npy import map_npy
from imlogit.engines.dask_matrix import spread_rows
from imlogit.engines.file_rows import read_files, rows_in_files
from imlogit.engines.matrix import ArrayMatrix, as_matrix
from imlogit.engines.sharded_matrix import ShardedMatrix
from imlogit.system.shards import ShardedRows

from helpers.clusters import client_of, needs_dask

N, SIDE, D = 3_000, 4, 16
CUT = 1_100


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).integers(0, 256, (N, SIDE, SIDE), dtype=np.uint8)


@pytest.fixture
def shards(tmp_path, images):
    """The images in two files, mapped, the second one from its second image on."""
    for name, part in (("a", images[:CUT]), ("b", images[CUT - 1 :])):
        np.save(tmp_path / f"{name}.npy", part)
    return ShardedRows([map_npy(tmp_path / "a.npy"), map_npy(tmp_path / "b.npy")[1:]])


@pytest.fixture(scope="module")
def client():
    with client_of(2) as made, made.as_current():
        yield made


def test_rows_are_found_in_their_files(images, shards):
    rows = images.reshape(N, D)
    for matrix, expected in (
        (as_matrix(shards), images),
        (ArrayMatrix(shards.parts[1]), images[CUT:]),
    ):
        for start, stop in ((0, len(matrix)), (5, 7), (900, 1_300)):
            files = rows_in_files(matrix, start, stop)
            np.testing.assert_array_equal(read_files(files), expected[start:stop])
    np.testing.assert_array_equal(read_files(rows_in_files(flat(shards), 10, 30)), rows[10:30])


def flat(shards):
    return ShardedMatrix([ArrayMatrix(one, flat=True) for one in shards.parts])


def kinds_that_are_sent(tmp_path, images):
    np.save(tmp_path / "halves.npy", images.astype(np.float16))
    np.save(tmp_path / "bytes.npy", images)
    return {
        "in memory": images,
        "16 bits": np.load(tmp_path / "halves.npy", mmap_mode="r"),
        "every other": np.load(tmp_path / "bytes.npy", mmap_mode="r")[::2],
        "may be written to": np.load(tmp_path / "bytes.npy", mmap_mode="c"),
    }


@pytest.mark.parametrize("kind", ["in memory", "16 bits", "every other", "may be written to"])
def test_others_are_not(tmp_path, images, kind):
    assert rows_in_files(ArrayMatrix(kinds_that_are_sent(tmp_path, images)[kind]), 0, 9) is None


def test_a_file_that_was_changed_is_named(tmp_path, images, shards):
    files = rows_in_files(as_matrix(shards), 0, N)
    os.utime(tmp_path / "b.npy", ns=(0, 0))
    with pytest.raises(DataError, match=r"b\.npy has changed"):
        read_files(files)
    (tmp_path / "a.npy").unlink()
    with pytest.raises(DataError, match=r"a\.npy has changed, or is not there"):
        read_files(files)


@needs_dask
def test_workers_read_what_they_find(client, images, shards):
    found = spread_rows(flat(shards))
    assert all(one.key.startswith("read_files") for one in found.futures)
    for start, stop in pairwise(found.borders.tolist()):
        np.testing.assert_array_equal(found.block(start, stop), images[start:stop].reshape(-1, D))


@needs_dask
def test_rows_that_a_worker_does_not_find_are_sent(client, tmp_path, images, shards):
    (tmp_path / "a.npy").unlink()  # the map of this process goes on
    found = spread_rows(flat(shards))
    assert not any(one.key.startswith("read_files") for one in found.futures)
    np.testing.assert_array_equal(found.block(0, N), images.reshape(N, D))


@needs_dask
def test_the_fit_has_the_bits_of_one_process(client, images, shards):
    y = images[:, 0, 0] > np.random.default_rng(4).integers(0, 256, N)
    there = LogisticRegression(1e-3, engine="dask").fit(shards, y)
    here = LogisticRegression(1e-3, engine="numba").fit(shards, y)
    np.testing.assert_array_equal(there.coef_, here.coef_)
