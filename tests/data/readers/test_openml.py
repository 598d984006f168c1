"""Any data set on OpenML, fetched by scikit-learn from the stand-in server."""

import numpy as np
import pytest

from imlogit import load
from imlogit.data.readers import openml
from imlogit.data.reading import Reading
from imlogit.errors import DataError, DownloadError

from helpers.mirror_server import FAST


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(openml, "Patience", lambda: FAST)


@pytest.mark.parametrize("source", ["openml:mnist_784", "openml:554"])
def test_by_name_and_by_number(standin, source):
    found = load(source)
    np.testing.assert_array_equal(found.images, standin.images)
    assert found.class_names == tuple("0123456789")
    np.testing.assert_array_equal(found.labels, standin.labels)
    assert found.name == "mnist_784"
    assert found.origin == "OpenML data set 554, mnist_784 version 1"
    assert found.test is None
    assert found.of_digits


def test_it_is_fetched_once(standin):
    first = load("openml:554")
    asked = len(standin.requests)
    second = load("openml:554")
    assert len(standin.requests) == asked
    np.testing.assert_array_equal(first.images, second.images)


def test_a_shape_may_be_given(standin):
    found = load("openml:554", shape=(4, 16))
    assert found.image_shape == (4, 16)
    with pytest.raises(DataError, match="64 numbers, and shape=\\(5, 5\\)"):
        load("openml:554", shape=(5, 5))


@pytest.mark.parametrize(
    ("value", "seen"), [(300, "to 300"), (-1, "from -1"), (0.5, "0.5 to|to 2")]
)
def test_what_is_no_pixel_is_refused_with_the_range(standin, value, seen):
    images = standin.images.astype(type(value))
    images[0, 0, 0] = value
    standin.rows = (images, standin.labels)
    with pytest.raises(DataError, match=seen):
        load("openml:554")


@pytest.mark.parametrize("fault", ["404", "500", "html", "truncated", "stalled", "bomb"])
def test_a_service_that_fails_is_one_error(standin, fault, monkeypatch):
    monkeypatch.setattr(openml, "MAX_BYTES", 2_000_000)
    standin.faults = {"download": fault}
    with pytest.raises(DownloadError, match="openml:554 could not be fetched"):
        load("openml:554")


def test_offline_and_no_name(monkeypatch):
    with pytest.raises(DataError, match="names no data set"):
        load("openml:")
    monkeypatch.setenv("IMLOGIT_OFFLINE", "1")
    with pytest.raises(DownloadError, match="IMLOGIT_OFFLINE"):
        load("openml:554")


@pytest.mark.parametrize(
    ("data", "target", "message"),
    [
        (np.zeros((2, 4)), None, "one label a row"),
        (np.array([["a"] * 4] * 2, object), ["x", "y"], "no numbers"),
        (np.array([[np.nan] * 4] * 2), ["x", "y"], "not a number"),
    ],
)
def test_what_is_not_of_images(monkeypatch, data, target, message):
    found = type("Bunch", (), {"data": data, "target": target, "details": {}})
    with pytest.raises(DataError, match=message):
        openml._image_set(found, "openml:1", Reading())


def test_labels_are_plain_text(standin):
    found = openml._labels([1.0, "'cat'", '"dog"', 2, 2.5], "openml:1")
    assert found == ["1", "cat", "dog", "2", "2.5"]


@pytest.mark.parametrize("missing", [None, float("nan"), np.float64("nan")])
def test_a_row_without_a_label_is_refused(missing):
    with pytest.raises(DataError, match="openml:1: row 1 has no label"):
        openml._labels(["a", missing, "b"], "openml:1")
