"""Packing image files: what is packed is what the source holds, in every way of reading it."""

import numpy as np
import pytest

from imlogit import (
    BadItemsError,
    DataError,
    ImageSet,
    KindError,
    ParameterError,
    check,
    evaluate,
    load,
    pack,
    train,
)

from helpers.archives import packed
from helpers.image_files import encoded, write, write_class_folders

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 6, 5), dtype=np.uint8)
CLASSES = [*"abcabcabcabc"]
SMALL = 6 * 5 * 3 * 4


@pytest.fixture
def photos(tmp_path):
    write_class_folders(tmp_path / "photos" / "train", IMAGES, CLASSES)
    write_class_folders(tmp_path / "photos" / "val", IMAGES[:3] + 1, CLASSES[:3])
    write_class_folders(tmp_path / "photos" / "test", IMAGES[:4] + 2, CLASSES[:4])
    return tmp_path / "photos"


def same(found, other):
    np.testing.assert_array_equal(np.asarray(found.images), np.asarray(other.images))
    np.testing.assert_array_equal(found.labels, other.labels)
    for name in ("class_names", "n_train", "n_validation", "name", "names", "sha256", "fit"):
        assert getattr(found, name) == getattr(other, name), name
    assert found.remarks == other.remarks
    assert found.skipped == other.skipped


@pytest.mark.filterwarnings("ignore::imlogit.SourceWarning")
@pytest.mark.parametrize(
    "how", [{}, {"size": (4, 4)}, {"grey": True, "size": (3, 5), "fit": "pad"}], ids=str
)
@pytest.mark.parametrize("ending", ["", ".zip"])
def test_it_holds_what_the_source_holds(photos, tmp_path, how, ending):
    source = packed(photos, ending)
    found = pack(source, tmp_path / "packed", shard_bytes=SMALL, **how)
    same(found, load(source, **how))
    same(load(tmp_path / "packed"), found)
    assert len(found.images.parts) >= 3
    assert found.origin == f"{load(source, **how).origin}, packed"


@pytest.mark.filterwarnings("ignore::imlogit.SourceWarning")
@pytest.mark.parametrize("what", ["colour", "sizes", "no test part"])
def test_awkward_files(photos, tmp_path, what):
    if what == "colour":  # in one of several shards
        write(photos / "train" / "b" / "x.png", encoded(RNG.integers(0, 256, (6, 5, 3), np.uint8)))
    elif what == "sizes":
        write(photos / "train" / "c" / "x.png", encoded(RNG.integers(0, 256, (9, 12), np.uint8)))
    else:
        for path in sorted((photos / "test").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (photos / "test").rmdir()
    same(pack(photos, tmp_path / "packed", shard_bytes=SMALL), load(photos))


def test_bad_files_are_named_and_passed_over_when_asked(photos, tmp_path):
    write(photos / "train" / "b" / "0.png", b"no image")
    write(photos / "test" / "a" / "zz.png", b"")
    with pytest.raises(BadItemsError, match="2 of 21 files") as caught:
        pack(photos, tmp_path / "packed", shard_bytes=SMALL)
    assert [one.where for one in caught.value.problems] == ["test/a/zz.png", "train/b/0.png"]
    # what was decoded is kept
    found = pack(photos, tmp_path / "packed", shard_bytes=SMALL, skip_bad=True)
    same(found, load(photos, skip_bad=True))


@pytest.mark.parametrize(("bad", "said"), [("b", "nothing is left of b"), ("abc", "no training")])
def test_a_class_of_bad_files_alone_is_refused(photos, tmp_path, bad, said):
    for one in bad:
        for path in (photos / "train" / one).iterdir():
            path.write_bytes(b"no image")
    with pytest.raises(DataError, match=said):
        pack(photos, tmp_path / "packed", skip_bad=True)


def test_a_folder_of_links_that_lead_nowhere(tmp_path):
    (tmp_path / "x" / "a").mkdir(parents=True)
    (tmp_path / "x" / "a" / "1.png").symlink_to(tmp_path / "nothing")
    with pytest.raises(BadItemsError, match=r"a/1\.png"):
        pack(tmp_path / "x", tmp_path / "packed")
    with pytest.raises(DataError, match="none of 1 files"):
        pack(tmp_path / "x", tmp_path / "packed", skip_bad=True)
    assert not (tmp_path / "packed").exists()


def test_a_source_that_changes_is_refused(photos, tmp_path):
    def progress(what, done, _total):
        if what == "looking for finished shards" and done == 1:
            write(photos / "train" / "a" / "new.png", encoded(IMAGES[0]))

    with pytest.raises(DataError, match="changed while it was packed"):
        pack(photos, tmp_path / "packed", progress=progress)


def test_tables_and_packed_folders_are_packed(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=np.array(CLASSES))
    first = pack(tmp_path / "x.npz", tmp_path / "one", shard_bytes=100)
    again = pack(tmp_path / "one", tmp_path / "two")
    same(first, load(tmp_path / "x.npz"))
    assert isinstance(again.images, np.ndarray)
    assert again.origin == first.origin
    same(again, first)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (lambda x: ((x, x / "packed"), {}), ParameterError, "in the source itself"),
        (lambda x: ((x, "p"), {"shard_bytes": 0}), ParameterError, "shard_bytes=0"),
        (lambda x: ((x, "p"), {"shape": (2, 2)}), DataError, "brings images, not rows"),
        (lambda _: ((IMAGES, "p"), {}), KindError, "ndarray"),
        (lambda x: ((load(x), "p"), {"grey": True}), ParameterError, "grey=... is for a source"),
        (lambda _: (("nothing", "p"), {}), DataError, "no source"),
    ],
    ids=["inside", "shard_bytes", "shape", "array", "read", "nothing"],
)
def test_what_cannot_be_packed(photos, tmp_path, monkeypatch, given, error, said):
    monkeypatch.chdir(tmp_path)
    arguments, how = given(photos)
    with pytest.raises(error, match=said):
        pack(*arguments, **how)
    assert not (tmp_path / "p").exists()
    assert not (photos / "packed").exists()


def test_a_run_has_the_bits_of_the_source(embedded, tmp_path):
    """Of several shards the order of rows is another, and with it the last digits."""
    write_class_folders(tmp_path / "digits", embedded.images[::50], embedded.labels[::50])
    how = {"positive": "2", "folds": 2, "seed": 1}
    whole = train(tmp_path / "digits", **how)
    one, several = tmp_path / "one", tmp_path / "several"
    pack(tmp_path / "digits", one)
    pack(tmp_path / "digits", several, shard_bytes=20_000)
    np.testing.assert_array_equal(train(one, **how).model.coef, whole.model.coef)
    found = train(several, **how)
    np.testing.assert_allclose(found.model.coef, whole.model.coef, atol=1e-3)
    assert "the source's order" in found.task.facts()["training"]
    # what else looks at images takes shards, too
    ours, theirs = (evaluate(whole.model, place).scores for place in (several, one))
    np.testing.assert_array_equal(ours.confusion, theirs.confusion)
    assert check(several, positive="2").to_dict() == check(one, positive="2").to_dict()
    np.testing.assert_array_equal(found.test.confusion, whole.test.confusion)


def test_labels_may_stand_in_names(tmp_path):
    for k, one in enumerate(CLASSES):
        write(tmp_path / "flat" / f"{one}_{k}.png", encoded(IMAGES[k]))
    found = pack(tmp_path / "flat", tmp_path / "packed", label_from="_", shard_bytes=SMALL)
    same(found, load(tmp_path / "flat", label_from="_"))
    assert found.class_names == ("a", "b", "c")


def test_any_names_and_classes_are_packed(tmp_path):
    given = ImageSet(IMAGES, np.arange(12) % 2, ("a\n", "\u202eb"), 12, "x\x1b", "o")
    same(pack(given, tmp_path / "packed"), given)
