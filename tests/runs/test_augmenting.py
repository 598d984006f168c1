"""Copies of the training images that are fitted on, too: no figure counts them."""

import io

import numpy as np
import pytest
from rich.console import Console

import imlogit
from imlogit.data.image_set import ImageSet
from imlogit.data.images.shift import BY_ONE, shift
from imlogit.features.chain import Chain
from imlogit.report.console.summaries import print_sweep, print_training
from imlogit.report.html.report_facts import ReportFacts
from imlogit.report.run_folder import checkpoint_place
from imlogit.runs import augmenting
from imlogit.runs.folding import folds_of, validation_of
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.plan import begin

HOW = {"folds": 3, "engine": "reference", "every_class": True}


@pytest.fixture(scope="module")
def digits(embedded):
    """75 digits, of three classes."""
    rows = np.arange(0, 1500, 20).reshape(3, 25).T.ravel()
    return ImageSet(embedded.images[rows], embedded.labels[rows], tuple("012"), 75, "few", "here")


@pytest.fixture(scope="module")
def run(digits):
    return imlogit.train(digits, **HOW, augment="shifts")


def by_hand(images, **how):
    return np.concatenate([images, *(shift(images, *way, **how) for way in BY_ONE)])


def test_a_fold_is_fitted_on_the_other_images_and_their_copies_alone(digits, run):
    task, kept = run.task, run.predictions
    images, labels = digits.images[task.split.train], digits.labels[task.split.train]
    assert kept.train_probabilities.shape == (60, 3)
    for number in range(3):
        own = kept.train_folds == number
        model = imlogit.LogisticRegression(engine="reference")
        model.fit(by_hand(images[~own], repeat_edge=False), np.tile(labels[~own], 5))
        said = model.predict_proba(images[own])
        np.testing.assert_allclose(kept.train_probabilities[own], said, atol=1e-3)
    plain = imlogit.train(digits, **HOW)
    np.testing.assert_array_equal(kept.train_folds, plain.predictions.train_folds)
    assert np.abs(kept.test_probabilities - plain.predictions.test_probabilities).max() > 0.01


def test_figures_and_checks_count_images(digits, run):
    found = run.metrics
    assert (found["options"]["augment"], found["data"]["n_copies"]) == ("shifts", 240)
    assert (found["data"]["n_train"], found["data"]["n_test"]) == (60, 15)
    assert run.task.training_rows.shape == (300, 28, 28)
    assert found["cross_validation"]["pooled"]["n"] == 60
    assert [fold["n"] for fold in found["cross_validation"]["folds"]] == [20, 20, 20]
    assert found["test"]["n"] == len(run.task.test_rows) == 15
    for code in ("overlap-exact", "overlap-near", "duplicates"):
        assert run.checks[code].status in ("passed", "not applicable")
    assert ReportFacts.of(found, 75).n_copies == 240
    assert "--augment shifts" in run.command()
    plain = begin(digits, TrainOptions(**HOW))
    assert "augment" not in plain.option_metrics()
    assert "n_copies" not in plain.data_metrics()
    assert checkpoint_place(plain, None) != checkpoint_place(run.task, None)


@pytest.mark.parametrize("job", [imlogit.train, imlogit.sweep])
def test_the_first_lines_and_the_verdict_say_it(digits, run, job):
    more = {"Cs": (0.1, 1.0)} if job is imlogit.sweep else {}
    found = job(digits, **HOW, **more, augment="shifts") if more else run
    console = Console(file=io.StringIO(), width=300)
    (print_sweep if more else print_training)(console, found)
    said = "fitted on 60 images and 240 copies of them, moved by a pixel; figures count no copies."
    assert console.file.getvalue().count(said) == 2
    assert found.task.facts()["copies"].endswith("moved by one pixel: 235.2 KB with them")
    assert "copies" not in begin(digits, TrainOptions(**HOW)).facts()
    assert len(found.predictions.train_codes) == found.metrics["data"]["n_train"] == 60


def test_features_are_made_of_copies(digits):
    task = begin(digits, TrainOptions(**HOW, augment="shifts", features="deskew+hog"))
    seen = []
    task.make_features(lambda what, done, total: seen.append((what, done, total)))
    images = digits.images[task.split.train]
    chain = Chain.parse("deskew+hog").fit(images)
    wanted = chain.transform(by_hand(images, repeat_edge=False))
    np.testing.assert_array_equal(task.training_rows, wanted)
    np.testing.assert_array_equal(task.test_rows, chain.transform(digits.images[task.split.test]))
    assert seen[-1] == ("moved copies of few", 240, 240)


def test_photographs_repeat_their_edge():
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 5, 3), dtype=np.uint8)
    photos = ImageSet(images, np.arange(20) % 2, ("a", "b"), 20, "photos", "here")
    task = begin(photos, TrainOptions(folds=2, augment="shifts"))
    wanted = by_hand(images[task.split.train], repeat_edge=True)
    np.testing.assert_array_equal(task.training_rows, wanted)


def test_neither_folds_nor_a_validation_part_have_copies_on_both_sides(digits):
    """Nor of images that the source has copies of."""
    labels = np.repeat(digits.labels[:38], 2)[:75]  # an image and a copy of it, which is another
    how = {"copies": 1, "n_validation": 15}
    parted = ImageSet(digits.images, labels, digits.class_names, 40, "copied", "here", **how)
    options = SweepOptions(folds=2, every_class=True, augment="shifts")
    task = begin(parted, options)
    n, groups = 55, parted.groups(task.split.train)
    for fitted_on, held_out in [*folds_of(task), validation_of(task)]:
        assert not set(groups[fitted_on % n]) & set(groups[held_out])
        assert set(groups[fitted_on % n]) | set(groups[held_out]) == set(groups)
        assert len(np.unique(fitted_on)) == len(fitted_on) == 5 * (n - len(held_out))
        assert held_out.max() < n
    assert task.split.validation[validation_of(task)[1]].all()


def test_what_cannot_be_copied_is_one_line(digits, monkeypatch):
    with pytest.raises(imlogit.ParameterError, match="augment='shift' is not known. Did you mean"):
        TrainOptions(augment="shift")
    options = TrainOptions(**HOW, augment="shifts")
    with monkeypatch.context() as patch:
        patch.setattr(augmenting, "available_memory", lambda: 200_000)
        with pytest.raises(
            imlogit.ParameterError, match="copies take 235.2 KB, and there are 0 GB"
        ):
            begin(digits, options)
    with monkeypatch.context() as patch:
        patch.setattr(ImageSet, "in_shards", True)
        with pytest.raises(imlogit.ParameterError, match="few lies in several files"):
            begin(digits, options)
