"""Negatives: parts and classes of them are found, and images that only look alike are not."""

import numpy as np
import pytest

from imlogit import check_arrays
from imlogit.runs.options import TrainOptions
from imlogit.runs.train import train

CODE = "image-inverted"


def inverted(images, rows):
    found = images.copy()
    found[rows] = 255 - found[rows]
    return found


def test_a_test_part_of_negatives(parts):
    images, digits, test, truth = parts
    found = check_arrays(test, truth, inverted(images, slice(None)), digits)[CODE]
    assert found.failed
    assert "600 of 600 of the test part" in found.sentence
    assert {one.rows[0][0] for one in found.exhibits} == {"test"}


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_a_class_of_negatives(parts, share):
    images, digits, *test = parts
    rows = np.flatnonzero(digits == 3)
    rows = rows[: round(share * len(rows))]
    found = check_arrays(inverted(images, rows), digits, *test)[CODE]
    assert found.failed
    assert {one.rows for one in found.exhibits} == {(("training", row),) for row in rows.tolist()}
    assert "labelled '3'" in found.sentence
    assert "Look at their pictures first" in found.advice


def test_negatives_where_white_is_another_pixel(parts):
    images, digits, test, truth = (part // 16 if part.ndim > 1 else part for part in parts)
    spoilt = images.copy()
    spoilt[digits == 3] = 15 - spoilt[digits == 3]
    assert not check_arrays(spoilt, digits, test, truth)[CODE].failed


def filling_its_frame(images, digits):
    """Some images of a class have bright borders, with the same inside."""
    found, rows = images.copy(), np.flatnonzero(digits == 3)[::4]
    found[rows, :2] = found[rows, -2:] = 255
    found[rows, :, :2] = found[rows, :, -2:] = 255
    return found


def on_white(images, digits):
    """A class that lies on white, and is no negative of what the others show."""
    found, rows = images.copy(), digits == 3
    noise = np.random.default_rng(0).integers(0, 256, images[rows].shape, dtype=np.uint8)
    found[rows] = noise
    found[rows, :3] = found[rows, -3:] = 255
    found[rows, :, :3] = found[rows, :, -3:] = 255
    # dark in places where the others are dark, too
    found[rows, 3:8] = found[rows, 20:25] = 0
    return found


@pytest.mark.parametrize("made", [filling_its_frame, on_white])
def test_another_background_is_no_negative(parts, made):
    images, digits, *test = parts
    assert not check_arrays(made(images, digits), digits, *test)[CODE].failed


def test_single_negatives_need_a_model_that_says_so(embedded):
    rows = np.arange(0, len(embedded), 250)
    spoilt = type(embedded)(
        images=inverted(np.array(embedded.images), rows),
        labels=embedded.labels,
        class_names=embedded.class_names,
        n_train=embedded.n_train,
        name="spoilt",
        origin="made for a test",
    )
    assert not check_arrays(spoilt.images, spoilt.labels)[CODE].failed
    options = TrainOptions(every_class=True, folds=2, C=0.01)
    found = train(spoilt, options).checks[CODE]
    named = {one.rows[0][1] for one in found.exhibits}
    assert named <= set(rows.tolist())
    assert len(named) >= 0.7 * len(rows)
    clean = train(embedded, options).checks[CODE]
    assert not clean.failed
