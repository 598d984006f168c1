"""Fitted models on disk: what is saved is what is loaded."""

import json
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn import linear_model
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from imlogit import LogisticRegression, export_model, load_model, save_model
from imlogit.data.image_set import ImageSet
from imlogit.errors import KindError, ModelFileError, OutputError
from imlogit.model.file import read
from imlogit.model.head import head_of
from imlogit.model.persist import describe, open_model


@pytest.fixture(scope="module")
def fitted(few):
    return LogisticRegression(0.5).fit(*few)


def test_a_loaded_model_predicts_the_same_bits(few, fitted, tmp_path):
    images, _ = few
    save_model(fitted, tmp_path / "two.imlogit")
    again = load_model(tmp_path / "two.imlogit")
    np.testing.assert_array_equal(again.predict_proba(images), fitted.predict_proba(images))
    np.testing.assert_array_equal(again.classes_, fitted.classes_)
    assert (again.C, again.tol, again.image_shape_) == (0.5, 1e-6, (28, 28))
    assert again.certificate_.to_dict() == fitted.certificate_.to_dict()
    assert again.score(*few) == fitted.score(*few)


@pytest.mark.parametrize(
    "labels",
    [
        *(["cat", "dog", "eel"], [1, 5, 7], [-1.0, 0.0, 2.0]),
        *(np.array(list(map(kind, ["a", "b", "ç"])), object) for kind in (str, np.str_)),
    ],
)
def test_labels_keep_their_type(rng, labels, tmp_path):
    y = np.asarray(labels)[np.arange(60) % 3]
    model = LogisticRegression().fit(rng.normal(size=(60, 3)), y)
    save_model(model, tmp_path / "model.imlogit")
    again = load_model(tmp_path / "model.imlogit")
    assert again.classes_.tolist() == list(labels)
    assert again.classes_.dtype.kind == np.asarray(list(labels)).dtype.kind


@pytest.mark.parametrize("how", [{"pixel_scale": 0.1}, {"pixel_scale": 1 / 128}, {}])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_an_explicit_scale_is_kept(rng, how, dtype, tmp_path):
    x = rng.integers(0, 200, (80, 5)).astype(dtype)
    model = LogisticRegression(fit_intercept=False, **how)
    model.fit(x if how else x / 255, x[:, 0] > 99)
    save_model(model, tmp_path / "model.imlogit")
    again = load_model(tmp_path / "model.imlogit")
    given = x if how else x / 255
    np.testing.assert_array_equal(again.decision_function(given), model.decision_function(given))
    for name in ("C", "tol", "fit_intercept", "multi_class", "pixel_scale"):
        assert getattr(again, name) == getattr(model, name)


def test_no_penalty_and_no_gap(rng, tmp_path):
    x = rng.normal(size=(100, 2))
    model = LogisticRegression(np.inf).fit(x, rng.random(100) < 0.5)
    save_model(model, tmp_path / "model.imlogit")
    again = load_model(tmp_path / "model.imlogit")
    assert again.C == np.inf
    assert np.isnan(again.certificate_.gap)


def test_two_saves_of_one_fit_are_the_same_bytes(few, fitted, embedded, tmp_path):
    paths = [tmp_path / name for name in ("a", "b")]
    for path, model in zip(paths, (fitted, LogisticRegression(0.5).fit(*few)), strict=True):
        save_model(model, path, image_set=embedded, positive="2")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_where_the_data_came_from_is_kept(fitted, embedded, tmp_path):
    save_model(fitted, tmp_path / "two.imlogit", image_set=embedded, positive="2")
    content = read(tmp_path / "two.imlogit")
    assert (content.data_name, content.data_sha256) == (embedded.name, embedded.sha256)
    described = json.loads(json.dumps(describe(content), allow_nan=False))
    assert described["positive"] == "2"
    assert described["n_features"] == 784
    assert described["certificate"]["status"] == "converged"


def test_images_of_another_shape_are_refused(fitted, tmp_path):
    save_model(fitted, tmp_path / "two.imlogit")
    with pytest.raises(ValueError, match="shape 28 x 28 and got .* 8 x 8"):
        load_model(tmp_path / "two.imlogit").predict(np.zeros((1, 8, 8), dtype=np.uint8))


def test_the_golden_file_of_format_1_is_a_working_model():
    model = load_model(Path(__file__).parent / "golden" / "format1.imlogit")
    d = model.coef_.shape[1]
    assert set(model.predict(np.zeros((2, d), dtype=np.uint8))) <= set(model.classes_)


@pytest.mark.parametrize("labels", [["cat", "dog"], ["a", "b", "c"]])
def test_what_is_looked_for_is_the_second_of_two(rng, labels, tmp_path):
    x = rng.normal(size=(60, 3))
    model = LogisticRegression().fit(x, np.array(labels)[np.arange(60) % len(labels)])
    with pytest.raises(ModelFileError, match="positive.*second of two"):
        save_model(model, tmp_path / "model.imlogit", positive=labels[0])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("names", "positive", "rest", "expected"),
    [
        (("cat", "dog"), "dog", ("cat",), ("cat", "dog")),
        (("dog", "cat"), "dog", ("cat",), ("cat", "dog")),
        (("cat", "dog", "eel"), "dog", ("cat", "eel"), ("not dog", "dog")),
        (("not dog", "dog", "eel"), "dog", ("not dog", "eel"), ("not dog", "dog")),
        (("False", "True", "eel"), "True", ("False", "eel"), ("not True", "True")),
        (("0", "1", "7"), "1", ("0", "7"), ("not 1", "1")),
        (("cat", "dog"), "cow", None, ("not cow", "cow")),  # what True is called is no class
        (("cat", "dog"), None, None, ("False", "True")),
    ],
)
@pytest.mark.parametrize("as_targets", [lambda y: y, lambda y: y.astype(int)])
def test_the_rest_keeps_its_names(rng, names, positive, rest, expected, as_targets, tmp_path):
    codes = np.arange(60) % len(names)
    images = rng.integers(0, 256, (60, 4, 5), dtype=np.uint8)
    image_set = ImageSet(images, codes, names, 60, "pets", "made for a test")
    is_wanted = codes == (names.index(positive) if positive in names else 0)
    model = LogisticRegression().fit(images, as_targets(is_wanted))
    if positive is None:
        expected = tuple(map(str, model.classes_))
    save_model(model, tmp_path / "m.imlogit", image_set=image_set, positive=positive)
    content = read(tmp_path / "m.imlogit")
    assert (content.rest, content.names) == (rest, expected)
    known = {name: int(name == positive) for name in names} if rest else content.codes_by_label
    assert content.codes_by_label == known
    described = json.loads(json.dumps(describe(content)))
    assert described["rest"] == (None if rest is None else list(rest))
    np.testing.assert_array_equal(
        load_model(tmp_path / "m.imlogit").predict(images), model.predict(images)
    )


@pytest.mark.parametrize("write", [save_model, export_model])
def test_what_is_there_is_replaced_only_when_asked(few, fitted, tmp_path, write):
    other, place = LogisticRegression(0.01).fit(*few), tmp_path / "two.json"
    write(fitted, place)
    first = place.read_bytes()
    with pytest.raises(OutputError, match=r"two.json exists already.*force=True") as refused:
        write(other, place)
    assert refused.value.parameter == "force"
    assert place.read_bytes() == first
    write(other, place, force=True)
    assert place.read_bytes() != first
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "folder.json" / "mine").touch()
    with pytest.raises(OutputError, match="folder.json"):
        write(other, tmp_path / "folder.json", force=True)
    assert (tmp_path / "folder.json" / "mine").exists()


@pytest.mark.parametrize("write", [save_model, partial(export_model, to="json")])
def test_other_kinds_of_models_are_named(few, tmp_path, write):
    images, y = few
    rows = images.reshape(len(images), -1)
    peer = linear_model.LogisticRegression(max_iter=2)
    for model, name in ((peer, "LogisticRegression"), (make_pipeline(peer), "Pipeline")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(rows, y)
        with pytest.raises(KindError, match=f"and this is a sklearn.{name}"):
            write(model, tmp_path / "model.json")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_saved(few, tmp_path):
    with pytest.raises(NotFittedError):
        save_model(LogisticRegression(), tmp_path / "model.imlogit")
    images, y = few
    labels = np.where(y, 1 + 2j, 0).astype(object)
    model = LogisticRegression().fit(images, y)
    model.classes_ = np.unique(labels.astype(complex))
    with pytest.raises(ModelFileError, match="classes"):
        save_model(model, tmp_path / "model.imlogit")
    assert not list(tmp_path.iterdir())


def test_a_threshold_is_saved_and_honoured(few, tmp_path):
    images, is_two = few
    model = LogisticRegression().fit(images, is_two)
    model.threshold_ = 0.9
    save_model(model, tmp_path / "strict.imlogit")
    again = load_model(tmp_path / "strict.imlogit")
    assert again.threshold_ == 0.9
    np.testing.assert_array_equal(again.predict(images), model.predict_proba(images)[:, 1] >= 0.9)
    assert read(tmp_path / "strict.imlogit").threshold == 0.9
    plain = LogisticRegression().fit(images, is_two)
    save_model(plain, tmp_path / "plain.imlogit")
    assert b'"format\\":1' in (tmp_path / "plain.imlogit").read_bytes()
    assert b'"format\\":2' in (tmp_path / "strict.imlogit").read_bytes()
    assert load_model(tmp_path / "plain.imlogit").threshold_ is None


@pytest.mark.parametrize("threshold", [0.0, 1.5, float("nan"), "0.5", 1])
def test_a_threshold_that_is_none(few, tmp_path, threshold):
    model = LogisticRegression().fit(*few)
    model.threshold_ = threshold
    with pytest.raises(ModelFileError, match="threshold must be"):
        save_model(model, tmp_path / "m.imlogit")


def test_several_classes_have_no_threshold(embedded, tmp_path):
    model = LogisticRegression(C=1e-3).fit(embedded.images[::25], embedded.labels[::25])
    model.threshold_ = 0.5
    with pytest.raises(ModelFileError, match="for two classes"):
        save_model(model, tmp_path / "m.imlogit")


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
@pytest.mark.parametrize("threshold", [None, 0.7])
def test_a_model_that_normalises_rows_comes_back(rng, tmp_path, dtype, threshold):
    x = rng.integers(0, 200, (80, 6)).astype(dtype)
    model = LogisticRegression(normalize="l2", standardize=True).fit(x, x[:, 0] > x[:, 1])
    model.threshold_ = threshold
    path = tmp_path / "m.imlogit"
    save_model(model, path)
    assert b'\\"format\\":3' in path.read_bytes()
    loaded = load_model(path)
    assert (loaded.normalize, loaded.pixel_scale) == ("l2", "auto")
    np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))
    said = head_of(open_model(path)).answer(x)
    np.testing.assert_allclose(said.probabilities, model.predict_proba(x), atol=1e-13)
    np.testing.assert_array_equal(said.labels, model.predict(x))


def test_a_standardised_model_is_any_other_to_a_file(rng, tmp_path):
    x = rng.normal(size=(80, 6))
    model = LogisticRegression(standardize=True).fit(x, x[:, 0] > 0)
    save_model(model, tmp_path / "m.imlogit")
    assert b'\\"format\\":1' in (tmp_path / "m.imlogit").read_bytes()
    loaded = load_model(tmp_path / "m.imlogit")
    np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))
