"""Packed folders that are damaged: the file is named before anything is made of the others."""

import json
import shutil

import numpy as np
import pytest

from imlogit import DataError, ImageSet, load, pack
from imlogit.cli.app import run

IMAGES = np.arange(9 * 4 * 3, dtype=np.uint8).reshape(9, 4, 3)
SHARD = 3 * 4 * 3
MANIFEST = "imlogit-pack.json"


def image_set(n_train=6, **others):
    return ImageSet(IMAGES, np.arange(9) % 3, ("a", "b", "c"), n_train, "nine", "a test", **others)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "sound"
    pack(image_set(names=[f"{k}.png" for k in range(9)]), folder, shard_bytes=SHARD)
    return folder


@pytest.fixture
def folder(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "packed")


def written_over(folder, name, array):
    np.save(folder / name, array)


def changed(folder, change):
    found = json.loads((folder / MANIFEST).read_text())
    change(found)
    (folder / MANIFEST).write_text(json.dumps(found))


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "missing": (lambda f: (f / "train-00001.images.npy").unlink(), "train-00001.images.*missing"),
    "truncated": (
        lambda f: (f / "train-00001.images.npy").write_bytes(
            (f / "train-00001.images.npy").read_bytes()[:-5]
        ),
        "train-00001.images.*cut short",
    ),
    "of another shape": (
        lambda f: written_over(f, "train-00000.images.npy", IMAGES[:3, :2]),
        r"train-00000.images.*3 x 2 x 3, and the manifest says uint8 of 3 x 4 x 3",
    ),
    "of another type": (
        lambda f: written_over(f, "train-00000.images.npy", IMAGES[:3].astype(float)),
        "train-00000.images.*float64",
    ),
    "changed": (lambda f: flip(f / "test-00000.images.npy"), "test-00000.images.*SHA-256"),
    "labels": (lambda f: flip(f / "test-00000.labels.npy"), "test-00000.labels.*SHA-256"),
    "a folder": (
        lambda f: ((f / "test-00000.labels.npy").unlink(), (f / "test-00000.labels.npy").mkdir()),
        "test-00000.labels",
    ),
    "pickled": (
        lambda f: written_over(f, "test-00000.labels.npy", np.array([{}], object)),
        "test-00000.labels.*never unpickled",
    ),
    "no JSON": (lambda f: (f / MANIFEST).write_text("{"), "imlogit-pack.json is damaged"),
    "no manifest's": (lambda f: (f / MANIFEST).write_text("[]"), "imlogit-pack.json is damaged"),
    "of a later version": (
        lambda f: changed(f, lambda m: m.update(version=2)),
        "version 2.*Update imlogit",
    ),
    "a way out": (
        lambda f: changed(f, lambda m: m["shards"][0].update(name="../train-00000")),
        "damaged",
    ),
    "other rows": (lambda f: changed(f, lambda m: m["shards"][0].update(rows=4)), "damaged"),
    "no class": (lambda f: changed(f, lambda m: m.update(class_names=["a"])), "label"),
    "packed in part": (
        lambda f: ((f / ".packing").mkdir(), (f / MANIFEST).unlink()),
        "in part only",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named(folder, damage, capsys):
    make, said = DAMAGE[damage]
    make(folder)
    with pytest.raises(DataError, match=said):
        load(folder)
    assert run(["train", str(folder)]) == 2
    line, *others = capsys.readouterr().err.strip().split("\n")
    assert line.startswith("imlogit: ")
    assert not others


def test_it_is_what_was_packed(folder):
    found = load(folder)
    np.testing.assert_array_equal(np.asarray(found.images), IMAGES)
    assert (found.n_train, found.class_names, found.name) == (6, ("a", "b", "c"), "nine")
    assert found.names == [f"{k}.png" for k in range(9)]
    assert found.sha256 == image_set().sha256
    assert [len(part) for part in found.images.parts] == [3, 3, 3]
    assert np.shares_memory(found.test.images, found.images.parts[2])


def test_a_source_is_read_in_other_ways(folder):
    assert load(folder, size=(2, 2)).image_shape == (2, 2)
