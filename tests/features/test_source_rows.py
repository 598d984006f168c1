import numpy as np
import pytest

from imlogit.data.image_set import ImageSet
from imlogit.data.split import split
from imlogit.errors import DataError, ParameterError
from imlogit.features.source_rows import fetch_features, fit_features, rows_of_parts


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def source(grey):
    names = [f"{row}.png" for row in range(len(grey))]
    labels = np.arange(len(grey)) % 2
    return ImageSet(
        grey, labels, ("a", "b"), n_train=len(grey), name="blobs", origin="", names=names
    )


@pytest.mark.parametrize("limit", ["1GB", "0"])
def test_each_part_has_its_rows_whether_they_are_kept_or_not(source, monkeypatch, limit):
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", limit)
    parts = split(source)
    chain = fit_features("hog:cells=4", source.images[parts.train], 0)
    train, test = rows_of_parts(chain, source, parts, None)
    np.testing.assert_array_equal(train, chain.transform(source.images[parts.train]))
    np.testing.assert_array_equal(test, chain.transform(source.images[parts.test]))


def test_what_is_fetched_is_what_a_run_takes(source, monkeypatch):
    text = "patches:filters=4,size=4,grid=2"
    found = fetch_features(source, text, seed=3)
    assert found.kept
    assert found.to_dict()["n_features"] == found.rows.shape[1] == 32
    parts = split(source, seed=3)
    chain = fit_features(text, source.images[parts.train], 3)
    monkeypatch.setattr("imlogit.features.kept._blocks", lambda *_: pytest.fail("made again"))
    train, _ = rows_of_parts(chain, source, parts, None)
    np.testing.assert_array_equal(train, found.rows[parts.train])
    with pytest.raises(ParameterError, match="are the images themselves"):
        fetch_features(source, "pixels")


@pytest.mark.parametrize("limit", ["1GB", "0"])
def test_an_image_without_features_is_named_as_its_file(source, monkeypatch, limit):
    monkeypatch.setenv("IMLOGIT_CACHE_LIMIT", limit)
    bad = source.images[7]

    def function(images):
        return np.where((images == bad).all(axis=(1, 2)), np.nan, 1.0)[:, None]

    chain = fit_features(function, source.images[:1], 0)
    with pytest.raises(DataError, match=r"7\.png: the function answers NaN"):
        rows_of_parts(chain, source, split(source), None)
