"""The doubtful labels of a run, of either part."""

import csv
import io
import warnings
from dataclasses import replace

import numpy as np
import pytest

from imlogit.errors import DataError, ParameterError
from imlogit.report.run_folder import write_run
from imlogit.runs.doubts import as_csv, doubts
from imlogit.runs.options import TrainOptions
from imlogit.runs.record import open_record
from imlogit.runs.train import train

pytestmark = pytest.mark.usefixtures("without_pictures")


def recorded(images, place, **options):
    return open_record(write_run(train(images, TrainOptions(folds=3, **options)), place))


@pytest.fixture(scope="module")
def mislabelled(embedded):
    """The embedded images, and rows of which the labels were made wrong."""
    rows = np.random.default_rng(0).choice(5000, 150, replace=False)
    labels = embedded.labels.copy()
    labels[rows] = (labels[rows] + 3) % 10
    return replace(embedded, labels=labels), rows


@pytest.fixture(scope="module")
def digits(mislabelled, tmp_path_factory):
    """A run over all ten digits, read back."""
    return recorded(mislabelled[0], tmp_path_factory.mktemp("runs") / "d", every_class=True, C=0.1)


@pytest.mark.parametrize("part", ["training", "test"])
@pytest.mark.parametrize("ranking", ["trust", "margin", "confidence"])
def test_wrong_labels_of_either_part_come_first(mislabelled, digits, part, ranking):
    images, wrong = mislabelled
    kept = digits.predictions
    rows = kept.train_rows if part == "training" else kept.test_rows
    found = doubts(digits, part=part, ranking=ranking)
    assert sorted(one.row for one in found) == sorted(rows.tolist())
    assert all(str(images.labels[one.row]) == one.given for one in found)
    planted = set(wrong) & set(rows.tolist())
    first = {one.row for one in found[: 2 * len(planted)]}
    assert len(first & planted) > 0.7 * len(planted)
    by = [getattr(one, "p_given" if ranking == "confidence" else ranking) for one in found]
    assert by == sorted(by)


def test_figures_are_those_that_the_run_holds(digits):
    kept = digits.predictions
    place = {row: k for k, row in enumerate(kept.test_rows.tolist())}
    for one in doubts(digits, part="test")[:50]:
        p = kept.test_probabilities[place[one.row]]
        assert one.p_given == p[digits.names.index(one.given)]
        assert one.p_suggested == p[digits.names.index(one.suggested)]
        assert one.margin == pytest.approx(one.p_given - one.p_suggested)


def test_classes_of_a_two_class_question_have_their_names(embedded, tmp_path):
    record = recorded(embedded, tmp_path / "twos")
    for part in ("training", "test"):
        found = doubts(record, part=part)
        assert {(one.given, one.suggested) for one in found} == {("2", "not 2"), ("not 2", "2")}
        assert all((one.given == "2") == (embedded.labels[one.row] == 2) for one in found)


def test_csv_has_every_field(digits):
    found = doubts(digits)
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [int(row["row"]) for row in rows] == [one.row for one in found]
    names = ["row", "file", "given", "suggested", "p_given", "p_suggested", "trust", "margin"]
    assert list(rows[0]) == [*names, "wrong"]
    spoiled = replace(found[0], file="=1", given="@x", suggested="-1", margin=-0.5)
    (row,) = csv.DictReader(io.StringIO(as_csv((spoiled,))))
    said = [row[name] for name in ("file", "given", "suggested", "margin")]
    assert said == ["'=1", "'@x", "-1", "-0.5"]


def test_a_test_part_that_is_the_training_part_is_said(embedded, tmp_path):
    some = slice(None, None, 10)
    images, labels = (np.concatenate([one[some]] * 2) for one in (embedded.images, embedded.labels))
    copied = replace(embedded, images=images, labels=labels, n_train=500, sha256="")
    record = recorded(copied, tmp_path / "run")
    with pytest.warns(UserWarning, match=r"test images are training images \(overlap-exact\)"):
        assert len(doubts(record, part="test")) == 500
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        doubts(record)


@pytest.mark.parametrize(
    ("asked", "parameter", "said"),
    [
        ({"part": "tets"}, "part", "Did you mean 'test'"),
        ({"ranking": "entropy"}, "ranking", "one of trust, margin, confidence"),
    ],
)
def test_what_there_is_not(digits, asked, parameter, said):
    with pytest.raises(ParameterError, match=said) as caught:
        doubts(digits, **asked)
    assert caught.value.parameter == parameter


def test_a_run_without_test_images(digits):
    none = {
        name: getattr(digits.predictions, name)[:0]
        for name in ("test_rows", "test_codes", "test_probabilities")
    }
    empty = replace(digits, predictions=replace(digits.predictions, **none))
    with pytest.raises(DataError, match="no image was held out"):
        doubts(empty, part="test")
