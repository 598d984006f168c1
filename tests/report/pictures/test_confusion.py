"""The confusion matrix as a picture: legible for 2 classes and for 200."""

import numpy as np
import pytest

from imlogit.evaluation.scores import Scores
from imlogit.report.pictures.confusion import confusion_figure

from helpers.awkward_names import NAMES
from helpers.pictures import cut_texts_of, rgb_of, texts_of


def scores_of(counts):
    return Scores(int(counts.sum()), 0.5, counts, {}, "test")


def many(n, rng):
    counts = rng.poisson(0.4, (n, n))
    np.fill_diagonal(counts, 40)
    return counts


@pytest.mark.parametrize("n", [2, 3, 10, 26, 40, 41, 200])
@pytest.mark.parametrize("length", [2, 60])
def test_any_number_of_classes(pages, rng, n, length):
    names = [f"{k} {'n' * length} {k}" for k in range(n)]
    png = confusion_figure(scores_of(many(n, rng)), names)
    (page,) = pages
    assert not cut_texts_of(page)
    height, width = rgb_of(png).shape[:2]
    assert max(height, width) <= 1000
    assert len(png) < 150_000
    counted = [one.get_text() for one in page.figure.axes[0].texts]
    assert (len(counted) > 0) == (n <= 40)
    # both sides name as many classes, at most forty of them
    named = [text for text in texts_of(page) if text.startswith(("0 ", f"{n - 1} "))]
    assert len(named) >= 2


def test_the_counts_are_those_of_the_scores(pages, rng):
    counts = many(11, rng)
    counts[3] = 0  # a class without test images
    confusion_figure(scores_of(counts), NAMES)
    drawn = np.zeros_like(counts)
    for text in pages[0].figure.axes[0].texts:
        column, row = text.get_position()
        drawn[row, column] = int(text.get_text())
    assert np.array_equal(drawn, counts)


def test_the_most_frequent_mistakes_are_listed(pages):
    counts = np.diag([9, 9, 9, 9])
    counts[2, 0], counts[1, 3] = 7, 12
    confusion_figure(scores_of(counts), ["a", "b", "c", "d"])
    said = texts_of(pages[0])
    place = said.index("Most frequent mistakes")
    assert said[place + 1 : place + 3] == ["b taken for d: 12 of 21", "c taken for a: 7 of 16"]
    assert "19 of 55 answers are wrong" in " ".join(said)


def test_mistakes_that_are_not_listed_are_counted(pages):
    confusion_figure(scores_of(np.ones((5, 5), int)), "abcde")
    confusion_figure(scores_of(np.eye(5, dtype=int)), "abcde")
    for page, heading in zip(pages, (" (10 more pairs not shown)", ": none"), strict=True):
        assert f"Most frequent mistakes{heading}" in texts_of(page)


def test_a_mistake_is_coloured_and_a_right_answer_is_grey(pages):
    confusion_figure(scores_of(np.array([[90, 10], [0, 100]])), ["a", "b"])
    cells = pages[0].figure.axes[0].images[0].get_array()[:, :, :3]
    assert np.ptp(cells, axis=2).round(2).tolist()[0][0] == 0
    assert np.ptp(cells[0, 1]) > 0.1
    assert (cells[1, 0] == 1).all()
