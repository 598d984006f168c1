"""The images of doubtful labels, copied or linked to by class."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import imlogit
from imlogit import copy_doubts
from imlogit.errors import DataError, OutputError
from imlogit.report.run_folder import write_run
from imlogit.runs.doubts import doubts
from imlogit.runs.options import TrainOptions
from imlogit.runs.record import open_record
from imlogit.runs.train import train

from helpers.image_files import can_make, write_class_folders

pytestmark = pytest.mark.usefixtures("without_pictures")


def recorded(images, place, source):
    options = TrainOptions(source=str(source), folds=2, engine="reference")
    return open_record(write_run(train(images, options), place))


def made(root):
    """Write images of two classes as files, in a folder around them; files of a name in both."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 6, 5), dtype=np.uint8)
    images[20:] //= 2
    for name, of_class in (("cat", images[:20]), ("dog", images[20:])):
        write_class_folders(root / "around", of_class, [name] * 20)
    return root


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pets(tmp_path):
    """A run over files, and their folder."""
    source = made(tmp_path / "pets")
    return recorded(imlogit.load(source), tmp_path / "run", source), source / "around"


@pytest.fixture
def links(tmp_path):
    if not can_make(lambda path: path.symlink_to(tmp_path), tmp_path / "a-link"):
        pytest.skip("no symbolic links here")


def files_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


@pytest.mark.parametrize("part", ["training", "test"])
def test_files_are_copied_by_class(pets, tmp_path, part):
    record, source = pets
    found = doubts(record, part=part)
    done = copy_doubts(record, found, tmp_path / "out")
    assert (done.n_files, done.n_drawn) == (len(found), 0)
    expected = {
        f"given-{one.given}/suggested-{one.suggested}/{one.file.split('/')[1]}": one.file
        for one in found
    }
    assert files_below(tmp_path / "out") == sorted(expected)
    for name, file in expected.items():
        assert (tmp_path / "out" / name).read_bytes() == (source / file).read_bytes()


@pytest.mark.usefixtures("links")
def test_links_lead_to_the_files(pets, tmp_path):
    record, source = pets
    copy_doubts(record, doubts(record)[:3], tmp_path / "out", link=True)
    links = list((tmp_path / "out").rglob("*.png"))
    assert len(links) == 3
    for link in links:
        assert link.is_symlink()
        assert os.path.realpath(link).startswith(os.path.realpath(source))


def test_images_without_files_are_written_as_png(tmp_path):
    images = imlogit.load("mnist-5k")
    some = replace(
        images, images=images.images[::50], labels=images.labels[::50], n_train=80, sha256=""
    )
    np.savez(tmp_path / "set.npz", images=some.images, labels=some.labels)
    source = tmp_path / "set.npz"
    loaded = imlogit.load(source)
    record = recorded(loaded, tmp_path / "run", source)
    found = doubts(record)[:5]
    done = copy_doubts(record, found, tmp_path / "out")
    assert (done.n_files, done.n_drawn) == (0, 5)
    one = found[0]
    (path,) = (tmp_path / "out").rglob(f"row-{one.row}.png")
    with Image.open(path) as picture:
        assert np.array_equal(np.array(picture), loaded.images[one.row])
    with pytest.raises(DataError, match="no file of this image is found"):
        copy_doubts(record, found, tmp_path / "links", link=True)
    assert not (tmp_path / "links").exists()


def test_files_that_have_gone_are_written_as_png(pets, tmp_path):
    record, source = pets
    shutil.rmtree(source.parent)
    assert copy_doubts(record, doubts(record)[:2], tmp_path / "out").n_drawn == 2


def test_files_that_are_others_now_are_not_taken_for_those_of_the_run(pets, tmp_path):
    record, source = pets
    for path in source.rglob("*.png"):
        Image.new("L", (5, 6)).save(path)
    with pytest.raises(DataError, match="not those of the run"):
        copy_doubts(record, doubts(record), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_nothing_is_written_over_or_through_what_exists(pets, tmp_path, kind):
    record, _ = pets
    elsewhere, place = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.mkdir()
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("mine")
    elif not can_make(lambda path: path.symlink_to(elsewhere), place):
        pytest.skip("no symbolic links here")
    with pytest.raises(OutputError, match="exists already"):
        copy_doubts(record, doubts(record), place)
    assert not list(elsewhere.iterdir())
    assert kind != "file" or place.read_text() == "mine"


@pytest.mark.usefixtures("links")
def test_a_link_planted_in_the_source_is_not_followed_out_of_it(pets, tmp_path):
    """The same image, so that the source is still that of the run, but behind a link."""
    record, source = pets
    one = doubts(record)[0]
    (source / one.file).replace(tmp_path / "secret.png")
    (source / one.file).symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError):
        copy_doubts(record, [one], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_that_a_run_makes_up_reach_no_file(pets, tmp_path):
    record, _ = pets
    (tmp_path / "secret.png").write_text("secret")
    lead_out = ["../../secret.png"] * 40
    hostile = replace(record, predictions=replace(record.predictions, names=lead_out))
    copy_doubts(hostile, doubts(hostile), tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.png"):
        assert path.read_bytes() != b"secret"


def test_classes_of_any_name_have_folders_of_their_own(pets, tmp_path):
    record, _ = pets
    names = ("a/../b", "A/..\\b")
    renamed = replace(record, facts=replace(record.facts, classes=names))
    copy_doubts(renamed, doubts(renamed), tmp_path / "out")
    below = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len({name.lower() for name in below}) == 2
    assert all(name.startswith("given-") for name in below)


def test_files_of_one_name_are_both_kept(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (24, 6, 5), dtype=np.uint8)
    for place, first in (("cat/a", 0), ("cat/b", 8), ("dog/a", 16)):
        write_class_folders(tmp_path / "s" / place, images[first : first + 8], ["c"] * 8)
    record = recorded(imlogit.load(tmp_path / "s"), tmp_path / "run", tmp_path / "s")
    found = doubts(record)
    assert len({one.file.split("/")[-1] for one in found}) < len(found)
    copy_doubts(record, found, tmp_path / "out")
    copied = [(tmp_path / "out" / name).read_bytes() for name in files_below(tmp_path / "out")]
    originals = [(tmp_path / "s" / one.file).read_bytes() for one in found]
    assert sorted(copied) == sorted(originals)


def test_doubts_of_another_run(pets, tmp_path):
    record, _ = pets
    one = doubts(record)[0]
    for other in (replace(one, row=10_000), replace(one, given="bird")):
        with pytest.raises(DataError, match="not of this run"):
            copy_doubts(record, [other], tmp_path / "out")
