"""Images with names of classes -> ImageSet: the order of classes, the parts, what is refused."""

import numpy as np
import pytest

from imlogit.data.problems import BadItem
from imlogit.data.readers.assemble import Named, assemble, ordered
from imlogit.errors import DataError

IMAGES = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)
TRAIN = Named(IMAGES, ["eel", "cat", "dog", "cat"])
HOW = {"name": "pets", "origin": "a test"}


def test_a_training_part_alone():
    found = assemble(TRAIN, None, **HOW)
    assert found.class_names == ("cat", "dog", "eel")
    assert found.labels.tolist() == [2, 0, 1, 0]
    assert (found.name, found.origin) == ("pets", "a test")
    assert found.test is None
    assert np.shares_memory(found.images, IMAGES)


def test_a_test_part_follows():
    found = assemble(TRAIN, Named(IMAGES[:2] + 100, ["dog", "eel"]), **HOW)
    assert found.n_train == 4
    np.testing.assert_array_equal(found.train.images, IMAGES)
    np.testing.assert_array_equal(found.test.images, IMAGES[:2] + 100)
    assert found.test.labels.tolist() == [1, 2]


def test_a_test_part_without_images_is_none():
    # nothing is compared with it, its size neither
    assert assemble(TRAIN, Named(np.empty((0, 9, 9), np.uint8), []), **HOW).test is None


def test_what_was_passed_over_is_kept():
    problems = [BadItem("cat/3.png", "damaged"), BadItem("dog/1.png", "empty")]
    assert assemble(TRAIN, None, skipped=problems, **HOW).skipped == tuple(problems)


def test_classes_may_be_given_in_their_order():
    names = ["dog", "fox", "eel", "cat"]
    found = assemble(TRAIN, Named(IMAGES[:1], ["cat"]), class_names=names, **HOW)
    assert found.class_names == tuple(names)
    assert found.labels.tolist() == [2, 3, 0, 3, 3]


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["10", "9", "2", "10"], ["2", "9", "10"]),
        (["10", "-2", "0", "-10"], ["-10", "-2", "0", "10"]),
        (["01", "1", "0", "-0"], ["-0", "0", "01", "1"]),
        (["10", "9", "a"], ["10", "9", "a"]),
        (["b", "B", "a"], ["B", "a", "b"]),
        (["2", "²"], ["2", "²"]),
        (["9", "1" * 5000], ["1" * 5000, "9"]),
        (["10", "9", "--1", "1-"], ["--1", "1-", "10", "9"]),
        (["10", "9", ""], ["", "10", "9"]),
        (["10", "9\n"], ["10", "9\n"]),
        ([], []),
    ],
)
def test_the_order_of_classes(names, order):
    assert ordered(names) == order
    assert ordered(reversed(names)) == order


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (Named(IMAGES[:0], []), None, "pets: there is no training image"),
        (Named(IMAGES[:0], []), TRAIN, "pets: there is no training image"),
        (TRAIN, TRAIN._replace(images=IMAGES[:, :1]), "pets: .* 2 x 3 and 1 x 3.* size=\\(h, w\\)"),
        (TRAIN, TRAIN._replace(images=IMAGES[..., None]), "2 x 3 and 2 x 3 x 1"),
        (TRAIN, Named(IMAGES[:2], ["fox\n", "eel"]), r"pets: .*training part lacks: fox\\n\."),
        (Named(IMAGES[:1], ["a\x1b[2J"]), None, r"the class 'a\\x1b\[2J' has no name"),
        (Named(IMAGES[:1], [""]), None, "the class '' has no name"),
        (Named(IMAGES[:1], ["\udcff"]), None, r"the class '\\xff' has no name"),
    ],
)
def test_what_makes_no_set(train, test, message):
    with pytest.raises(DataError, match=message):
        assemble(train, test, **HOW)


def test_unknown_classes_are_counted_where_they_are_many():
    test = Named(np.zeros((5000, 2, 3), np.uint8), [str(n) for n in range(5000)])
    with pytest.raises(DataError, match=r"lacks: 0, 1, 2, .*, 9 and 4,990 more\."):
        assemble(TRAIN, test, **HOW)


def test_a_class_of_the_list_that_only_the_test_part_has():
    with pytest.raises(DataError, match="training part lacks: fox"):
        assemble(TRAIN, Named(IMAGES[:1], ["fox"]), class_names=["cat", "dog", "eel", "fox"], **HOW)
