"""What a job is asked for: of images that are read already, and of a source."""

import numpy as np
import pytest

import imlogit
from imlogit.errors import DataError, KindError, ParameterError
from imlogit.runs.options import SweepOptions


@pytest.fixture
def pets():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 200, (60, 4, 4), dtype=np.uint8)
    codes = np.arange(60) % 2
    images[:, 0, 0] += codes.astype(np.uint8) * 50
    return imlogit.ImageSet(images, codes, ("cat", "dog"), 60, "pets", "made for a test")


def test_images_that_are_read_are_named_after_themselves(pets):
    found = imlogit.train(pets, folds=2, engine="reference")
    assert found.metrics["options"]["source"] == "pets"
    assert found.command().startswith("imlogit train pets ")


def test_images_that_are_read_cannot_be_read_otherwise(pets):
    model = imlogit.train(pets, folds=2, engine="reference").model
    for job in (imlogit.train, imlogit.check, lambda *a, **how: imlogit.evaluate(model, *a, **how)):
        with pytest.raises(ParameterError, match=r"grey=.* these images are read") as caught:
            job(pets, grey=True)
        assert caught.value.parameter == "grey"


def test_what_is_neither_images_nor_a_name(pets):
    for job in (imlogit.train, imlogit.sweep, imlogit.check):
        with pytest.raises(KindError, match="type ndarray: give an ImageSet"):
            job(pets.images)


def test_a_label_may_be_given_as_a_number(embedded):
    assert imlogit.check(embedded, positive=2).ok
    with pytest.raises(DataError, match="No image has the label '77'"):
        imlogit.train(embedded, positive=77)


def test_the_nearest_label_is_asked_for(pets):
    with pytest.raises(DataError, match=r"'dogs'\. Did you mean 'dog'\? The labels are: cat, dog"):
        imlogit.train(pets, positive="dogs")


def test_the_nearest_rule_is_asked_for():
    with pytest.raises(ParameterError, match="Did you mean 'one-standard-error'"):
        SweepOptions(rule="one_standard_error")


@pytest.mark.parametrize("wrong", [["a"], [None], 3, [], [1.0, 1.0], [-1.0], "1:2"])
def test_values_of_c_that_cannot_be(wrong):
    with pytest.raises(ParameterError, match="Cs="):
        SweepOptions(Cs=wrong)


def test_out_of_range(pets):
    for name, value in (("seed", -1), ("test_size", 1.0), ("size", (0, 3))):
        with pytest.raises(ParameterError) as caught:
            imlogit.train("mnist-5k", **{name: value})
        assert caught.value.parameter == name
