"""A run looked at again: doubtful labels, evidence, telling images, two runs compared."""

import csv
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest

import imlogit
from imlogit.errors import DataError, ModelFileError
from imlogit.evaluation.comparison import compare_probabilities
from imlogit.evaluation.doubts import find_doubts
from imlogit.evaluation.evidence import evidence_of, exemplars
from imlogit.model.head import head_of
from imlogit.model.persist import saved_model_of
from imlogit.report.pictures.sheets import (
    doubt_sheet,
    evidence_figure,
    exemplar_sheet,
    exhibit_sheet,
)
from imlogit.report.run_folder import write_run
from imlogit.runs.examine import as_csv, compare, doubts, exemplars_of, explain_row
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.record import open_record
from imlogit.runs.sweep import sweep
from imlogit.runs.train import train


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def digits(embedded, folder):
    """A run over all ten digits, read back."""
    return open_record(
        write_run(train(embedded, TrainOptions(every_class=True, folds=3)), folder / "d")
    )


@pytest.fixture(scope="module")
def twos(embedded, folder):
    return open_record(write_run(train(embedded, TrainOptions(folds=3)), folder / "twos"))


@pytest.fixture(scope="module")
def strong(embedded, folder):
    """The same with a penalty that is far too strong."""
    return open_record(write_run(train(embedded, TrainOptions(folds=3, C=1e-5)), folder / "strong"))


class TestDoubts:
    def test_by_hand(self):
        p = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.6, 0.4], [np.nan, np.nan]])
        found = find_doubts(np.array([0, 0, 1, 1, 0]), p)
        assert found.rows.tolist() == [1, 3, 0, 2]
        assert found.given.tolist() == [0, 1, 0, 1]
        assert found.likely.tolist() == [1, 0, 1, 0]
        assert found.confidence == pytest.approx([0.2, 0.4, 0.9, 0.9])
        assert found.margin == pytest.approx([-0.6, -0.2, 0.8, 0.8])
        # the classes' usual probabilities are 0.55 and 0.65
        assert found.confident.tolist() == [True, True, False, False]

    def test_flipped_labels_come_first(self, embedded):
        rng = np.random.default_rng(0)
        flipped = rng.choice(5000, 100, replace=False)
        labels = embedded.labels.copy()
        labels[flipped] = (labels[flipped] + rng.integers(1, 10, 100)) % 10
        model = imlogit.LogisticRegression(C=0.1, random_state=0)
        found = find_doubts(
            labels, imlogit.cross_validate(model, embedded.images, labels, cv=3).probabilities
        )
        assert np.isin(found.rows[:200], flipped).sum() >= 80
        assert found.confident[:100].mean() > 0.6

    def test_nothing_held_out_and_lengths_that_differ(self):
        with pytest.raises(DataError, match="no image was held out"):
            find_doubts(np.zeros(2, dtype=int), np.full((2, 2), np.nan))
        with pytest.raises(DataError, match="3 labels for 2 rows"):
            find_doubts(np.zeros(3, dtype=int), np.full((2, 2), 0.5))

    def test_of_a_run(self, embedded, digits):
        found = doubts(digits)
        assert len(found) == 4000
        assert {one.row for one in found} == set(digits.predictions.train_rows.tolist())
        assert all(str(embedded.labels[one.row]) == one.given for one in found)
        confidence = [one.confidence for one in found]
        assert confidence == sorted(confidence)
        rows = list(csv.DictReader(io.StringIO(as_csv(found))))
        assert [int(row["row"]) for row in rows] == [one.row for one in found]
        assert list(rows[0]) == ["row", "given", "likely", "confidence", "margin", "wrong"]


def evidence_for(model, image, *sides, **how):
    """The evidence that a fitted estimator's own answer rests on."""
    head = head_of(saved_model_of(model))
    return evidence_of(head, image, head.answer(image[None]).probabilities[0], *sides, **how)


class TestEvidence:
    @pytest.mark.parametrize("multi_class", ["multinomial", "ovr"])
    def test_terms_add_up_to_the_margin(self, embedded, multi_class):
        images, labels = embedded.images[::5], embedded.labels[::5]
        model = imlogit.LogisticRegression(multi_class=multi_class).fit(images, labels)
        margins = model.decision_function(images)
        for k in range(0, 1000, 50):
            found = evidence_for(model, images[k])
            order = margins[k].argsort()[::-1]
            assert (found.toward, found.against) == tuple(order[:2])
            terms = found.pixels.sum() + found.intercept
            assert abs(terms - found.margin) < 1e-12
            assert abs(found.margin - (margins[k][order[0]] - margins[k][order[1]])) < 1e-12

    def test_two_classes(self, few):
        images, is_two = few
        model = imlogit.LogisticRegression().fit(images, is_two)
        for image, margin in zip(images[:40], model.decision_function(images[:40]), strict=True):
            found = evidence_for(model, image)
            assert abs(found.pixels.sum() + found.intercept - margin) < 1e-12
            assert (found.pixels[image == 0] == 0).all()
            assert found.pixels.shape == (28, 28)
            turned = evidence_for(model, image, toward=0, against=1)
            assert turned.margin == -found.margin

    def test_features_that_are_not_pixels(self, rng):
        x = rng.normal(size=(60, 5))
        model = imlogit.LogisticRegression().fit(x, x[:, 0] > 0)
        found = evidence_for(model, x[7])
        np.testing.assert_allclose(found.pixels, model.coef_[0] * x[7], rtol=0, atol=0)

    def test_one_side_given(self, embedded):
        images, labels = embedded.images[::10], embedded.labels[::10]
        model = imlogit.LogisticRegression().fit(images, labels)
        most, second = model.predict_proba(images[:1])[0].argsort()[::-1][:2]
        assert evidence_for(model, images[0], against=int(most)).toward == second
        assert evidence_for(model, images[0], toward=int(second)).against == most

    @pytest.mark.parametrize(("toward", "against"), [(1, 1), (0, 5), (-1, 0)])
    def test_classes_that_there_are_not(self, few, toward, against):
        model = imlogit.LogisticRegression().fit(*few)
        with pytest.raises(ValueError, match="two different ones"):
            evidence_for(model, few[0][0], toward, against)

    def test_of_a_run(self, embedded, twos):
        found = explain_row(twos, embedded, 5)
        row = twos.predictions.test_rows[5]
        assert found.row == row
        assert found.label == ("2" if embedded.labels[row] == 2 else "not 2")
        assert found.probabilities == pytest.approx(twos.predictions.test_probabilities[5])
        assert json.loads(json.dumps(found.to_dict()))["margin"] == found.evidence.margin
        with pytest.raises(DataError, match="from 0 to 999"):
            explain_row(twos, embedded, 1000)


class TestExemplars:
    def test_by_hand(self):
        p = np.array([0.1, 0.9, 0.6, 0.45, 0.2, 0.99, 0.55])
        codes = np.array([0, 1, 1, 1, 1, 1, 0])
        found = exemplars(codes, np.stack([1 - p, p], axis=1), 1, n=2)
        assert found.typical.tolist() == [5, 1]
        assert found.surprising.tolist() == [4, 3]
        assert found.undecided.tolist() == [3, 2]
        strict = exemplars(codes, np.stack([1 - p, p], axis=1), 1, threshold=0.95)
        assert strict.typical.tolist() == [5]
        assert strict.surprising.tolist() == [4, 3, 2, 1]
        assert strict.undecided.tolist()[0] == 1

    def test_of_a_run(self, digits):
        found = exemplars_of(digits)
        assert list(found) == list("0123456789")
        kept = digits.predictions
        for code, of_class in enumerate(found.values()):
            said = kept.test_probabilities.argmax(axis=1)
            assert (said[of_class.typical] == code).all()
            assert (said[of_class.surprising] != code).all()
            assert (kept.test_codes[np.concatenate(of_class)] == code).all()


class TestComparison:
    def test_by_hand(self, rng):
        codes = rng.integers(0, 2, 200)
        right = np.where(codes[:, None] == [0, 1], 0.9, 0.1)
        first, second = right.copy(), right.copy()
        first[:15], second[10:20] = 1 - right[:15], 1 - right[10:20]
        found = compare_probabilities(codes, first, second)
        assert (found.only_first, found.only_second) == (5, 10)
        assert found.p_value == pytest.approx(binomtest(10, 15).pvalue)
        assert found.accuracy.value == pytest.approx(0.025)
        assert found.accuracy.low < 0.025 < found.accuracy.high
        assert found.log_loss.value == pytest.approx(-0.025 * np.log(9))

    def test_a_model_and_itself(self, twos):
        found = compare(twos, twos)
        assert (found.only_first, found.only_second, found.p_value) == (0, 0, 1.0)
        assert (found.accuracy.low, found.accuracy.high) == (0, 0)

    def test_a_worse_model_is_told_from_a_better_one(self, twos, strong):
        found = compare(strong, twos)
        assert found.p_value < 1e-6
        assert 0 < found.accuracy.low < found.accuracy.value < found.accuracy.high
        assert found.log_loss.high < 0
        assert (found.first.n, found.first.origin) == (1000, "test")
        mirrored = compare(twos, strong)
        assert mirrored.accuracy.value == pytest.approx(-found.accuracy.value)
        assert mirrored.p_value == pytest.approx(found.p_value)

    def test_runs_that_cannot_be_compared(self, embedded, folder, twos, digits):
        with pytest.raises(DataError, match="different classes"):
            compare(twos, digits)
        others = replace(
            twos,
            predictions=replace(twos.predictions, test_rows=twos.predictions.test_rows + 10_000),
        )
        with pytest.raises(DataError, match="no test image in common"):
            compare(twos, others)
        flipped = replace(
            twos, predictions=replace(twos.predictions, test_codes=1 - twos.predictions.test_codes)
        )
        with pytest.raises(DataError, match="different labels"):
            compare(twos, flipped)
        data = twos.metrics["data"] | {"sha256": "0" * 64}
        with pytest.raises(DataError, match="different images"):
            compare(twos, replace(twos, metrics=twos.metrics | {"data": data}))

    def test_shapes_that_differ(self):
        with pytest.raises(DataError, match="shapes"):
            compare_probabilities(
                np.zeros(2, dtype=int), np.full((2, 2), 0.5), np.full((2, 3), 0.3)
            )


class TestRecord:
    def test_a_sweep_is_read_back(self, embedded, folder):
        options = SweepOptions(folds=2, Cs=(0.01, 0.1))
        place = write_run(sweep(embedded, options), folder / "sweep")
        record = open_record(place)
        assert record.names == ("not 2", "2")
        assert len(doubts(record)) == 4000
        assert record.images().sha256 == embedded.sha256

    def test_other_images_than_those_of_the_run(self, twos):
        data = twos.metrics["data"] | {"sha256": "0" * 64}
        other = replace(twos, metrics=twos.metrics | {"data": data})
        with pytest.raises(DataError, match="not those of the run"):
            other.images()
        assert len(twos.images("mnist-5k")) == 5000

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("metrics.json", b"{"),
            ("metrics.json", b"[]"),
            ("metrics.json", b'{"schema": "another"}'),
            ("metrics.json", b'{"schema": "imlogit.metrics", "data": 3, "interrupted": false}'),
            ("model.imlogit", b""),
            ("predictions.safetensors", b"\x80\x04"),
            ("predictions.safetensors", b""),
        ],
    )
    def test_damaged_files(self, twos, tmp_path, name, content):
        copy = tmp_path / "copy"
        shutil.copytree(twos.folder, copy)
        (copy / name).write_bytes(content)
        with pytest.raises((DataError, ModelFileError), match="copy"):
            open_record(copy)

    def test_files_of_two_runs(self, twos, digits, tmp_path):
        copy = tmp_path / "copy"
        shutil.copytree(twos.folder, copy)
        shutil.copy(digits.folder / "predictions.safetensors", copy)
        with pytest.raises(DataError, match="not of one run"):
            open_record(copy)

    def test_no_run_at_all(self, tmp_path):
        with pytest.raises(DataError, match="no finished run"):
            open_record(tmp_path)


class TestPictures:
    def test_of_a_run(self, embedded, digits, twos):
        for png in (
            doubt_sheet(embedded, doubts(digits)),
            exemplar_sheet(embedded, digits.predictions, exemplars_of(digits)),
            evidence_figure(explain_row(twos, embedded, 3)),
        ):
            with Image.open(io.BytesIO(png)) as picture:
                assert picture.format == "PNG"
                assert picture.width > 1000
                assert len(picture.getcolors(2**24)) > 50

    def test_the_same_bytes_again(self, embedded, twos):
        found = explain_row(twos, embedded, 3)
        assert evidence_figure(found) == evidence_figure(found)

    def test_failed_checks_show_their_images(self, embedded):
        sound = imlogit.check(embedded)
        assert exhibit_sheet(embedded, sound) is None
        copied = embedded.images.copy()
        copied[10] = copied[3]
        faulty = replace(embedded, images=copied, sha256="")
        findings = imlogit.check(faulty)
        assert findings.codes[-1] in ("duplicates", "overlap-exact")
        with Image.open(io.BytesIO(exhibit_sheet(faulty, findings))) as picture:
            assert picture.height > 150
