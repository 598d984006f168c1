"""Pictures of images and of weights, whatever the classes are called."""

from dataclasses import replace

import numpy as np
import pytest

from imlogit.estimators.logistic_cv import CPath
from imlogit.report.pictures import figures
from imlogit.report.pictures.page import FRAME

from helpers.awkward_names import NAMES, striped_images
from helpers.pictures import colours_in, cut_texts_of, rgb_of, texts_of

# matplotlib's, of letters that it cannot draw and of what does not fit
pytestmark = pytest.mark.filterwarnings("error:(Glyph|Matplotlib|constrained):UserWarning")


def test_samples(training):
    coloured = colours_in(figures.sample_sheet(training.task.image_set))
    assert (coloured > 0.1) == (training.task.image_set.images.ndim == 4)


def test_weights(training):
    shape = training.task.image_set.image_shape
    picture = figures.weight_sheet(training.model.coef, shape, training.task.target.names)
    assert colours_in(picture) > 0.05


def test_a_long_name_leaves_the_picture_its_size():
    names = ("a", "b"), ("n" * 60, "m" * 60)
    sets = [striped_images((8, 8), of, name="n" * 60) for of in names]
    short, long = (rgb_of(figures.sample_sheet(one)).shape[1] for one in sets)
    assert short < long < 1.2 * short


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_other_numbers_of_channels(channels):
    images = striped_images((6, 5, channels), ("a", "b"))
    assert colours_in(figures.sample_sheet(images)) == 0
    for sign, colour in ((1, 0), (-1, 2)):
        weights = sign * np.ones((2, 30 * channels))
        picture = rgb_of(figures.weight_sheet(weights, (6, 5, channels), ("a", "b"))).astype(int)
        assert (picture[:, :, colour] - picture[:, :, 2 - colour] > 50).mean() > 0.1


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 3), (3, 40), (40, 3), (5, 5, 6)])
@pytest.mark.parametrize("n", [1, 2, 10, 20, 400])
def test_any_number_of_classes_within_a_page(pages, shape, n):
    names = tuple(f"{'n' * 50} {k}" for k in range(n))
    samples = figures.sample_sheet(striped_images(shape, names, per_class=2))
    weights = figures.weight_sheet(np.ones((n, np.prod(shape))), shape, names)
    for page, png in zip(pages, (samples, weights), strict=True):
        assert max(rgb_of(png).shape) <= 1000
        assert not cut_texts_of(page)
        assert any("380 more not shown" in text for text in texts_of(page)) == (n == 400)


def test_white_images_are_seen(pages):
    white = striped_images((9, 9), ("a", "b"), per_class=3)
    white = replace(white, images=np.full_like(white.images, 255), sha256="")
    frames = (rgb_of(figures.sample_sheet(white)) == FRAME).all(axis=2)
    # along the upper edge of a row of images there are three frames
    assert (np.diff(frames[frames.sum(axis=1).argmax()].astype(int)) == 1).sum() == 3


@pytest.mark.parametrize("per_class", [1, 3, 50])
def test_as_many_samples_as_asked_for(pages, per_class):
    figures.sample_sheet(striped_images((9, 9), ("a", "b"), per_class=20), 0, per_class)
    assert len(pages[0]._images) == 2 * min(per_class, 10)


def test_the_words_of_weights_hold_for_dark_on_light_and_for_colours(pages):
    figures.weight_sheet(np.ones((1, 4)), (2, 2), ("a",))
    assert "red: a brighter pixel speaks for the class; blue: against it" in texts_of(pages[0])


@pytest.mark.parametrize(
    ("interrupted", "best", "chosen", "said"),
    [
        (False, 2, 1, "chosen: C = 0.1"),
        (False, 2, 0, "chosen: C = 1e-05"),
        (True, 2, 1, "best so far: C = 1"),
        (True, 0, 0, "best so far: C = 1e-05"),
    ],
)
def test_only_what_was_chosen_is_called_chosen(pages, interrupted, best, chosen, said):
    scores = np.array([[0.3, 0.2, 0.1]])
    figures_of_each = (-scores, scores, scores, scores[0])
    path = CPath(np.array([1e-5, 0.1, 1.0]), *figures_of_each, best, chosen, interrupted)
    figures.validation_curve(path)
    drawn = texts_of(pages[0])
    assert said in drawn
    assert any(text.startswith("chosen") for text in drawn) is not interrupted
    assert not cut_texts_of(pages[0])


@pytest.mark.parametrize("name", NAMES)
def test_names_stand_as_they_are(pages, name):
    figures.weight_sheet(np.ones((1, 4)), (2, 2), (name,))
    assert figures.plain(figures.fitting(name, figures.LARGEST_PANEL)) in texts_of(pages[0])
