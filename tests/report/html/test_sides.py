"""Pictures of what speaks for a class and against it, and the sums that they stand for."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from imlogit.data.image_set import ImageSet
from imlogit.report.html.content import content_of
from imlogit.report.html.sides import LARGEST_SIDE, evidence_pictures, sides_of, weight_pictures
from imlogit.runs.options import TrainOptions
from imlogit.runs.train import train


def drawn(uri):
    """Return how dark a picture is, from 0 to 1, pixel by pixel."""
    file = io.BytesIO(base64.b64decode(uri.partition(",")[2]))
    pixels = np.asarray(Image.open(file).convert("RGB"), dtype=float)
    return 1 - pixels.min(axis=2) / 255


def test_what_is_positive_is_on_the_left_and_the_rest_on_the_right():
    shares = np.array([[1.0, 0.5, 0.0], [0.0, -1.0, -0.5]])
    found = sides_of(shares)
    left, right = drawn(found.toward), drawn(found.against)
    assert (left > 0.05).tolist() == [[True, True, False], [False, False, False]]
    assert (right > 0.05).tolist() == [[False, False, False], [False, True, True]]
    assert left[0, 0] > left[0, 1]


def test_pictures_stay_small_of_whatever_is_in_them(rng):
    found = sides_of(rng.uniform(-1, 1, (300, 500)))
    assert (found.width, found.height) == (LARGEST_SIDE, round(LARGEST_SIDE * 3 / 5))
    assert len(found.toward) < 5_000


@pytest.fixture(scope="module")
def of_features():
    """A run whose model makes features of pixels."""
    pixels = np.random.default_rng(0).integers(0, 90, (40, 16, 16), dtype=np.uint8)
    pixels[::2, 4:12, 6:10] = 255
    codes = np.arange(40) % 2
    images = ImageSet(pixels, codes, ("1", "0"), n_train=24, name="d", origin="o", sha256="0" * 64)
    options = {"every_class": True, "folds": 2, "C": 0.1, "engine": "reference"}
    return train(images, TrainOptions(features="hog", **options))


@pytest.mark.parametrize("kind", ["pixels", "features"])
def test_evidence_adds_up_to_the_answer(kind, training, of_features):
    run = training if kind == "pixels" else of_features
    content = content_of(run)
    sheet, found = evidence_pictures(content)
    assert found
    for one in found:
        assert one.row in sheet.places
        assert sum(one.sums) + one.intercept == pytest.approx(one.margin)
        # above 0, it is the first class that is answered
        assert one.answer == (one.toward if one.margin > 0 else one.against)
    assert bool(weight_pictures(content.model)) == (kind == "pixels")


def test_right_answers_of_each_class_come_first(of_features):
    content = content_of(of_features)
    found = evidence_pictures(content)[1]
    right = [one.label for one in found if one.label == one.answer]
    assert right == ["1", "1", "0", "0"]
    assert [one.label for one in found[:4]] == right
