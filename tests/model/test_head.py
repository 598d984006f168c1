"""One head answers: predict, evaluate, explain, runs, comparisons and exports say what it says."""

import json
from dataclasses import replace

import numpy as np
import pytest

import imlogit
from imlogit.features.chain import Chain
from imlogit.model import head
from imlogit.model.head import Answers, Head, head_of
from imlogit.model.persist import saved_model_of


@pytest.fixture(scope="module", params=["two", "softmax", "ovr"])
def model(request, embedded):
    images, labels = embedded.images[::10], embedded.labels[::10]
    multi_class = "ovr" if request.param == "ovr" else "multinomial"
    targets = labels == 2 if request.param == "two" else labels
    return imlogit.LogisticRegression(multi_class=multi_class).fit(images, targets)


def test_it_says_what_the_estimator_says(model, embedded):
    said = head_of(saved_model_of(model)).answer(embedded.images)
    np.testing.assert_allclose(
        said.probabilities, model.predict_proba(embedded.images), rtol=0, atol=1e-13
    )
    np.testing.assert_array_equal(model.classes_[said.labels], model.predict(embedded.images))


@pytest.mark.parametrize("rows", [slice(3, 4), slice(10, 43), slice(1, 400, 7)])
def test_an_image_has_one_answer_among_any_others(model, embedded, rows):
    one = head_of(saved_model_of(model))
    among_all = one.answer(embedded.images[:400]).probabilities[rows]
    np.testing.assert_array_equal(one.answer(embedded.images[:400][rows]).probabilities, among_all)


def test_threads_do_not_matter(model, embedded):
    from threadpoolctl import threadpool_limits

    one = head_of(saved_model_of(model))
    with threadpool_limits(1):
        alone = one.answer(embedded.images[:500]).probabilities
    np.testing.assert_array_equal(one.answer(embedded.images[:500]).probabilities, alone)


@pytest.mark.usefixtures("without_pictures")
def test_all_that_is_said_of_images_goes_through_it(embedded, tmp_path, monkeypatch):
    """Where every answer is turned round, every job turns with it."""
    monkeypatch.chdir(tmp_path)
    options = ["mnist-5k", "--folds", "2", "--engine", "reference"]
    command(["train", *options, "--out", "plain"])
    plain = everything(tmp_path / "plain", tmp_path / "plain")
    true_answer = Head.answer

    def turned(self, inputs):
        p, codes = true_answer(self, inputs)
        return Answers(p[:, ::-1], 1 - codes)

    monkeypatch.setattr(head.Head, "answer", turned)
    command(["train", *options, "--out", "turned"])
    found = everything(tmp_path / "plain", tmp_path / "turned")
    assert found["predict"] == pytest.approx(1 - plain["predict"], abs=1e-12)
    assert found["evaluate"] == pytest.approx(1 - plain["evaluate"], abs=1e-12)
    assert found["explain"] == pytest.approx(1 - plain["explain"], abs=1e-12)
    assert found["test"] == pytest.approx(1 - plain["test"], abs=1e-12)
    assert found["compare"] == pytest.approx(found["test"] - plain["test"], abs=1e-12)


def test_exports_are_proved_by_it(model, tmp_path, monkeypatch):
    def asked(self, inputs):
        raise RuntimeError("asked")

    monkeypatch.setattr(head.Head, "answer", asked)
    with pytest.raises(RuntimeError, match="asked"):
        imlogit.export_model(model, tmp_path / "model.json")
    assert not list(tmp_path.iterdir())


def command(arguments):
    from imlogit.cli.app import run

    assert run(arguments) == 0


def everything(run, other):
    """One figure of each job."""
    image_set = imlogit.load("mnist-5k")
    metrics = json.loads((other / "metrics.json").read_text())
    return {
        "predict": imlogit.predict(run, "mnist-5k")[7].probabilities[1],
        "evaluate": imlogit.evaluate(run, image_set).scores["accuracy"].value,
        "explain": imlogit.explain(run, row=3)[0].probabilities[1],
        "test": metrics["test"]["values"]["accuracy"]["value"],
        "compare": accuracy_between(run, other),
    }


def accuracy_between(first, second):
    return imlogit.compare(first, second).accuracy.value


@pytest.fixture(scope="module")
def upright(embedded):
    """A model of features, the head that makes them itself, and the features."""
    images, labels = embedded.images[::10], embedded.labels[::10]
    features = Chain.parse("deskew+patches:filters=4").fit(images)
    fitted = imlogit.LogisticRegression(pixel_scale=features.scale)
    fitted.fit(features.transform(images), labels)
    bare = head_of(saved_model_of(fitted))
    return bare, replace(bare, shape=features.input_shape, features=features)


def test_images_become_features_before_they_are_multiplied(upright, embedded):
    bare, whole = upright
    images = embedded.images[: head.CHUNK_ROWS + 70]
    expected = bare.answer(whole.features.transform(images)).probabilities
    np.testing.assert_array_equal(whole.answer(images).probabilities, expected)
    np.testing.assert_array_equal(whole.answer(images[5:9]).probabilities, expected[5:9])


def test_features_of_other_images_or_for_other_weights_are_refused(upright):
    bare, whole = upright
    with pytest.raises(imlogit.DataError, match="fitted on images of shape 28 x 28"):
        replace(whole, shape=(14, 56))
    with pytest.raises(imlogit.DataError, match="makes .* features, and there are 3 weights"):
        replace(whole, weights=bare.weights[:, :3])
