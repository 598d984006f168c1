"""The checks of a source of images."""

import numpy as np
import pytest

from imlogit import check, predict, sweep, train
from imlogit.checks.finding import Severity, Status
from imlogit.checks.fit import no_better_than_base_rate, promise
from imlogit.checks.material import FittedModel, LabelledRows, Material, Promise
from imlogit.data.image_set import ImageSet
from imlogit.engines.matrix import as_matrix
from imlogit.errors import ParameterError
from imlogit.runs.options import TrainOptions

from helpers.findings import failed_codes


def test_the_embedded_images_pass(embedded):
    found = check(embedded)
    assert failed_codes(found) == set()
    assert found.ok
    assert found["base-rate"].failed
    assert found["base-rate"].severity is Severity.NOTE
    assert "90.00%" in found["base-rate"].sentence
    assert found["overlap-exact"].status is Status.PASSED
    assert found["grid-edge"].status is Status.NOT_APPLICABLE


def little(embedded, largest=255):
    """1,000 of the images, with pixels of 0 and another value."""
    images = (embedded.images[::5] > 127) * np.uint8(largest)
    return image_set(images, embedded.labels[::5], embedded, "little")


def image_set(images, labels, of, name):
    return ImageSet(
        images=images,
        labels=labels,
        class_names=of.class_names,
        n_train=min(len(images), 1000),
        name=name,
        origin="made for a test",
    )


def test_the_check_of_the_range_names_the_option_that_mends_it(embedded):
    images = little(embedded, 16)
    found = check(images)["image-range"]
    assert (found.failed, found.severity) == (True, Severity.WARNING)
    assert "All pixels run from 0 to 16 of 255" in found.sentence
    assert "pixel_max=16" in found.advice
    assert not check(images, pixel_max=16)["image-range"].failed
    assert not check(little(embedded))["image-range"].failed


@pytest.mark.parametrize("job", [check, train, sweep])
def test_a_white_that_some_pixels_exceed_is_refused(embedded, job):
    with pytest.raises(ParameterError, match=r"pixel_max=15: the pixels of little run up to 16"):
        job(little(embedded, 16), pixel_max=15)


@pytest.mark.parametrize("wrong", [0, 256, 1.5, True, "16"])
def test_what_cannot_be_white(wrong):
    with pytest.raises(ParameterError, match="whole number from 1 to 255"):
        TrainOptions(pixel_max=wrong)


@pytest.mark.parametrize("job", [train, sweep])
def test_a_white_that_is_given_is_kept_in_the_model(embedded, job, tmp_path):
    images = little(embedded, 16)
    how = {"folds": 2} | ({"Cs": (1.0,)} if job is sweep else {})
    result = job(images, pixel_max=16, **how)
    assert result.model.pixel_scale == 1 / 16
    assert result.metrics["options"]["pixel_max"] == 16
    assert "--pixel-max 16" in result.command()
    assert result.test["recall"].value > 0.5
    np.savez(tmp_path / "again.npz", images=images.images, labels=images.labels)
    said = predict(result.model, tmp_path / "again.npz")
    rows = result.predictions.test_rows
    np.testing.assert_array_equal(
        [said[row].probabilities for row in rows], result.predictions.test_probabilities
    )


def test_a_threshold_is_what_the_check_looks_at(embedded):
    result = train(embedded, recall=0.97, folds=2)
    found = result.checks["no-better-than-base-rate"]
    assert f"is right for {result.test['accuracy'].value:.2%}" in found.sentence
    assert "threshold" in found.sentence
    # worse than the base rate, on purpose: no error
    assert result.test["accuracy"].value < 0.9
    assert (found.failed, found.severity) == (True, Severity.NOTE)
    assert "price of the recall" in found.sentence
    assert result.checks.ok


@pytest.mark.parametrize(
    ("value", "low", "high", "status", "words"),
    [
        (0.95, 0.863, 0.989, Status.FAILED, "is missed: 0.9500 on the test part"),
        (0.995, 0.991, 0.999, Status.PASSED, "is kept: 0.9950"),
        (0.98, 0.9, 0.997, Status.UNDECIDED, "cannot be told: 0.9800"),
        (float("nan"), None, None, Status.UNDECIDED, "undefined"),
    ],
)
def test_a_promise_is_kept_or_missed_or_cannot_be_told(value, low, high, status, words):
    part = LabelledRows("test", as_matrix(np.zeros((4, 1))), np.arange(4) % 2, np.arange(4))
    made = Promise(0.9, "precision", 0.99, value, low, high, np.zeros(4, bool))
    found = promise(Material(part, part, predictor=FittedModel(2, promise=made)))
    assert found.status is status
    assert words in found.sentence
    assert "precision of at least 0.99" in found.sentence


def test_a_penalty_far_too_strong_is_named(embedded):
    found = train(embedded, C=1e-7, folds=2).checks["no-better-than-base-rate"]
    assert "C=1e-07 is far too small. At C=1 " in found.advice
    assert "is right for 9" in found.advice


@pytest.mark.parametrize(
    ("n_positive", "cause"), [(49, "only 39 training images of '2'"), (100, "Neither the range")]
)
def test_nothing_to_learn_blames_neither_penalty_nor_range(embedded, n_positive, cause):
    labels = np.random.default_rng(0).permutation(embedded.labels[::5])
    left_out = np.flatnonzero(labels == embedded.class_names.index("2"))[n_positive:]
    rows = np.delete(np.arange(len(labels)), left_out)
    images = image_set(embedded.images[::5][rows], labels[rows], embedded, "shuffled")
    found = train(images, C=1e-3, folds=2).checks["no-better-than-base-rate"]
    assert found.failed
    assert cause in found.advice


@pytest.mark.parametrize("job", [train, sweep])
def test_a_test_part_that_was_trained_on_is_no_estimate(embedded, job):
    half = little(embedded)
    images, labels = (np.concatenate([one] * 2) for one in (half.images, half.labels))
    twice = image_set(images, labels, half, "twice")
    how = {"folds": 2} | ({"Cs": (1.0,)} if job is sweep else {})
    assert job(twice, **how).metrics["no_estimate"] == ["overlap-exact"]
    assert job(half, **how).metrics["no_estimate"] == []


@pytest.mark.parametrize(
    ("right_without", "status", "severity"),
    [(18, Status.FAILED, Severity.NOTE), (9, Status.UNDECIDED, None), (0, Status.FAILED, None)],
    ids=["better without the threshold", "too few to tell", "worse without it, too"],
)
def test_a_threshold_is_blamed_unless_the_model_is_no_better_without_it(
    right_without, status, severity
):
    # 75 of 300 are of the label; the threshold finds 60 of them, and calls 100 others by it
    true = np.arange(300) < 75
    at_threshold = (np.arange(300) < 60) | (np.arange(300) >= 200)
    most_probable = (np.arange(300) < right_without) | (np.arange(300) >= 293)
    made = Promise(0.1, "recall", 0.8, 0.8, 0.7, 0.9, most_probable)
    part = LabelledRows("test", as_matrix(np.zeros((300, 4))), true, np.arange(300))
    model = FittedModel(2, at_threshold, promise=made)
    found = no_better_than_base_rate(Material(part, part, predictor=model))
    assert (found.status, found.severity) == (status, severity)
