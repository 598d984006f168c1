"""What a run is about: one order of classes, and nothing done twice."""

import json
import warnings
from collections import Counter

import numpy as np
import pytest

import imlogit
from imlogit.data.image_set import ImageSet
from imlogit.evaluation import cross_validation
from imlogit.model.head import Head
from imlogit.report.run_folder import write_run
from imlogit.runs.options import TrainOptions
from imlogit.runs.plan import Task
from imlogit.runs.train import train

pytestmark = pytest.mark.usefixtures("without_pictures")


def image_set(names, codes, n_train=None):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 100, (len(codes), 3, 4), dtype=np.uint8)
    images.reshape(len(codes), -1)[np.arange(len(codes)), codes] += 120
    n_train = len(codes) if n_train is None else n_train
    return ImageSet(images, np.asarray(codes), tuple(names), n_train, "toy", "made for a test")


def test_classes_have_the_order_of_the_source_everywhere(tmp_path):
    """Folders 2, 7 and 10: text would sort 10 first."""
    names = ("2", "7", "10")
    images = image_set(names, np.arange(120) % 3)
    found = train(images, TrainOptions(folds=2, engine="reference"))
    place = write_run(found, tmp_path / "run")
    metrics = json.loads((place / "metrics.json").read_text())
    assert tuple(metrics["data"]["classes"]) == tuple(metrics["classes"]) == names
    assert tuple(metrics["by_class"]) == names
    model = imlogit.load_model(place / "model.imlogit")
    assert model.classes_.tolist() == list(names)
    assert tuple(imlogit.evaluate(place, images).names) == names
    # and they are the right ones
    assert found.test["accuracy"].value > 0.8
    assert model.score(images.images, np.array(names)[images.labels]) > 0.8


def test_a_class_without_images_is_no_class_of_the_model():
    images = image_set(("a", "absent", "b", "c"), np.array([0, 2, 3] * 40), n_train=90)
    found = train(images, TrainOptions(folds=2, every_class=True, engine="reference"))
    assert found.model.names == ("a", "b", "c")
    assert found.test["accuracy"].value > 0.8


def test_of_two_classes_a_run_and_its_model_speak_alike(tmp_path):
    images = image_set(("cat", "dog"), np.arange(80) % 2)
    found = train(images, TrainOptions(folds=2, engine="reference"))
    place = write_run(found, tmp_path / "run")
    assert found.model.names == tuple(found.metrics["classes"]) == ("cat", "dog")
    assert imlogit.evaluate(place, images).names == ("cat", "dog")
    stranger = image_set(("bird", "dog"), np.arange(80) % 2)
    with pytest.raises(imlogit.DataError, match="labels that the model does not know: bird"):
        imlogit.evaluate(place, stranger)


@pytest.mark.parametrize("names", [("not b", "b", "c"), ("a", "b", "c")])
def test_of_one_class_against_the_rest_a_run_knows_the_rest(names):
    found = train(
        image_set(names, np.arange(120) % 3),
        TrainOptions(folds=2, positive="b", engine="reference"),
    )
    assert found.model.names == tuple(found.metrics["classes"]) == ("not b", "b")
    assert found.model.codes_by_label == {names[0]: 0, "c": 0, "b": 1}


@pytest.mark.parametrize("wanted", [{}, {"recall": 0.9}])
def test_nothing_is_done_twice(embedded, tmp_path, monkeypatch, wanted):
    done = Counter()

    def counted(owner, name, key=None):
        original = getattr(owner, name)

        def counting(*arguments, **how):
            done[key or name] += 1
            return original(*arguments, **how)

        monkeypatch.setattr(owner, name, counting)

    counted(Head, "answer")
    counted(cross_validation, "score_answers", "scores in cross_validate")
    counted(Task, "data_metrics")
    images = CountingImages(embedded.images, done)
    few = ImageSet(
        embedded.images, embedded.labels, embedded.class_names, 5000, "few", "here", of_digits=True
    )
    object.__setattr__(few, "images", images)
    found = train(few, TrainOptions(folds=3, engine="reference", **wanted))
    write_run(found, tmp_path / "run")
    assert found.metrics is found.metrics
    assert done["answer"] == 1
    assert done["data_metrics"] == 1
    assert done["copies of the training part"] == 1
    # one a fold, and one of all held-out images
    assert done["scores in cross_validate"] == 3 + 1


@pytest.mark.parametrize("job", [imlogit.train, imlogit.sweep])
def test_the_folds_that_nobody_gave_fit_the_smallest_class(job):
    images = image_set("ab", np.repeat([0, 1], [40, 7]), n_train=47)
    how = {"engine": "reference", "test_size": 0.15}
    how |= {"Cs": (0.1, 1.0, 10.0)} if job is imlogit.sweep else {}
    with pytest.warns(UserWarning, match="^6 folds, as the smallest class has 6 training images$"):
        found = job(images, **how)
    assert found.metrics["options"]["folds"] == 6
    assert found.predictions.train_folds.max() == 5
    assert "--folds 6" in found.command()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*folds")
        again = job(images, **how, folds=6)
    assert again.metrics == found.metrics
    assert again.command() == found.command()


def test_folds_that_were_asked_for_and_do_not_fit_are_an_error():
    images = image_set("ab", np.repeat([0, 1], [40, 7]))
    with pytest.raises(imlogit.ParameterError, match="folds=10 is not possible: give from 2 to 6"):
        imlogit.train(images, folds=10, test_size=0.15)
    with pytest.raises(imlogit.DataError, match="too few to cross-validate"):
        imlogit.train(image_set("ab", np.repeat([0, 1], [40, 2])), test_size=0.5)


def test_ten_folds_where_there_are_images_enough():
    images = image_set("ab", np.arange(40) % 2)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*folds")
        assert imlogit.train(images, engine="reference").task.folds == 10


class CountingImages(np.ndarray):
    """Images that count how often most of them are copied."""

    def __new__(cls, images, done):
        made = np.asarray(images).view(cls)
        made.done = done
        return made

    def __array_finalize__(self, other):
        self.done = getattr(other, "done", Counter())

    def __getitem__(self, which):
        if isinstance(which, np.ndarray) and which.size > len(self) // 2:
            self.done["copies of the training part"] += 1
        return np.asarray(self)[which]
