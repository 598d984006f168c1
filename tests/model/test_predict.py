"""Answers to images that a model has not seen: what is brought to its shape, and what is said."""

import csv
import io
import json
import os
import re
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import imlogit
from imlogit.cli.app import run
from imlogit.data.reading import Reading
from imlogit.errors import DataError, ParameterError
from imlogit.model.inputs import Input, inputs
from imlogit.model.persist import estimator_of, saved_model_of
from imlogit.model.predict import Predictor
from imlogit.report.console.answers import Tally, table_lines
from imlogit.report.run_folder import write_run
from imlogit.runs.assess import evaluate

from helpers.archives import packed
from helpers.image_files import encoded, write, write_class_folders

pytestmark = pytest.mark.usefixtures("without_pictures")


@pytest.fixture(scope="module")
def digits(embedded):
    """A model of all ten digits, as a file's content."""
    rows = slice(None, None, 10)
    names = np.array(embedded.class_names)[embedded.labels[rows]]
    model = imlogit.LogisticRegression(C=0.1).fit(embedded.images[rows], names)
    return saved_model_of(model, image_set=embedded)


@pytest.fixture(scope="module")
def two(few, embedded):
    """A model of "2" against the rest."""
    model = imlogit.LogisticRegression().fit(*few)
    return saved_model_of(model, image_set=embedded, positive="2")


@pytest.fixture(scope="module")
def colour(embedded):
    """A model of images in colour: red digits against blue ones."""
    images = np.zeros((40, 28, 28, 3), np.uint8)
    images[:20, ..., 0], images[20:, ..., 2] = embedded.images[:20], embedded.images[20:40]
    model = imlogit.LogisticRegression().fit(images, np.repeat(["red", "blue"], 20))
    return saved_model_of(model)


@pytest.fixture
def two_file(two, tmp_path, few, embedded):
    place = tmp_path / "two.imlogit"
    model = imlogit.LogisticRegression().fit(*few)
    imlogit.save_model(model, place, image_set=embedded, positive="2")
    return str(place)


@pytest.fixture
def tree(embedded, tmp_path):
    """Twelve files: 0, 2 and 7, four of each, in folders of their names."""
    rows = [code * 500 + k for code in (0, 2, 7) for k in range(4)]
    return write_class_folders(tmp_path / "tree", embedded.images[rows], embedded.labels[rows])


def one(content, found, **how):
    (answered,) = Predictor(content, **how).answers([found])
    return answered


class TestPredictor:
    def test_the_answers_are_the_models(self, digits, embedded):
        found = [Input(str(k), embedded.images[k]) for k in range(3, 5000, 37)]
        said = list(Predictor(digits).answers(found))
        model = estimator_of(digits)
        images = embedded.images[3:5000:37]
        expected = model.predict_proba(images)
        np.testing.assert_allclose([a.probabilities for a in said], expected, atol=1e-12)
        assert [a.label for a in said] == model.predict(images).tolist()
        assert all(a.probability == max(a.probabilities) for a in said)

    def test_a_threshold_decides(self, two, embedded):
        sure = replace(two, threshold=0.999999)
        image = Input("x", embedded.images[1000])
        assert one(two, image).label == "2"
        assert one(sure, image).label == "not 2"

    def test_files_are_brought_to_grey_and_colour(self, digits, colour, embedded):
        image = embedded.images[7]
        same = [image, np.stack([image] * 3, axis=2)]
        assert len({one(digits, Input("x", encoded(pixels))).probabilities for pixels in same}) == 1
        assert one(colour, Input("x", encoded(image))).label in ("red", "blue")
        red = np.zeros((28, 28, 3), np.uint8)
        red[..., 0] = image
        assert one(colour, Input("x", encoded(red))).label == "red"

    def test_another_size_is_refused_or_resized(self, digits, embedded):
        large = Image.fromarray(embedded.images[700]).resize((56, 56))
        refused = one(digits, Input("x", encoded(large)))
        assert refused.label is None
        assert refused.problem.startswith("56 x 56 pixels, and the model takes 28 x 28 (")
        assert one(digits, Input("x", encoded(large)), resize=True).label == "1"

    @pytest.mark.parametrize(
        ("names", "positive", "shape", "advised"),
        [
            (["0", "7"], None, (28, 28), ["prepare='digit'", "resize=True"]),
            ([False, True], "7", (28, 28), ["prepare='digit'", "resize=True"]),
            ([False, True], "seven", (28, 28), ["resize=True"]),
            (["bag", "7"], None, (28, 28), ["resize=True"]),
            (["10", "11"], None, (28, 28), ["resize=True"]),
            (["0", "7"], None, (8, 8), ["resize=True"]),
            (["0", "7"], None, (28, 28, 3), ["resize=True"]),
        ],
    )
    def test_what_is_advised_for_another_size(self, names, positive, shape, advised):
        images = np.arange(4, dtype=np.uint8).repeat(np.prod(shape)).reshape(4, *shape)
        model = imlogit.LogisticRegression().fit(images, np.array(names).repeat(2))
        saved = saved_model_of(model, positive=positive)
        said = one(saved, Input("x", encoded(np.zeros((40, 30), np.uint8)))).problem
        assert re.findall(r"prepare='digit'|resize=True", said) == advised

    def test_a_page_is_prepared(self, digits, embedded):
        page = np.full((200, 300), 255, np.uint8)
        page[40:124, 150:234] = 255 - embedded.images[1000].repeat(3, axis=0).repeat(3, axis=1)
        assert one(digits, Input("x", encoded(page)), prepare="digit").label == "2"
        blank = one(digits, Input("x", encoded(np.full((9, 9), 255, np.uint8))), prepare="digit")
        assert "ink" in blank.problem
        with pytest.raises(ParameterError, match="prepare='cat': give one of digit"):
            Predictor(digits, prepare="cat")

    def test_one_bad_image_costs_only_its_own_answer(self, digits, embedded):
        good = [Input(str(k), embedded.images[k]) for k in range(200)]
        bad = Input("bad", b"no image")
        said = list(Predictor(digits).answers([*good[:70], bad, *good[70:]]))
        assert [a.where for a in said if a.problem] == ["bad"]
        alone = list(Predictor(digits).answers(good))
        for after, before in zip([*said[:70], *said[71:]], alone, strict=True):
            np.testing.assert_allclose(after.probabilities, before.probabilities, rtol=1e-9)

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            (lambda X: X[:, ::7, ::7].reshape(len(X), -1), "takes rows of 16 numbers, not images"),
            (lambda X: X / 255, "fitted on float64"),
            (lambda X: np.stack([X] * 2, axis=3), "images of 2 channels"),
        ],
    )
    def test_models_that_cannot_take_files(self, few, model, message):
        content = saved_model_of(imlogit.LogisticRegression(C=0.1).fit(model(few[0]), few[1]))
        with pytest.raises(DataError, match=message):
            Predictor(content)


class TestFit:
    """Photos of many sizes: what a fit did with them is done with those that follow."""

    @pytest.fixture
    def photos(self, rng, tmp_path):
        for number in range(24):
            side = 90 + 7 * number
            image = rng.integers(0, 120, (side, 150, 3), dtype=np.uint8)
            image[..., number % 2] += 90
            write(tmp_path / "photos" / "ab"[number % 2] / f"{number}.png", image)
        return tmp_path / "photos"

    @pytest.mark.parametrize("how", [{}, {"size": (20, 30), "fit": "pad"}, {"grey": True}])
    @pytest.mark.filterwarnings("ignore::imlogit.SourceWarning")
    def test_nothing_need_be_said_again(self, photos, tmp_path, how):
        found = imlogit.train(photos, folds=2, features="pixels", **how)
        estimator, image_set = found.cross_validation.estimator, found.task.image_set
        model = tmp_path / "m.imlogit"
        imlogit.save_model(estimator, model, image_set=image_set, positive="b")
        size = how.get("size", (64, 64))
        assert imlogit.load(photos, **how).image_shape[:2] == size
        answers = imlogit.predict(model, photos)
        expected = estimator.predict_proba(image_set.images)
        np.testing.assert_allclose([one.probabilities for one in answers], expected, rtol=1e-10)
        (alone,) = imlogit.predict(model, photos / "a" / "0.png")
        assert alone.probabilities == answers[0].probabilities
        scores = imlogit.evaluate(model, photos).scores
        assert scores.values["accuracy"].value == np.mean([one.right for one in answers])
        (why,) = imlogit.explain(model, [photos / "b" / "1.png"])
        assert why.image.shape[:2] == size

    def test_a_model_of_images_of_one_size_takes_no_other(self, digits):
        assert digits.fit is None
        assert "resize=True" in one(digits, Input("x", np.zeros((30, 30), np.uint8))).problem


class TestTruth:
    def test_of_folders(self, digits, two, tree):
        found = list(inputs([str(tree)], Reading()))
        assert {Predictor(digits).truth(x) for x in found} == {"0", "2", "7"}
        assert [Predictor(two).truth(x) for x in found] == [
            *["not 2"] * 4,
            *["2"] * 4,
            *["not 2"] * 4,
        ]

    def test_a_class_that_the_model_does_not_know_says_nothing(self, two, digits):
        for label in ("bird", "", None):
            assert Predictor(two).truth(Input("x", b"", label=label)) is None
            assert Predictor(digits).truth(Input("x", b"", label=label)) is None

    @pytest.mark.parametrize("positive", ["2", "9"])
    def test_without_the_names_of_the_rest_neither_side_has_a_truth(self, few, positive):
        """With those of one side alone every count would be of that side."""
        content = saved_model_of(imlogit.LogisticRegression(C=0.01).fit(*few), positive=positive)
        for label in ("7", "2", "9", "not 2"):
            assert Predictor(content).truth(Input("x", b"", label=label)) is None

    def test_of_single_files(self, two, tree):
        (found,) = inputs([str(tree / "2" / "00004.png")], Reading())
        assert Predictor(two).truth(found) == "2"

    def test_of_sources(self, digits):
        found = inputs(["mnist-5k"], Reading())
        assert Predictor(digits).truth(next(found)) == "0"


class TestInputs:
    def test_in_order_and_by_name(self, tree, tmp_path):
        write(tmp_path / "x.png", b"1")
        names = [str(tmp_path / "x.png"), str(tree / "0"), "nowhere", "mnist-6k"]
        found = list(inputs(names, Reading()))
        assert [x.where for x in found[1:3]] == [f"{tree}/0/00000.png", f"{tree}/0/00001.png"]
        assert [x.problem for x in found[-2:]] == ["there is no such file, folder or source"] * 2

    def test_an_empty_folder(self, tmp_path):
        (found,) = inputs([str(tmp_path)], Reading())
        assert found.problem == "the folder holds no image"

    @pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
    def test_an_archive_is_what_its_folder_is(self, tree, embedded, ending):
        write(tree / "loose.png", embedded.images[0])
        path = packed(tree, ending)
        ours, theirs = inputs([str(path)], Reading()), inputs([str(tree)], Reading())
        for found, wanted in zip(ours, theirs, strict=True):
            assert found.where == f"{path}{wanted.where.removeprefix(str(tree))}"
            assert found.content == wanted.content
            assert found.label == wanted.label

    def test_a_damaged_archive_is_one_problem(self, tree):
        path = packed(tree, ".zip")
        path.write_bytes(path.read_bytes()[:-30])
        (found,) = inputs([str(path)], Reading())
        assert "damaged" in found.problem

    def test_a_broken_source_is_one_problem(self, tmp_path):
        write(tmp_path / "x.csv", b"label,pixel0\n1,300\n")
        (found,) = inputs([str(tmp_path / "x.csv")], Reading())
        assert "300" in found.problem
        assert "\n" not in found.problem

    def test_standard_input(self, monkeypatch, embedded):
        content = encoded(embedded.images[0])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        (found,) = inputs(["-"], Reading())
        assert found.content == content

    def test_standard_input_without_end(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bytes(2000))))
        (found,) = inputs(["-"], Reading(max_megabytes=0.001))
        assert found.content is None
        assert found.problem.startswith("more than 0.001 MB")


class TestCommand:
    def test_table(self, two_file, tree, capsys):
        assert run(["predict", two_file, str(tree)]) == 0
        said = capsys.readouterr().out
        assert "00004.png" in said
        assert "12 images. Of 12 whose class is known" in said
        assert "always answering 'not 2' would be for 66.67%" in said

    def test_csv(self, two_file, tree, capsys):
        assert run(["predict", two_file, str(tree), "--csv"]) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert [row["truth"] for row in rows[3:5]] == ["not 2", "2"]
        assert all(0.5 <= float(row["probability"]) <= 1 for row in rows)

    def test_json_and_a_bad_file(self, two_file, tree, capsys):
        write(tree / "2" / "bad.png", b"x")
        assert run(["predict", two_file, str(tree), "gone.png", "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert found["summary"]["failed"] == 2
        assert found["summary"]["images"] == 14
        good = [x for x in found["predictions"] if x["problem"] is None]
        assert len(good) == 12
        assert all(abs(sum(x["probabilities"].values()) - 1) < 1e-12 for x in good)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["nothing.imlogit", "x.png"], "nothing.imlogit"),
            (["MODEL"], "Missing argument"),
            (["MODEL", "x.png", "--prepare", "cat"], "--prepare cat"),
            (["MODEL", "x.png", "--csv", "--json"], "cannot both"),
        ],
    )
    def test_bad_input(self, two_file, arguments, message, capsys):
        words = [two_file if word == "MODEL" else word for word in arguments]
        assert run(["predict", *words]) == 2
        found = capsys.readouterr()
        assert message in found.err
        assert not found.out

    def test_what_mends_it_is_named_by_its_option(self, two_file, tmp_path, capsys):
        big = write(tmp_path / "big.png", np.zeros((40, 40), np.uint8))
        assert run(["predict", two_file, str(big)]) == 1
        said = " ".join(capsys.readouterr().out.split())
        assert "(--prepare digit makes of a photo" in said
        assert "--resize brings it to that size" in said

    def test_rows_that_are_passed_over_are_said(self, two_file, tmp_path, capsys):
        table = tmp_path / "x.csv"
        names, pixels = ",".join(f"pixel{i}" for i in range(784)), ",".join(["0"] * 784)
        lines = [f"{names},label", f"{pixels},2", f"{pixels},2", pixels, f"{pixels},3", ""]
        table.write_text("\n".join(lines))
        assert run(["predict", two_file, str(table), "--skip-bad"]) == 1
        said = capsys.readouterr().out
        assert "4 images, 1 of them without an answer" in said
        assert "line 4" in said

    def test_names_that_hold_anything(self, two_file, tmp_path, embedded, capsys):
        name = "a\nb" if os.name != "nt" else "a b"
        write(tmp_path / "odd" / f"{name}.png", embedded.images[0])
        assert run(["predict", two_file, str(tmp_path / "odd")]) == 0
        assert repr(name)[1:-1] in capsys.readouterr().out


def test_a_table_is_written_while_answers_come(two, embedded):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield Input(str(len(taken)), embedded.images[0])

    lines = table_lines(Predictor(two).answers(endless()), Tally())
    for _ in range(5):
        next(lines)
    assert len(taken) <= 128


class TestEvaluate:
    def test_the_scores_are_those_of_train(self, tmp_path, monkeypatch, capsys, embedded):
        monkeypatch.chdir(tmp_path)
        np.savez(
            "digits.npz",
            x_train=embedded.images[::2],
            y_train=embedded.labels[::2],
            x_test=embedded.images[1::2],
            y_test=embedded.labels[1::2],
        )
        assert run(["train", "digits.npz", "--folds", "2", "--out", "run", "--json"]) == 0
        trained = json.loads(capsys.readouterr().out)
        assert run(["evaluate", "run/model.imlogit", "digits.npz", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["scores"] == trained["test"]
        assert found["by_class"] == trained["by_class"]
        assert (found["part"], found["seen"]) == ("test", False)
        assert run(["evaluate", "run/model.imlogit", "digits.npz"]) == 0
        said = capsys.readouterr().out
        assert "the source's test part" in said
        assert "Always answering" in said

    def test_images_that_were_trained_on_are_said(self, two_file, capsys):
        assert run(["evaluate", two_file, "mnist-5k"]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "the source has no test part" in said
        assert "was fitted on images of this very source" in said

    def test_what_does_not_fit_is_refused(self, two_file, tmp_path, embedded, capsys):
        np.savez(tmp_path / "a.npz", images=embedded.images[:9, :20], labels=np.arange(9))
        assert run(["evaluate", two_file, str(tmp_path / "a.npz")]) == 2
        assert "28 x 28" in capsys.readouterr().err
        np.savez(tmp_path / "b.npz", images=embedded.images[:9], labels=np.arange(3, 12))
        assert run(["evaluate", two_file, str(tmp_path / "b.npz")]) == 2
        assert "looks for '2'" in capsys.readouterr().err

    def test_unknown_labels_are_listed(self, digits, embedded):

        other = replace(embedded, class_names=(*embedded.class_names[:8], "h", "i"))
        with pytest.raises(DataError, match="does not know: h, i. It knows 0, 1, 2"):
            evaluate(digits, other)

    def test_only_some_of_the_classes(self, digits, embedded):

        some = imlogit.ImageSet(
            embedded.images[500:1500], embedded.labels[500:1500] - 1, ("1", "2"), 1000, "x", "y"
        )
        assert evaluate(digits, some).scores.n == 1000


class TestCounts:
    """A folder, its class folders and its files are the same images."""

    CLASSES = ("cat", "dog", "eel")

    @pytest.fixture
    def root(self, tmp_path, rng):
        codes = np.arange(60) % 3
        images = rng.integers(0, 100, (60, 6, 5), dtype=np.uint8)
        images.reshape(60, -1)[np.arange(60), codes] += 150
        return write_class_folders(tmp_path / "pets", images, np.array(self.CLASSES)[codes])

    @staticmethod
    def ways(root):
        """The same images, said in as many ways as there are."""
        folders = sorted(root.iterdir())
        return {
            "folder": [root],
            "class folders": folders,
            "files": [file for folder in folders for file in sorted(folder.iterdir())],
        }

    @pytest.mark.parametrize("how", [{"positive": "dog"}, {"positive": "cat"}, {}])
    def test_however_images_are_named_they_are_counted_alike(self, root, tmp_path, how):
        folds = {"folds": 2, "engine": "reference"}
        place = write_run(imlogit.train(root, **folds, **how), tmp_path / "run")
        (root / "dog").rename(tmp_path / "away")  # a fault that shows in the counts
        (root / "cat").rename(root / "dog")
        (tmp_path / "away").rename(root / "cat")
        found = {}
        for way, names in self.ways(root).items():
            tally = Tally()
            answers = list(tally.counting(imlogit.predict(place, names)))
            assert all((one.truth == one.label) is one.right for one in answers)
            found[way] = tally.to_dict() | {"truths": Counter(one.truth for one in answers)}
        assert found["folder"] == found["class folders"] == found["files"]
        assert found["folder"]["with_truth"] == 60
        assert found["folder"]["accuracy"] < 0.5
        evaluated = imlogit.evaluate(place, root).scores.values["accuracy"].value
        assert evaluated == found["folder"]["accuracy"]

    def test_a_class_of_the_rest_alone_is_the_rest(self, root, tmp_path):
        found = imlogit.train(root, positive="dog", folds=2, engine="reference")
        write(root / "bird" / "0.png", np.zeros((6, 5), np.uint8))
        place = write_run(found, tmp_path / "run")
        answers = imlogit.predict(place, [root / "cat", root / "bird"])
        assert [one.truth for one in answers] == ["not dog"] * 20 + [None]
        with pytest.raises(DataError, match="does not know: bird. It knows cat, eel, dog"):
            imlogit.evaluate(place, root)

    def test_images_that_the_model_was_fitted_on_are_said(self, root, tmp_path, capsys):
        found = imlogit.train(root, positive="dog", folds=2, engine="reference")
        run_folder = write_run(found, tmp_path / "run")
        fitted = {found.task.image_set.names[row] for row in found.task.split.train}
        assert len(fitted) == 48
        for names in self.ways(root).values():
            answers = imlogit.predict(run_folder, names)
            assert [one.seen for one in answers] == [
                "/".join(one.where.rsplit("/", 2)[-2:]) in fitted for one in answers
            ]
            assert run(["predict", str(run_folder), *map(str, names)]) == 0
            assert "fitted on 48 of these images" in capsys.readouterr().out
        alone = root / min(fitted)
        assert run(["predict", str(run_folder), str(alone)]) == 0
        assert "fitted on this very image" in capsys.readouterr().out
        assert run(["predict", str(run_folder), str(root), "--json"]) == 0
        said = json.loads(capsys.readouterr().out)["summary"]
        assert (said["seen"], said["seen_of"]) == (48, 60)
        assert run(["predict", str(run_folder), str(root), "--csv"]) == 0
        rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
        assert Counter(row["seen"] for row in rows) == {"true": 48, "false": 12}

    def test_of_many_images_a_sample_is_known(self, two_file, capsys):
        assert run(["predict", two_file, "mnist-5k"]) == 0
        said = capsys.readouterr().out
        assert "fitted on about 100% of these images (by 4,096 that it can tell)" in said

    def test_other_images_are_not_said_to_be_the_models(self, root, tmp_path, rng, capsys):
        found = imlogit.train(root, folds=2, engine="reference")
        other = write(tmp_path / "x.png", rng.integers(0, 256, (6, 5), dtype=np.uint8))
        (answer,) = imlogit.predict(found.model, other)
        assert answer.seen is False
        place = write_run(found, tmp_path / "run")
        assert run(["predict", str(place), str(other)]) == 0
        assert "fitted on" not in capsys.readouterr().out

    def test_a_model_that_kept_nothing_of_its_images_does_not_know(self, few, embedded):
        content = saved_model_of(imlogit.LogisticRegression(C=0.01).fit(*few))
        assert one(content, Input("x", embedded.images[0])).seen is None
