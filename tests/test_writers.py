"""Every writer there is: stopped anywhere, planted links in its way, and what is no file at all."""

import ast
import hashlib
import json
import os
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import imlogit
from imlogit import LogisticRegression, OutputError, export_model, save_model
from imlogit.cli.app import run
from imlogit.cli.output import draw
from imlogit.data.cache import entries, note_files
from imlogit.data.feature_set import FeatureSet
from imlogit.data.image_set import ImageSet
from imlogit.data.labelled_set import digest, label_digest
from imlogit.errors import DataError, ModelFileError
from imlogit.export import json_file
from imlogit.export.formats import Format
from imlogit.report.doubt_folder import copy_doubts
from imlogit.report.probe_folder import write_probe
from imlogit.report.run_folder import write_run
from imlogit.runs.doubts import doubts
from imlogit.runs.options import TrainOptions
from imlogit.runs.probes.probe import linear_probe
from imlogit.runs.record import open_record
from imlogit.runs.train import train

from helpers.renaming import interrupt_at

MARK = "mark.json"
ENTRY = "images-0123456789abcdef-0123456789abcdef"
KEY = "0" * 32


def image_set(seed, n=40):
    images = np.random.default_rng(seed).integers(0, 120, (n, 4, 4), dtype=np.uint8)
    images[::2] += 100
    return ImageSet(images, np.arange(n) % 2, ("cat", "dog"), n, "pets", "made for a test")


SETS = [image_set(0), image_set(1)]


@pytest.fixture(scope="module")
def models():
    return [LogisticRegression().fit(one.images, one.labels) for one in SETS]


@pytest.fixture(scope="module")
def runs():
    return [train(one, TrainOptions(folds=2)) for one in SETS]


@pytest.fixture(scope="module")
def probe():
    rows = SETS[0].images.reshape(len(SETS[0]), -1) / np.float32(255)
    features = FeatureSet(rows, SETS[0].labels, ("a", "b"), 30, "rows", "made")
    return linear_probe(features, Cs=(1.0,), engine="reference")


@pytest.fixture(scope="module")
def record(runs, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imlogit.report.run_folder._picture", lambda name, _: name.encode())
        return open_record(write_run(runs[0], tmp_path_factory.mktemp("kept") / "run"))


@pytest.fixture(autouse=True)
def _places(tmp_path, monkeypatch):
    """A cache of the test's own, pictures that cost no time, and formats that need no library."""
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("imlogit.report.run_folder._picture", lambda name, _: name.encode())
    monkeypatch.chdir(tmp_path)


def write_folder(head, path):
    path.mkdir()
    json_file.write(head, path / MARK)


FOLDER = Format(write_folder, lambda path: json_file.load(path / MARK), mark=MARK)
TWO_FILES = Format(json_file.write, json_file.load, sidecar=True)


class Writers:
    """How each writer writes the first or the second of two things to one place."""

    def __init__(self, models, runs, probe, record, monkeypatch):
        self.models, self.runs, self.patch = models, runs, monkeypatch
        self.probe, self.record = probe, record

    def model(self, which):
        save_model(self.models[which], "model.imlogit", force=True)

    def run(self, which):
        write_run(self.runs[which], Path("run"))

    def numbered_run(self, which):
        shutil.rmtree("imlogit-runs", ignore_errors=True)
        write_run(self.runs[which])

    def probe_run(self, _):
        write_probe(self.probe, Path("run"))

    def doubts_run(self, which):
        self.patch.setattr("imlogit.runs.record.Record.images", lambda *_, **__: SETS[0])
        copy_doubts(self.record, doubts(self.record)[: 1 + which], "doubtful")

    def export_file(self, which):
        export_model(self.models[which], "x.json", force=True)

    def export_two_files(self, which):
        self.patch.setattr("imlogit.export.writing.open_format", lambda *_: TWO_FILES)
        export_model(self.models[which], "x.keras", force=True)

    def export_folder(self, which):
        self.patch.setattr("imlogit.export.writing.open_format", lambda *_: FOLDER)
        export_model(self.models[which], "x.savedmodel", force=True)

    def cache(self, which):
        entries.write_entry(SETS[which], ENTRY)

    def note(self, which):
        pins = "0" * 64, "1" * 64
        note_files.write_note(KEY, note_files.Note(f"{which}", "npz", {}, "0", ENTRY, *pins))

    def picture(self, which):
        draw(b"picture %d" % which, Path("picture.png"))


REPLACING = [name for name in vars(Writers) if not name.startswith("_") and "run" not in name]
RUNS = ["run", "numbered_run"]
FOLDERS = [*RUNS, "probe_run", "doubts_run"]
# The calls in the package that change names, each of them interrupted here or, those of leftovers
# and of what is packed, in their own tests.
RENAMES = {
    "data/cache/entries.py": 1,
    "data/cache/packed/workplace.py": 1,
    "report/run_folder.py": 2,
    "system/atomic.py": 5,
    "system/leftovers.py": 1,
}


@pytest.fixture
def writers(models, runs, probe, record, monkeypatch):
    return Writers(models, runs, probe, record, monkeypatch)


def contents(folder):
    """What each file of a folder holds; locks lie there for good."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def folders(folder):
    return {path.name for path in folder.rglob("*") if path.is_dir()}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", [*REPLACING, *FOLDERS])
def test_interrupted_at_any_renaming_the_old_or_the_new_is_whole(
    writers, tmp_path, monkeypatch, name, after
):
    write = getattr(writers, name)
    write(1)
    new, kept = contents(tmp_path), folders(tmp_path)
    for nth in range(1, 99):
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        os.chdir(tmp_path)
        old = {}
        if name in REPLACING:
            write(0)
            old = contents(tmp_path)
            assert old != new
        fired = True
        with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
            interrupt_at(nth, after, patch)
            write(1)
            fired = False
        assert contents(tmp_path) in ((old, new) if fired else (new,))
        assert folders(tmp_path) <= kept  # nothing hidden is left
        if not fired:
            break
    assert 1 < nth < 99


def renames(call):
    """Whether a call changes a name; a link is a new one, and takes no place."""
    if not isinstance(call.func, ast.Attribute):
        return False
    owner = call.func.value.id if isinstance(call.func.value, ast.Name) else ""
    calls = ("rename", "renames", "move")
    alone = len(call.args) == 1 and not call.keywords  # text is replaced by another
    return call.func.attr in calls or (call.func.attr == "replace" and (owner == "os" or alone))


def test_whatever_renames_is_interrupted_in_a_test():
    home, found = Path(imlogit.__file__).parent, Counter()
    for path in home.rglob("*.py"):
        text = path.read_text()
        if not any(word in text for word in ("rename", ".replace(", ".move(")):
            continue  # trees take their time
        calls = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call)]
        found[path.relative_to(home).as_posix()] += sum(map(renames, calls))
    assert +found == RENAMES


def test_an_entry_is_removed_or_whole(monkeypatch, tmp_path):
    for nth in (1, 2):
        for after in (False, True):
            entries.write_entry(SETS[0], ENTRY)
            old = contents(tmp_path)
            with monkeypatch.context() as patch:
                interrupt_at(nth, after, patch)
                if nth == 1:
                    with pytest.raises(KeyboardInterrupt):
                        entries.remove(ENTRY)
                else:
                    assert entries.remove(ENTRY)
            assert contents(tmp_path) == ({} if after or nth == 2 else old)


@pytest.mark.parametrize("leads_to", ["a file", "nothing"])
@pytest.mark.parametrize("name", REPLACING)
def test_nothing_is_written_through_a_link(writers, tmp_path, name, leads_to):
    precious = tmp_path / "precious"
    write = getattr(writers, name)
    write(0)
    (old,) = {
        path for path in contents(tmp_path) if path.count(".") and "keras.json" not in path
    } - {path for path in contents(tmp_path) if ENTRY in path and "facts" not in path}
    place = tmp_path / old
    if name in ("cache", "export_folder"):  # a whole folder takes the place
        place = place.parent
        shutil.rmtree(place)
    else:
        place.unlink()
    place.symlink_to(precious)
    if leads_to == "a file":
        precious.write_text("mine")
    if name.startswith("export"):  # which says so
        with pytest.raises(OutputError, match="force=True does not replace it"):
            write(1)
        assert place.is_symlink()
    else:
        write(1)
        assert not place.is_symlink()
    assert os.path.lexists(precious) == (leads_to == "a file")
    assert not precious.exists() or precious.read_text() == "mine"


@pytest.mark.parametrize("planted", ["lock", "notes"])
def test_nothing_in_a_cache_is_written_through_a_link(writers, tmp_path, planted):
    precious = tmp_path / "precious"
    entries.folder().mkdir()
    if planted == "lock":
        precious.write_text("mine")
        (entries.folder() / f".{ENTRY}.lock").symlink_to(precious)
        pins = entries.Pins(SETS[0].sha256, label_digest(SETS[0].labels))
        entries.keep(SETS[0], ENTRY, pins)
        assert precious.read_text() == "mine"
    else:
        precious.mkdir()
        note_files.notes_folder().symlink_to(precious)
        writers.note(0)
        assert list(precious.iterdir()) == []
        assert note_files.read_note(KEY) is not None


def test_a_link_in_a_run_is_replaced_by_the_picture(writers, tmp_path, capsys, monkeypatch):
    place, precious = tmp_path / "run", tmp_path / "precious"
    writers.run(0)
    precious.write_text("mine")
    (place / "doubts.png").symlink_to(precious)
    monkeypatch.setattr("imlogit.runs.record.Record.images", lambda *_, **__: SETS[0])
    assert run(["doubts", str(place)]) == 0
    assert precious.read_text() == "mine"
    assert (place / "doubts.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["metrics.json", "predictions.safetensors", "model.imlogit"])
@pytest.mark.parametrize("what", ["pipe", "folder"])
def test_what_is_no_file_in_a_run_is_said_and_not_waited_for(writers, tmp_path, name, what):
    writers.run(0)
    place = tmp_path / "run" / name
    place.unlink()
    os.mkfifo(place) if what == "pipe" else place.mkdir()
    with pytest.raises((DataError, ModelFileError), match=rf"{name}: cannot be read \(not a reg"):
        open_record(tmp_path / "run")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["facts.json", "images.npy", "labels.npy", "note"])
def test_what_is_no_file_in_a_cache_is_not_waited_for(writers, name):
    writers.cache(0)
    writers.note(0)
    place = entries.folder() / ENTRY / name
    if name == "note":
        place = note_files.notes_folder() / f"{KEY}.json"
    elif name != "facts.json":  # with facts that agree
        facts = place.with_name("facts.json")
        whole = json.loads(facts.read_text())["facts"]
        whole[name.split(".")[0]]["bytes"] = 0
        sha256 = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
        facts.write_text(json.dumps({"facts": whole, "sha256": sha256}))
    place.unlink()
    os.mkfifo(place)
    if name == "note":
        assert note_files.noted() == []
    else:
        with pytest.raises(DataError, match="not a regular file"):
            entries.read_entry(ENTRY, entries.Pins(digest(SETS[0].images), "0"))


def refuse_to_open(monkeypatch, part):
    """Refuse to open what has this in its path, as the system does; root may open anything."""
    whole = os.open

    def refusing(path, *how, **more):
        if part in os.fspath(path):
            raise PermissionError(13, "Permission denied", path)
        return whole(path, *how, **more)

    monkeypatch.setattr(os, "open", refusing)


@pytest.mark.parametrize("name", ["metrics.json", "predictions.safetensors", "model.imlogit"])
def test_what_may_not_be_read_is_neither_missing_nor_damaged(writers, tmp_path, monkeypatch, name):
    writers.run(0)
    refuse_to_open(monkeypatch, name)
    with pytest.raises((DataError, ModelFileError), match="Permission denied") as caught:
        open_record(tmp_path / "run")
    said = str(caught.value)
    assert not any(word in said for word in ("no finished run", "damaged", "Make the run again"))


def test_an_entry_that_may_not_be_read_is_not_damaged(writers, monkeypatch):
    writers.cache(0)
    refuse_to_open(monkeypatch, "facts.json")
    with pytest.raises(DataError, match=r"may not be read: Permission denied\."):
        entries.read_entry(ENTRY, entries.Pins("0", "0"))


def unwritable(monkeypatch, folder):
    """Let nothing be made in a folder, as the system does; root may write anywhere."""
    whole = Path.open, Path.mkdir

    def refusing(call):
        def refuse(self, *how, **more):
            if self.parent == folder:
                raise PermissionError(13, "Permission denied", str(self))
            return call(self, *how, **more)

        return refuse

    for name, call in zip(("open", "mkdir"), whole, strict=True):
        monkeypatch.setattr(Path, name, refusing(call))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["train", "--out", "ro/x"], "ro/x"),
        (["train", "--out", "ro/deep/x"], "ro/deep/x"),
        (["sweep", "--out", "ro/x"], "ro/x"),
        (["check", "--picture", "ro/x.png"], "ro/x.png"),
        (["data", "show", "mnist-5k", "--out", "ro/x.png"], "ro/x.png"),
        (["doubts", "run", "--out", "ro/x.png"], "ro/x.png"),
        (["explain", "run", "--out", "ro/x.png"], "ro/x.png"),
        (["export", "run", "--to", "json", "--out", "ro/x.json"], "ro/x.json"),
    ],
)
def test_a_place_that_cannot_be_written_is_said_before_the_work(
    writers, tmp_path, monkeypatch, capsys, arguments, named
):
    def work(*_, **__):
        raise AssertionError("the work was begun")

    writers.run(0)
    (tmp_path / "ro").mkdir()
    for what in ("data.sources.read", "runs.record.Record.images", "export.json_file.replacing"):
        monkeypatch.setattr(f"imlogit.{what}", work)
    unwritable(monkeypatch, Path("ro"))
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"imlogit: {named}: cannot be written (Permission denied)."), said
    assert list((tmp_path / "ro").iterdir()) == []


def test_the_default_place_is_tried_too(tmp_path, monkeypatch, capsys):
    (tmp_path / "imlogit-runs").mkdir()
    unwritable(monkeypatch, Path("imlogit-runs"))
    assert run(["train"]) == 2
    assert capsys.readouterr().err.startswith("imlogit: imlogit-runs: cannot be written (Perm")


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_figures_are_printed_even_if_they_cannot_be_written(monkeypatch, capsys, runs, how):
    def full(*_, **__):
        raise OutputError("x: cannot be written (No space left on device).")

    monkeypatch.setattr("imlogit.runs.train.train_task", lambda *_, **__: runs[0])
    monkeypatch.setattr("imlogit.report.run_folder.write_run", full)
    assert run(["train", "--out", "x", *how]) == 2
    said = capsys.readouterr()
    assert said.err.endswith("imlogit: x: cannot be written (No space left on device).\n")
    if how:
        assert json.loads(said.out) == json.loads(json.dumps(runs[0].metrics)) | {"run": None}
    else:
        assert "this model is right for" in " ".join(said.out.split())
        assert "Written" not in said.out


@pytest.mark.parametrize("name", RUNS)
def test_a_disk_that_fills_up_is_said_by_what_the_user_named(writers, monkeypatch, tmp_path, name):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    named = "run" if name == "run" else "imlogit-runs"
    with pytest.raises(OutputError, match=f"^{named}: cannot be written"):
        getattr(writers, name)(0)
    assert list(tmp_path.iterdir()) == []
