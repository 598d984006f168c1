"""Deformed copies: the same bytes in any order, and no copy on the other side of a split."""

import numpy as np
import pytest

from imlogit import DataError, ImageSet, ParameterError, augment, sweep, train
from imlogit.data.split import split
from imlogit.runs.folding import folds_of
from imlogit.runs.options import TrainOptions
from imlogit.runs.plan import begin


@pytest.fixture(scope="module")
def digits(embedded):
    """Two hundred images of two digits; 40 validate and 60 test."""
    rows = np.flatnonzero(np.isin(embedded.labels, [2, 3]))
    rows = np.random.default_rng(0).permutation(rows)[:200]
    labels = (embedded.labels[rows] == 3).astype(int)
    names = [f"{k}.png" for k in range(200)]
    return ImageSet(
        embedded.images[rows], labels, ("2", "3"), 100, "two", "x", names=names, n_validation=40
    )


@pytest.fixture(scope="module")
def augmented(digits, tmp_path_factory):
    return augment(digits, tmp_path_factory.mktemp("a") / "packed", copies=3, shard_bytes=50_000)


def test_originals_stay_and_other_parts_too(digits, augmented):
    images = np.asarray(augmented.images)
    assert (augmented.n_train, augmented.n_validation, len(augmented)) == (400, 40, 500)
    np.testing.assert_array_equal(images[:400:4], digits.images[:100])
    np.testing.assert_array_equal(images[400:], digits.images[100:])
    np.testing.assert_array_equal(augmented.labels[:400], np.repeat(digits.labels[:100], 4))
    np.testing.assert_array_equal(augmented.labels[400:], digits.labels[100:])
    assert augmented.names[4:6] == ["1.png", "1.png (copy 1)"]
    assert augmented.names[400] == "100.png"
    assert len(np.unique(images[:400].reshape(400, -1), axis=0)) == 400


def test_copies_are_like_what_they_are_of(augmented):
    images = np.asarray(augmented.images[:400]).reshape(100, 4, -1).astype(float)
    near = np.abs(images[:, 1:] - images[:, :1]).mean()
    far = np.abs(images[:-1, 1:] - images[1:, :1]).mean()
    assert 5 < near < 0.7 * far
    ink = images.sum(axis=2)
    assert np.abs(ink[:, 1:].mean() / ink[:, 0].mean() - 1) < 0.1


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_same_bytes_in_any_order(digits, augmented, tmp_path, monkeypatch, threads):
    monkeypatch.setenv("IMLOGIT_NUM_THREADS", threads)
    found = augment(digits, tmp_path / "packed", copies=3, shard_bytes=10_000)
    assert found.sha256 == augmented.sha256
    fewer = augment(digits, tmp_path / "fewer", copies=1)
    np.testing.assert_array_equal(fewer.images[1:200:2], np.asarray(found.images)[1:400:4])
    assert (found.in_shards, fewer.in_shards) == (True, False)  # the test part has its own
    other = augment(digits, tmp_path / "other", copies=1, seed=1)
    assert (other.images[1:200:2] != fewer.images[1:200:2]).any(axis=(1, 2)).all()


def test_a_test_part_is_drawn_before_copies_are_made(digits, tmp_path):
    whole = ImageSet(digits.images, digits.labels, ("2", "3"), 200, "two", "x")
    found = augment(whole, tmp_path / "packed", copies=2, seed=5)
    drawn = split(whole, 0.2, 5)
    np.testing.assert_array_equal(found.test.images, whole.images[drawn.test])
    assert found.n_train == 3 * len(drawn.train)
    assert "test part drawn by class, seed 5" in found.origin


def test_copies_of_copies_are_one_group(augmented, tmp_path):
    found = augment(augmented, tmp_path / "packed", copies=1)
    assert found.copies == 7
    np.testing.assert_array_equal(found.images[:800:8], np.asarray(augmented.images)[:400:4])
    np.testing.assert_array_equal(found.groups(np.array([0, 7, 8, 799, 800, 801]))[:3], [0, 0, 1])


@pytest.mark.parametrize("options", [{}, {"every_class": True, "folds": 4}], ids=str)
def test_no_fold_parts_an_image_from_its_copies(augmented, options):
    task = begin(augmented, TrainOptions(**options))
    groups = augmented.groups(task.split.train)
    held_out = []
    for train_rows, test_rows in folds_of(task):
        assert not set(groups[train_rows]) & set(groups[test_rows])
        assert len(train_rows) + len(test_rows) == len(task.split.train)
        held_out.append(test_rows)
    np.testing.assert_array_equal(np.sort(np.concatenate(held_out)), np.arange(440))


def test_runs_say_and_keep_it(augmented, tmp_path):
    found = train(augmented, folds=3)
    assert "3 of 4 copies" in found.task.facts()["training"]
    folds = found.predictions.train_folds[np.argsort(found.predictions.train_rows)][:400]
    assert (folds.reshape(100, 4) == folds[::4, None]).all()
    found = sweep(augmented, folds=2, Cs=[0.1])
    folds = found.predictions.train_folds[np.argsort(found.predictions.train_rows)][:400]
    assert set(folds) == {0, 1}
    assert (folds.reshape(100, 4) == folds[::4, None]).all()


@pytest.mark.parametrize(
    "given",
    [{"copies": 0}, {"copies": 1.5}, {"copies": 10_001}, {"copies": 1, "seed": -1}],
    ids=str,
)
def test_what_is_no_number_of_copies(digits, tmp_path, given):
    with pytest.raises(ParameterError, match="give a whole number"):
        augment(digits, tmp_path / "packed", **given)
    assert not (tmp_path / "packed").exists()


def test_sets_with_copies_are_checked(digits):
    how = (digits.images, digits.labels, ("2", "3"))
    with pytest.raises(DataError, match="copies is 2"):
        ImageSet(*how, 100, "x", "x", copies=2)
    with pytest.raises(DataError, match="test part of their own"):
        ImageSet(*how, 200, "x", "x", copies=1)


def test_a_share_that_cannot_be_drawn(tmp_path):
    with pytest.raises(ParameterError, match="test_size"):
        augment("mnist-5k", tmp_path / "packed", copies=1, test_size=2)
    assert not (tmp_path / "packed").exists()
