"""A run looked at again: evidence, telling images, two runs compared."""

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import imlogit
from imlogit.errors import DataError, ModelFileError
from imlogit.report.pictures.sheets import (
    doubt_sheet,
    evidence_figure,
    exemplar_sheet,
    exhibit_sheet,
)
from imlogit.report.run_folder import write_run
from imlogit.runs.doubts import doubts
from imlogit.runs.examine import compare, exemplars_of, explain_row
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.predictions import Predictions
from imlogit.runs.record import open_record
from imlogit.runs.sweep import sweep
from imlogit.runs.train import train

pytestmark = pytest.mark.usefixtures("without_pictures")


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


class TestEvidence:
    def test_of_a_run(self, embedded, twos):
        row = int(twos.predictions.test_rows[5])
        found = explain_row(twos, embedded, row)
        assert (found.row, found.number, found.where) == (row, row, f"Test row {row}")
        assert found.label == ("2" if embedded.labels[row] == 2 else "not 2")
        assert found.probabilities == pytest.approx(twos.predictions.test_probabilities[5])
        assert json.loads(json.dumps(found.to_dict()))["margin"] == found.evidence.margin
        seen = int(twos.predictions.train_rows[3])
        assert explain_row(twos, embedded, seen).where == f"Training row {seen}"
        with pytest.raises(DataError, match=r"row=5000: no image of the run.*test images are such"):
            explain_row(twos, embedded, 5000)


class TestExemplars:
    def test_of_a_run(self, digits):
        found = exemplars_of(digits)
        assert list(found) == list("0123456789")
        kept = digits.predictions
        said = dict(zip(kept.test_rows, kept.test_probabilities.argmax(axis=1), strict=True))
        codes = dict(zip(kept.test_rows, kept.test_codes, strict=True))
        for code, of_class in enumerate(found.values()):
            assert {said[row] for row in of_class.typical} == {code}
            assert code not in {said[row] for row in of_class.surprising}
            assert {codes[row] for row in np.concatenate(of_class)} == {code}


class TestComparison:
    def test_a_model_and_itself(self, twos):
        found = compare(twos, twos)
        assert (found.only_first, found.only_second, found.p_value) == (0, 0, 1.0)
        # two others that differ on none of these images might differ on some
        assert -found.accuracy.low == found.accuracy.high == pytest.approx(3.84 / 1003.84, abs=1e-5)
        # the same probabilities say nothing of how others' losses vary
        assert (found.log_loss.value, found.log_loss.low) == (0, None)

    def test_a_worse_model_is_told_from_a_better_one(self, twos, strong):
        found = compare(strong, twos)
        assert found.p_value < 1e-6
        assert 0 < found.accuracy.low < found.accuracy.value < found.accuracy.high
        assert found.log_loss.high < 0
        assert (found.first.n, found.first.origin) == (1000, "test")
        mirrored = compare(twos, strong)
        assert mirrored.accuracy.value == pytest.approx(-found.accuracy.value)
        assert mirrored.p_value == pytest.approx(found.p_value)

    def test_only_the_machine_differs(self, twos, strong):
        p = twos.predictions.test_probabilities
        nudged = replace(twos.predictions, test_probabilities=p + 1e-8 * (0.5 - p))
        elsewhere = replace(twos.facts, machine=twos.facts.machine | {"processor": "another"})
        other = replace(twos, predictions=nudged, facts=elsewhere)
        said = compare(twos, other).note
        assert "another" in said
        assert "up to 5.0e-09 for that reason only" in said
        others = (
            twos,
            replace(other, facts=twos.facts),
            replace(other, predictions=twos.predictions),
            replace(other, facts=replace(elsewhere, versions={"numpy": "1"})),
            replace(other, facts=replace(elsewhere, machine={})),
            replace(strong, facts=elsewhere),
        )
        assert [compare(twos, one).note for one in others] == [""] * 6

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
        others = replace(twos, facts=replace(twos.facts, data_sha256="0" * 64, data_name="others"))
        with pytest.raises(DataError, match="different images: those of mnist-5k and of others"):
            compare(twos, others)


class TestRecord:
    def test_a_sweep_is_read_back(self, embedded, folder):
        options = SweepOptions(folds=2, Cs=(0.01, 0.1))
        place = write_run(sweep(embedded, options), folder / "sweep")
        record = open_record(place)
        assert record.names == ("not 2", "2")
        assert len(doubts(record)) == 4000
        assert record.images().sha256 == embedded.sha256

    def test_other_images_than_those_of_the_run(self, twos):
        other = replace(twos, facts=replace(twos.facts, data_sha256="0" * 64))
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
            ("metrics.json", b"[" * 200_000),
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

    @pytest.mark.parametrize(
        "altered",
        [
            {"schema": ["imlogit.metrics"]},
            {"data": None},
            {"data": {"name": "x", "sha256": "y"}},
            {"interrupted": 0},
            {"options": []},
            {"options": "x"},
            {"options": None},
            {"options": {"source": 3}},
            {"options": {"source": "x" * 5000}},
            {"options": {"reading": [1]}},
            {"options": {"reading": {"grey": "no"}}},
            {"options": {"reading": {"size": [10**400, 2]}}},
            {"options": {"reading": {"max_megabytes": True}}},
            {"options": {"reading": {"label_from": {}}}},
            {"options": {"reading": {"more": 1}}},
            {"classes": [1, {}]},
            {"classes": [1, 2]},
            {"classes": [None, "2"]},
            {"classes": ["2", "2"]},
            {"classes": "ab"},
            {"classes": ["x" * 5_000_000, "2"]},
            {"versions": {"numpy": 2}},
            {"machine": ["Intel"]},
            {"no_estimate": 3},
            {"no_estimate": {"overlap-exact": 1}},
        ],
    )
    def test_fields_of_another_kind(self, twos, tmp_path, altered):
        copy = tmp_path / "copy"
        shutil.copytree(twos.folder, copy)
        whole = json.loads((copy / "metrics.json").read_text())
        (copy / "metrics.json").write_text(json.dumps(whole | altered))
        with pytest.raises(DataError, match=f"no finished run.*{next(iter(altered))}"):
            open_record(copy)

    @pytest.mark.parametrize(
        ("name", "spoil"),
        [
            ("add up", lambda p: p["test_probabilities"].__imul__(0.9)),
            ("from 0 to 1", lambda p: p["train_probabilities"].__setitem__((0, 0), np.nan)),
            ("from 0 to 1", lambda p: p["test_probabilities"].__setitem__((0, 0), np.inf)),
            ("known of images", lambda p: p["train_folds"].__setitem__(0, -1)),
            ("numbers of folds", lambda p: p["train_folds"].__setitem__(0, 2**60)),
            ("twice", lambda p: p["test_rows"].__setitem__(0, p["test_rows"][1])),
            ("twice", lambda p: p["test_rows"].__setitem__(0, p["train_rows"][1])),
            ("below 0", lambda p: p["train_rows"].__setitem__(0, -1)),
            ("classes that", lambda p: p["test_codes"].__setitem__(0, 2)),
        ],
    )
    def test_predictions_that_cannot_be(self, twos, tmp_path, name, spoil):
        arrays = {f: np.array(one) for f, one in vars(twos.predictions).items() if f != "names"}
        spoil(arrays)
        (tmp_path / "p.safetensors").write_bytes(Predictions(**arrays).to_bytes())
        with pytest.raises(ModelFileError, match=name):
            Predictions.read(tmp_path / "p.safetensors")

    def test_negative_folds(self, twos, tmp_path):
        kept = twos.predictions
        unseen = replace(
            kept,
            train_folds=np.full_like(kept.train_folds, -2),
            train_probabilities=np.full_like(kept.train_probabilities, np.nan),
        )
        (tmp_path / "p.safetensors").write_bytes(unseen.to_bytes())
        with pytest.raises(ModelFileError, match="numbers of folds, or -1"):
            Predictions.read(tmp_path / "p.safetensors")

    def test_a_header_of_many_arrays(self, tmp_path):
        header = b"{" + b",".join(b'"%d":{}' % k for k in range(100_000)) + b"}"
        path = tmp_path / "p.safetensors"
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        with pytest.raises(ModelFileError, match="not an intact file"):
            Predictions.read(path)

    def test_a_run_that_does_not_say_how_it_was_read(self, twos, tmp_path):
        copy = tmp_path / "copy"
        shutil.copytree(twos.folder, copy)
        without = json.loads((copy / "metrics.json").read_text())
        del without["options"]
        (copy / "metrics.json").write_text(json.dumps(without))
        assert len(open_record(copy).images()) == 5000

    def test_files_of_two_runs(self, twos, digits, tmp_path):
        copy = tmp_path / "copy"
        shutil.copytree(twos.folder, copy)
        shutil.copy(digits.folder / "predictions.safetensors", copy)
        with pytest.raises(DataError, match="not of one run"):
            open_record(copy)

    def test_no_run_at_all(self, tmp_path):
        with pytest.raises(DataError, match="no finished run"):
            open_record(tmp_path)

    def test_the_nearest_folder_is_asked_for(self, tmp_path):
        (tmp_path / "mnist-5k-1").mkdir()
        with pytest.raises(DataError, match="of imlogit. Did you mean '.*/mnist-5k-1'. Give"):
            open_record(tmp_path / "mnist-5k1")
        with pytest.raises(DataError, match="of imlogit. Give"):
            open_record(tmp_path / "mnist-5k-1")


class TestPictures:
    def test_of_a_run(self, embedded, digits, twos):
        for png in (
            doubt_sheet(embedded, doubts(digits)),
            exemplar_sheet(embedded, digits.predictions, exemplars_of(digits)),
            evidence_figure(explain_row(twos, embedded, 3)),
        ):
            with Image.open(io.BytesIO(png)) as picture:
                assert picture.format == "PNG"
                assert 900 < picture.width <= 1000
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
        assert {"duplicates", "overlap-exact"} & set(findings.codes)
        with Image.open(io.BytesIO(exhibit_sheet(faulty, findings))) as picture:
            assert picture.height > 150
