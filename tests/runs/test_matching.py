"""Two runs of one source that made other pixels of its images: which images both have."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

import imlogit
from imlogit.cli.app import run
from imlogit.errors import DataError
from imlogit.report.run_folder import write_run
from imlogit.runs.examine import compare
from imlogit.runs.options import TrainOptions
from imlogit.runs.record import open_record
from imlogit.runs.train import train

from helpers.image_files import write, write_class_folders

pytestmark = pytest.mark.usefixtures("without_pictures")

PER_CLASS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def whole(embedded, folder):
    """A run over half of the embedded images, which have no files."""
    return recorded(halved(embedded, 1), folder / "whole")


@pytest.fixture(scope="module")
def small(embedded, folder):
    """The same with each image half as large."""
    return recorded(halved(embedded, 2), folder / "small")


@pytest.fixture
def photos(embedded, tmp_path):
    rows = [code * 500 + k for code in (0, 1) for k in range(PER_CLASS)]
    return write_class_folders(tmp_path / "photos", embedded.images[rows], embedded.labels[rows])


def halved(embedded, step):
    images = embedded.images[::2, ::step, ::step].copy()
    return replace(embedded, images=images, labels=embedded.labels[::2], n_train=2500, sha256="")


def recorded(images, place):
    return open_record(write_run(train(images, TrainOptions(folds=2)), place))


def run_of(photos, place, side):
    return open_record(write_run(imlogit.train(photos, folds=2, size=(side, side)), place))


def right_by_name(record):
    """Return whether the model is right, by the name of each test image."""
    kept = record.predictions
    right = kept.test_probabilities.argmax(axis=1) == kept.test_codes
    return {kept.names[row]: one for row, one in zip(kept.test_rows, right, strict=True)}


def test_images_without_files_are_matched_by_their_rows(whole, small):
    found = compare(whole, small)
    assert found.matched == found.to_dict()["matched"] == "rows"
    scores = [record.predictions.test_scores() for record in (whole, small)]
    assert (found.first.n, found.second.n) == (500, 500)
    assert found.first["accuracy"].value == scores[0]["accuracy"].value
    assert found.second["log_loss"].value == scores[1]["log_loss"].value
    assert compare(whole, whole).matched == "pixels"


def test_other_rows_are_refused(whole, small):
    kept = small.predictions
    moved = replace(kept, train_rows=np.roll(kept.train_rows, 1))
    with pytest.raises(DataError, match=r"rows of the same number have different labels\.$"):
        compare(whole, replace(small, predictions=moved))
    names = ("train_rows", "train_codes", "train_folds", "train_probabilities")
    fewer = replace(kept, **{name: getattr(kept, name)[:-1] for name in names})
    with pytest.raises(DataError, match=r"there are 2,500 and 2,499 of them\.$"):
        compare(whole, replace(small, predictions=fewer))


def test_files_are_matched_by_their_names(photos, tmp_path):
    first = run_of(photos, tmp_path / "first", 7)
    assert compare(first, run_of(photos, tmp_path / "second", 9)).first.n == len(
        first.predictions.test_rows
    )
    # a file that comes first moves all rows, and the test part is another
    write(photos / "0" / "0-first.png", (photos / "0" / "00000.png").read_bytes())
    later = run_of(photos, tmp_path / "later", 9)
    found = compare(first, later)
    right = [right_by_name(record) for record in (first, later)]
    common = set(right[0]) & set(right[1])
    assert found.matched == "names"
    assert found.first.n == len(common) > 0
    assert found.first["accuracy"].value == np.mean([right[0][name] for name in common])
    assert found.second["accuracy"].value == np.mean([right[1][name] for name in common])


def test_other_files_are_refused(photos, tmp_path):
    first = run_of(photos, tmp_path / "first", 7)
    copies = {
        "elsewhere": "those of photos and of elsewhere",
        "again/photos": "no file of one is a file of the other",
    }
    for number, (name, message) in enumerate(copies.items()):
        other = shutil.copytree(photos, tmp_path / name)
        for file in list(other.rglob("*.png")):
            file.rename(file.with_name(f"x{file.name}"))
        second = run_of(other, tmp_path / f"second-{number}", 9)
        with pytest.raises(DataError, match=rf"over different images: {message}\.$"):
            compare(first, second)


def test_what_they_are_matched_by_is_printed(whole, small, capsys):
    assert run(["compare", str(whole.folder), str(small.folder)]) == 0
    assert "matched by their rows in the source" in " ".join(capsys.readouterr().out.split())
