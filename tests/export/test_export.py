"""Exports: what is written is run by other software, and says what the model says."""

import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import imlogit
from imlogit import LogisticRegression, export_model
from imlogit.cli.app import run
from imlogit.errors import ExportError, MissingExtraError, OutputError
from imlogit.export import json_file
from imlogit.export.formats import open_format, suffix_of
from imlogit.export.proof import difference, trial_inputs
from imlogit.export.table import FORMATS
from imlogit.model.head import Answers, Head, head_of
from imlogit.model.persist import saved_model_of
from imlogit.system.extras import quiet

from helpers.engines import ALL_REQUIRED
from helpers.full_disk import no_file_beyond

NEEDS = {
    "onnx": ("onnx", "onnxruntime"),
    "keras": ("tensorflow",),
    "savedmodel": ("tensorflow",),
    "litert": ("tensorflow", "ai_edge_litert"),
    "json": (),
}


def installed(name):
    return ALL_REQUIRED or all(map(find_spec, NEEDS[name]))


EACH_FORMAT = [
    pytest.param(name, marks=pytest.mark.skipif(not installed(name), reason=f"needs {NEEDS[name]}"))
    for name in FORMATS
]


def head_from(model):
    return head_of(saved_model_of(model))


@pytest.fixture(scope="module")
def models(few, embedded):
    """One model for each link and rule."""
    images, is_two = few
    digits = embedded.labels[::10]
    choosy = LogisticRegression().fit(images, is_two)
    choosy.threshold_ = 0.9
    noise = np.random.default_rng(3)
    return {
        "two": LogisticRegression().fit(images, is_two),
        "with a threshold": choosy,
        "softmax": LogisticRegression().fit(images, digits),
        "one against the rest": LogisticRegression(multi_class="ovr").fit(images, digits),
        "features": LogisticRegression().fit(noise.normal(size=(90, 7)), np.arange(90) % 3),
        "labels": LogisticRegression().fit(
            noise.normal(size=(90, 7)), np.arange(90)[:, None] // [1, 2, 3] % 2
        ),
        "colour": LogisticRegression().fit(
            noise.integers(0, 256, (60, 4, 5, 3), dtype=np.uint8), np.arange(60) % 2
        ),
    }


@pytest.fixture(scope="module")
def saved(models, tmp_path_factory):
    """A model file."""
    place = tmp_path_factory.mktemp("models") / "two.imlogit"
    imlogit.save_model(models["two"], place, positive="2")
    return place


def written_names(place):
    """Return the class names that an export holds."""
    if place.suffix == ".onnx":
        import onnx

        return json.loads({p.key: p.value for p in onnx.load(place).metadata_props}["class_names"])
    if place.is_dir():
        return json.loads((place / "assets" / "class_names.json").read_text("utf-8"))
    holder = place if place.suffix == ".json" else place.with_name(f"{place.name}.json")
    return json.loads(holder.read_text("utf-8"))["class_names"]


def unlike(model, n):
    """Return inputs that the export did not see."""
    return trial_inputs(head_from(model), n, seed=1)


@pytest.mark.parametrize("to", EACH_FORMAT)
@pytest.mark.parametrize(
    "which", ["two", "with a threshold", "softmax", "one against the rest", "features", "colour"]
)
def test_what_is_written_says_what_the_model_says(models, to, which, tmp_path):
    model, place = models[which], tmp_path / f"model{suffix_of(to)}"
    found = export_model(model, place, to=to)
    assert 0 <= found.difference <= found.tolerance
    form = open_format(to)
    for n in (1, 3, 300):
        inputs = unlike(model, n)
        said, expected = form.load(place)(inputs), head_from(model).answer(inputs)
        np.testing.assert_allclose(said.probabilities, expected.probabilities, atol=found.tolerance)
        difference(head_from(model), said, expected, found.tolerance, "it")  # labels, too
        np.testing.assert_allclose(said.probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("to", EACH_FORMAT)
def test_any_number_of_labels_a_row(models, to, tmp_path):
    model, place = models["labels"], tmp_path / f"model{suffix_of(to)}"
    if to not in ("onnx", "json"):
        with pytest.raises(ExportError, match="any number of labels.*onnx or json"):
            export_model(model, place)
        return
    export_model(model, place, class_names=["a", "b", "c"])
    inputs = unlike(model, 50)
    p, has = open_format(to).load(place)(inputs)
    expected = np.stack([one[:, 1] for one in model.predict_proba(inputs)], axis=1)
    np.testing.assert_allclose(p, expected, atol=5e-6)
    np.testing.assert_array_equal(has, model.predict(inputs))
    assert has.shape == p.shape == (50, 3)
    assert written_names(place) == ["a", "b", "c"]


@pytest.mark.parametrize("to", EACH_FORMAT)
def test_real_images(models, few, to, tmp_path):
    images, _ = few
    for which in ("two", "softmax"):
        place = tmp_path / f"{which}{suffix_of(to)}"
        export_model(models[which], place)
        said = open_format(to).load(place)(images)
        expected = models[which].predict_proba(images)
        np.testing.assert_allclose(said.probabilities, expected, atol=5e-6)
        np.testing.assert_array_equal(
            models[which].classes_[said.labels], models[which].predict(images)
        )


def test_a_model_file_is_a_model(models, tmp_path):
    imlogit.save_model(models["two"], tmp_path / "two.imlogit")
    for name, model in (("kept", models["two"]), ("read", tmp_path / "two.imlogit")):
        export_model(model, tmp_path / f"{name}.json")
    assert (tmp_path / "read.json").read_bytes() == (tmp_path / "kept.json").read_bytes()


@pytest.mark.skipif(not installed("onnx"), reason="needs onnx")
@pytest.mark.parametrize("which", ["two", "softmax", "one against the rest", "features"])
def test_onnx_in_float64(models, which, tmp_path):
    place = tmp_path / "model.onnx"
    assert export_model(models[which], place, float64=True).difference <= 1e-12
    inputs = unlike(models[which], 50).astype(
        "uint8" if models[which].fitted_dtype_ == "uint8" else "float64"
    )
    said = open_format("onnx", float64=True).load(place)(inputs)
    assert said.probabilities.dtype == np.float64
    np.testing.assert_allclose(
        said.probabilities, models[which].predict_proba(inputs), rtol=1e-9, atol=1e-12
    )


class TestNames:
    NAMES = ("not “2”", "2")

    @pytest.mark.skipif(not installed("onnx"), reason="needs onnx")
    def test_onnx_keeps_them_in_its_metadata(self, models, tmp_path):
        import onnx
        import onnxruntime

        place = tmp_path / "two.onnx"
        export_model(models["with a threshold"], place, class_names=self.NAMES)
        onnx.checker.check_model(onnx.load(place), full_check=True)
        session = onnxruntime.InferenceSession(place, providers=["CPUExecutionProvider"])
        said = session.get_modelmeta().custom_metadata_map
        assert json.loads(said["class_names"]) == list(self.NAMES)
        assert json.loads(said["threshold"]) == 0.9
        assert [(one.name, one.type, one.shape) for one in session.get_inputs()] == [
            ("images", "tensor(uint8)", ["n", 28, 28])
        ]

    @pytest.mark.skipif(not installed("savedmodel"), reason="needs tensorflow")
    def test_a_saved_model_keeps_them_as_an_asset(self, models, tmp_path):
        place = tmp_path / "two.savedmodel"
        export_model(models["two"], place, class_names=self.NAMES)
        assert json.loads((place / "assets" / "class_names.json").read_text("utf-8")) == list(
            self.NAMES
        )

    @pytest.mark.parametrize("to", [p for p in EACH_FORMAT if p.values[0] in ("keras", "litert")])
    def test_others_keep_them_in_a_sidecar(self, models, to, tmp_path):
        place = tmp_path / f"two{suffix_of(to)}"
        found = export_model(models["with a threshold"], place, class_names=self.NAMES)
        said = json.loads(Path(found.sidecar).read_text("utf-8"))
        assert said["class_names"] == list(self.NAMES)
        assert said["input"] == {"name": "images", "dtype": "uint8", "shape": [28, 28]}
        assert said["threshold"] == 0.9
        assert {one.name for one in tmp_path.iterdir()} == {place.name, f"{place.name}.json"}

    def test_the_json_format(self, models, tmp_path):
        place = tmp_path / "two.json"
        export_model(models["two"], place, class_names=self.NAMES)
        said = json.loads(place.read_text("utf-8"))
        assert (said["format"], said["version"]) == ("imlogit-classifier", 1)
        assert said["class_names"] == list(self.NAMES)
        np.testing.assert_array_equal(said["weights"], models["two"].coef_)
        assert set(said) == {
            *("format", "version", "class_names", "input", "link", "threshold"),
            *("scale", "intercept", "weights"),
        }

    @pytest.mark.parametrize("to", EACH_FORMAT)
    @pytest.mark.parametrize(
        ("classes", "expected"),
        [(["cats", "dogs"], ["cats", "dogs"]), (["cats", "dogs", "eels"], ["not dogs", "dogs"])],
    )
    def test_a_model_file_has_them(self, rng, to, classes, expected, tmp_path):
        """Of two classes both keep their names, also where the fit was told yes and no."""
        codes = np.arange(60) % len(classes)
        images = rng.integers(0, 256, (60, 4, 5), dtype=np.uint8)
        image_set = imlogit.ImageSet(images, codes, tuple(classes), 60, "pets", "made for a test")
        model = LogisticRegression().fit(images, codes == 1)
        imlogit.save_model(model, tmp_path / "m.imlogit", image_set=image_set, positive="dogs")
        place = tmp_path / f"m{suffix_of(to)}"
        export_model(tmp_path / "m.imlogit", place)
        assert written_names(place) == expected

    @pytest.mark.parametrize("d", [1, 4096, 4097, 100_000])
    def test_json_of_many_numbers_is_the_same_json(self, tmp_path, d):
        weights = np.random.default_rng(0).normal(size=(2, d))
        names = ('"weights": [[1', "\ud800")
        head = Head(weights, np.ones(2), 0.5, (d,), "float32", "softmax", None, names)
        place = tmp_path / "m.json"
        json_file.write(head, place)
        np.testing.assert_array_equal(json.loads(place.read_text("utf-8"))["weights"], weights)
        inputs = np.random.default_rng(1).normal(size=(3, d))
        said, expected = json_file.load(place)(inputs), head.answer(inputs)
        np.testing.assert_array_equal(said.probabilities, expected.probabilities)

    def test_json_takes_as_much_memory_as_the_weights(self, tmp_path):
        weights = np.random.default_rng(0).normal(size=(2, 2**19))
        head = Head(weights, np.ones(2), 1.0, (2**19,), "float32", "softmax", None, ("a", "b"))
        tracemalloc.start()
        try:
            json_file.write(head, tmp_path / "m.json")
            assert tracemalloc.get_traced_memory()[1] < weights.nbytes / 2
            json_file.load(tmp_path / "m.json")
            assert tracemalloc.get_traced_memory()[1] < 3 * weights.nbytes
        finally:
            tracemalloc.stop()

    @pytest.mark.skipif(not installed("onnx"), reason="needs onnx")
    def test_onnxruntime_leaves_no_file_of_its_session(self, models, tmp_path):
        imlogit.save_model(models["two"], tmp_path / "m.imlogit")
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        subprocess.run(
            [sys.executable, "-m", "imlogit", "export", tmp_path / "m.imlogit", "--to", "onnx"],
            check=True,
            env=os.environ | {"TMPDIR": str(scratch), "HOME": str(scratch)},
            cwd=tmp_path,
            capture_output=True,
        )
        assert [one.name for one in scratch.rglob("*.ses")] == []

    @pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], ["a", "a"]])
    def test_names_that_do_not_fit(self, models, names, tmp_path):
        with pytest.raises(ExportError, match="class"):
            export_model(models["two"], tmp_path / "two.json", class_names=names)


@pytest.mark.skipif(not installed("keras"), reason="needs tensorflow")
def test_keras_files_hold_standard_layers_only(models, tmp_path):
    for which, model in models.items():
        if which == "labels":  # for ONNX and JSON only
            continue
        place = tmp_path / f"{which}.keras"
        export_model(model, place)
        config = json.loads(zipfile.ZipFile(place).read("config.json"))["config"]
        assert {layer["module"] for layer in config["layers"]} == {"keras.layers"}
        assert "Lambda" not in {layer["class_name"] for layer in config["layers"]}


@pytest.mark.skipif(not installed("keras"), reason="needs tensorflow")
def test_the_first_of_equal_margins_is_the_label(tmp_path):
    model = LogisticRegression().fit(np.eye(6), [0, 1, 2, 0, 1, 2])
    model.coef_ = np.zeros((3, 6))
    place = tmp_path / "model.keras"
    for intercept, expected in (([1.0, 1.0, 0.0], 0), ([0.0, 2.0, 2.0], 1), ([0.0] * 3, 0)):
        model.intercept_ = np.array(intercept)
        export_model(model, place, force=True)
        assert open_format("keras").load(place)(np.zeros((1, 6), np.float32)).labels == [expected]


class TestProof:
    def test_trial_inputs_cover_the_range(self, models):
        for model in models.values():
            inputs = trial_inputs(head_from(model))
            assert inputs.dtype == head_from(model).dtype
            answers = head_from(model).answer(inputs)
            p = np.maximum(answers.probabilities, 1 - answers.probabilities).min(axis=1)
            assert (p < 0.9).mean() > 0.2, "too few inputs are near a boundary"
            assert len(np.unique(answers.labels, axis=0)) > answers.probabilities.shape[1] / 2

    @pytest.mark.parametrize(
        ("spoil", "match"),
        [
            (lambda head: head.weights * (1 + 1e-5), "differ from the model's"),
            (lambda head: -head.weights, "differ from the model's"),
        ],
    )
    def test_a_file_that_says_something_else_is_refused(
        self, models, tmp_path, monkeypatch, spoil, match
    ):
        good = json_file.write

        def write(head, path):
            good(head, path)
            content = json.loads(path.read_text())
            path.write_text(json.dumps(content | {"weights": spoil(head).tolist()}))

        spoilt = open_format("json").__class__(write, json_file.load, 1e-9)
        monkeypatch.setattr(json_file, "FORMAT", spoilt)
        with pytest.raises(ExportError, match=match):
            export_model(models["two"], tmp_path / "two.json")
        assert not list(tmp_path.iterdir())

    def test_labels_are_compared(self, models):
        model = models["softmax"]
        inputs = unlike(model, 40)
        expected = head_from(model).answer(inputs)
        other = Answers(expected.probabilities, (expected.labels + 1) % 10)
        with pytest.raises(ExportError, match="other labels"):
            difference(head_from(model), other, expected, 5e-6, "it")

    def test_shapes_are_compared(self, models):
        expected = head_from(models["two"]).answer(unlike(models["two"], 4))
        flat = Answers(expected.probabilities[:, 1], expected.labels)
        with pytest.raises(ExportError, match="shapes"):
            difference(head_from(models["two"]), flat, expected, 5e-6, "it")

    def test_nan_is_a_difference(self, models):
        expected = head_from(models["two"]).answer(unlike(models["two"], 4))
        lost = Answers(expected.probabilities * np.nan, expected.labels)
        with pytest.raises(ExportError, match="differ"):
            difference(head_from(models["two"]), lost, expected, 5e-6, "it")

    @pytest.mark.skipif(not installed("onnx"), reason="needs onnx")
    def test_numbers_too_large_for_float32(self, models, tmp_path, few):
        model = LogisticRegression(1e6, max_iter=3)
        with pytest.warns(ConvergenceWarning):
            model.fit(*few)
        # sums of these overflow on both sides, and their difference is no number
        model.coef_ = np.where(np.arange(model.coef_.size) % 2, 3e38, -3e38)[None]
        model.intercept_ = np.array([5e35])  # half of what a level of a pixel makes: no margin is 0
        with pytest.raises(ExportError, match="float64"):
            export_model(model, tmp_path / "two.onnx")
        assert not list(tmp_path.iterdir())
        assert export_model(model, tmp_path / "two.onnx", float64=True).difference < 1e-9


class TestPlaces:
    def test_what_is_there_stays_without_force(self, models, tmp_path):
        place = tmp_path / "two.json"
        place.write_text("mine")
        with pytest.raises(OutputError, match=r"exists already.*force=True"):
            export_model(models["two"], place)
        assert place.read_text() == "mine"
        export_model(models["two"], place, force=True)
        assert json.loads(place.read_text())["format"] == "imlogit-classifier"
        assert list(tmp_path.iterdir()) == [place]

    @pytest.mark.skipif(not installed("savedmodel"), reason="needs tensorflow")
    def test_folders_are_replaced_whole(self, models, tmp_path):
        place = tmp_path / "two.savedmodel"
        export_model(models["two"], place)
        (place / "stale").write_text("")
        with pytest.raises(OutputError, match="force=True"):
            export_model(models["two"], place)
        export_model(models["softmax"], place, force=True)
        assert not (place / "stale").exists()
        assert len(open_format("savedmodel").load(place)(unlike(models["two"], 2))[0][0]) == 10
        assert list(tmp_path.iterdir()) == [place]

    @pytest.mark.parametrize("kind", ["folder", "link"])
    def test_force_takes_exports_only(self, models, tmp_path, kind):
        place = tmp_path / "two.json"
        if kind == "folder":
            place.mkdir()
            (place / "thesis.txt").write_text("mine")
        else:
            place.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OutputError, match="force=True does not"):
            export_model(models["two"], place, force=True)
        assert os.path.lexists(place)

    @pytest.mark.skipif(not installed("savedmodel"), reason="needs tensorflow")
    def test_force_does_not_take_other_folders(self, models, tmp_path):
        place = tmp_path / "two.savedmodel"
        place.mkdir()
        (place / "thesis.txt").write_text("mine")
        with pytest.raises(OutputError, match="force=True does not"):
            export_model(models["two"], place, force=True)
        assert (place / "thesis.txt").read_text() == "mine"

    @pytest.mark.parametrize("stop", [OSError(28, "No space left on device"), KeyboardInterrupt()])
    @pytest.mark.parametrize("force", [False, True])
    def test_a_failed_export_leaves_what_was(self, models, tmp_path, monkeypatch, stop, force):
        deep = tmp_path / "deep"
        if force:
            deep.mkdir()
            (deep / "two.json").write_text("mine")

        def fail(*_):
            raise stop

        monkeypatch.setattr("imlogit.export.json_file.replacing", fail)
        with pytest.raises((OutputError, KeyboardInterrupt)):
            export_model(models["two"], deep / "two.json", force=force)
        left = {str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*")}
        assert left == ({"deep", "deep/two.json"} if force else set())

    @pytest.mark.parametrize("name", EACH_FORMAT)
    def test_a_disk_that_is_full_is_one_line(self, models, tmp_path, name):
        place = tmp_path / f"two{suffix_of(name)}"
        with (
            pytest.raises(OutputError, match="cannot be written") as caught,
            no_file_beyond(4000),
        ):
            export_model(models["two"], place, to=name)
        assert str(caught.value).startswith(f"{place}: cannot be written (File too large).")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(not installed("keras"), reason="needs tensorflow")
    def test_a_place_that_is_lost_midway_is_given_back(self, models, tmp_path, monkeypatch):
        place = tmp_path / "two.keras"
        export_model(models["two"], place)
        before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
        rename, failed = os.replace, []

        def fail(made, target):
            if Path(target) == place and not failed:
                failed.append(made)
                raise OSError(5, "Input/output error")
            return rename(made, target)

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(OutputError):
            export_model(models["softmax"], place, force=True)
        assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before

    @pytest.mark.parametrize("name", ["two.bin", "two", "two.ONNX"])
    def test_endings(self, models, name, tmp_path):
        with pytest.raises(ExportError, match=r"\.onnx"):
            export_model(models["two"], tmp_path / name)
        with pytest.raises(ExportError, match=r"ends in \.json"):
            export_model(models["two"], tmp_path / name, to="json")

    def test_unknown_formats(self, models, tmp_path):
        with pytest.raises(ExportError, match="onnx, keras"):
            export_model(models["two"], tmp_path / "two.pt", to="torch")
        with pytest.raises(ExportError, match="Did you mean 'keras'"):
            export_model(models["two"], tmp_path / "two.keras", to="kears")

    def test_float64_is_for_onnx(self, models, tmp_path):
        with pytest.raises(ExportError, match="onnx"):
            export_model(models["two"], tmp_path / "two.json", float64=True)

    def test_a_model_that_is_not_fitted(self, tmp_path):
        with pytest.raises(NotFittedError):
            export_model(LogisticRegression(), tmp_path / "two.json")


@pytest.mark.parametrize("to", ["onnx", "keras", "savedmodel", "litert"])
def test_a_missing_extra(to, tmp_path, monkeypatch, models):
    monkeypatch.delitem(sys.modules, FORMATS[to].home, raising=False)
    for module in ("onnx", "keras", "tensorflow"):
        monkeypatch.setitem(sys.modules, module, None)
    extra = {"onnx": "onnx", "litert": "litert"}.get(to, "tensorflow")
    with pytest.raises(MissingExtraError, match=rf'pip install "imlogit\[{extra}\]"') as caught:
        export_model(models["two"], tmp_path / f"two{suffix_of(to)}")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


class TestCommand:
    def run(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "imlogit", "export", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_json(self, saved, tmp_path):
        done = self.run(saved, "--to", "json", "--out", tmp_path / "web.json", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        said = json.loads(done.stdout)
        assert (said["to"], said["n_trials"]) == ("json", 256)
        assert json.loads((tmp_path / "web.json").read_text())["class_names"] == ["not 2", "2"]

    @pytest.mark.parametrize("to", EACH_FORMAT)
    def test_beside_the_model_and_quietly(self, saved, to, capsys):
        done = self.run(saved, "--to", to)
        assert (done.returncode, done.stderr) == (0, "")
        assert "256 inputs" in " ".join(done.stdout.split())
        assert saved.with_suffix(suffix_of(to)).exists()
        assert run(["export", str(saved), "--to", to]) == 2
        again = capsys.readouterr().err
        assert "--force" in again
        assert "Traceback" not in again

    def test_bad_input(self, saved, tmp_path, capsys):
        for arguments in (
            (tmp_path / "none.imlogit", "--to", "json"),
            (saved, "--to", "torch"),
            (saved, "--to", "json", "--float64"),
            (saved, "--to", "json", "--out", "/proc/two.json"),
        ):
            assert run(["export", *map(str, arguments)]) == 2
            said = capsys.readouterr().err
            assert said.startswith("imlogit: ")
            assert "Traceback" not in said


def test_quiet_passes_on_what_is_not_chatter(capfd):
    with quiet():
        os.write(2, b"I0000 00:00:1 port.cc:153] oneDNN custom operations are on\na real problem\n")
    assert capfd.readouterr().err == "a real problem\n"


@pytest.mark.parametrize("ending", ["onnx", "keras", "savedmodel", "tflite", "json"])
def test_a_model_that_normalises_rows_is_refused_in_one_line(rng, tmp_path, ending):
    x = rng.normal(size=(60, 3))
    model = LogisticRegression(normalize="l2").fit(x, x[:, 0] > 0)
    with pytest.raises(ExportError, match=r"divides every row by its norm.*normalize=None") as one:
        export_model(model, tmp_path / f"m.{ending}")
    assert "\n" not in str(one.value)
    assert not list(tmp_path.iterdir())


def test_a_standardised_model_needs_nothing_more(rng, tmp_path):
    x = rng.normal(size=(60, 3)) * [1, 9, 0.1] + 3
    model = LogisticRegression(standardize=True).fit(x, x[:, 0] > 3)
    assert export_model(model, tmp_path / "m.json").difference <= 1e-9
