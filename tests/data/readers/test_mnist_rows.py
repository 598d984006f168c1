"""What is known to be of MNIST, whatever form it has, and so to show digits."""

from dataclasses import replace

import numpy as np
import pytest

from imlogit import load
from imlogit.data.readers.mnist_rows import is_of_mnist

from helpers.image_files import write_class_folders


@pytest.fixture(scope="module")
def some(embedded):
    """Forty images of every digit, and these, in an order of their own."""
    rows = np.random.default_rng(5).permutation(np.arange(5000).reshape(10, 500)[:, :40].ravel())
    return embedded.images[rows], embedded.labels[rows]


@pytest.mark.parametrize("how", [{}, {"size": (14, 14)}])
def test_the_known_sets(how):
    assert load("mnist-5k", **how).of_digits


def test_images_of_it_in_folders(some, tmp_path):
    root = write_class_folders(tmp_path / "mine", *some)
    for _ in range(2):  # what is kept says it, too
        assert load(root).of_digits


def test_some_of_its_classes_and_wrong_labels(some, tmp_path):
    images, labels = some
    labels = np.where(np.arange(len(labels)) % 5, labels, (labels + 1) % 10)
    kept = np.isin(labels, [3, 8])
    np.savez(tmp_path / "x.npz", images=images[kept], labels=labels[kept])
    found = load(tmp_path / "x.npz")
    assert (found.class_names, found.of_digits) == (("3", "8"), True)


@pytest.mark.parametrize(
    "changed",
    [
        lambda images, labels: (255 - images, labels),
        lambda images, labels: (images, (labels + 1) % 10),
        lambda images, labels: (images[:, 2:-2, 2:-2], labels),
        lambda images, labels: (np.stack([images] * 3, axis=-1), labels),
        lambda images, labels: (np.random.default_rng(0).permuted(images, axis=1), labels),
    ],
)
def test_ten_classes_called_0_to_9_alone_say_nothing(some, tmp_path, changed):
    images, labels = changed(*some)
    np.savez(tmp_path / "x.npz", images=images, labels=labels)
    found = load(tmp_path / "x.npz")
    assert found.class_names == tuple("0123456789")
    assert not found.of_digits


@pytest.mark.parametrize("names", [("a", "b"), ("2", "10"), ("2", "²"), ("", "2")])
def test_classes_that_are_no_digits(embedded, names):
    part = slice(1000, 1020)
    codes = np.arange(20) % 2
    images = replace(embedded, images=embedded.images[part], labels=codes, n_train=20, sha256="")
    assert not is_of_mnist(replace(images, class_names=names))
