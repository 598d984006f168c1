"""Pictures of images and of weights, whatever the classes are called."""

import numpy as np
import pytest
from matplotlib.text import Text

from imlogit.report.pictures import figures

from helpers.awkward_names import NAMES, striped_images
from helpers.pictures import colours_in, rgb_of

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


def test_many_classes():
    names = tuple(map(str, range(400)))
    twenty = rgb_of(figures.sample_sheet(striped_images((4, 4), names[:20], per_class=1)))
    all_of_them = rgb_of(figures.sample_sheet(striped_images((4, 4), names, per_class=1)))
    assert abs(all_of_them.shape[0] - twenty.shape[0]) < 50
    high = rgb_of(figures.weight_sheet(np.ones((400, 48)), (4, 4, 3), names)).shape[0]
    assert high < 10_000


@pytest.mark.parametrize("name", NAMES)
def test_matplotlib_draws_the_letters_of_a_name(name):
    text, is_formula = Text(text=figures.plain(name))._preprocess_math(figures.plain(name))
    assert (text, is_formula) == (name, False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exactly twenty chars", "exactly twenty chars"),
        ("n01440764 tench, Tinca tinca", "n01440764 ten… tinca"),
        ("猫" * 10, "猫" * 10),
        ("猫" * 11, "猫" * 6 + "…" + "猫" * 3),
        ("two\nlines", r"two\nlines"),
    ],
)
def test_short(name, expected):
    assert figures.short(name) == expected
