"""What `import imlogit` costs, what it offers, and which way imports point."""

import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from itertools import chain
from pkgutil import walk_packages

import pytest

import imlogit
from imlogit.engines.table import best_engine
from imlogit.errors import MissingExtraError

HEAVY = ["numpy", "scipy", "sklearn", "numba", "pandas", "matplotlib", "tensorflow", "dask", "onnx"]


def test_import_loads_nothing_heavy():
    code = "import sys, imlogit; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "imlogit" in loaded
    assert not set(loaded) & set(HEAVY)


def test_the_best_engine_is_found_without_importing_tensorflow():
    code = (
        "import sys; from imlogit.engines.table import best_engine, count_gpus; "
        "print(best_engine(), count_gpus() > 0, 'tensorflow' in sys.modules)"
    )
    engine, has_gpu, imported = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert imported == "False"
    if has_gpu == "False":
        assert engine == "numba"


@pytest.mark.parametrize("gpus", [0, 2])
def test_auto_takes_tensorflow_only_for_a_gpu(monkeypatch, gpus):
    best_engine.cache_clear()
    monkeypatch.setattr("imlogit.engines.table.find_spec", lambda _: object())
    monkeypatch.setattr("imlogit.engines.table.count_gpus", lambda: gpus)
    try:
        assert best_engine() == ("tensorflow" if gpus else "numba")
    finally:
        best_engine.cache_clear()


def test_a_missing_extra_is_one_line_that_names_it(monkeypatch, few):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.delitem(sys.modules, "imlogit.engines.tensorflow", raising=False)
    with pytest.raises(MissingExtraError) as caught:
        imlogit.LogisticRegression(engine="tensorflow").fit(*few)
    assert 'pip install "imlogit[tensorflow]"' in str(caught.value)
    assert "\n" not in str(caught.value)


PUBLIC = {
    "modules": ["features"],
    "estimators": ["LogisticRegression", "LogisticRegressionCV", "bootstrap", "cross_validate"],
    "jobs": [
        *("augment", "pack"),
        *("check", "check_arrays", "compare", "copy_doubts", "doubts", "evaluate", "explain"),
        *(
            "export_model",
            "linear_probe",
            "load",
            "load_model",
            "predict",
            "prepare_digit",
            "save_model",
            "sweep",
            "train",
        ),
    ],
    "values": [
        *("Answer", "Assessment", "Bootstrap", "Certificate", "Comparison", "CrossValidation"),
        *(
            "Doubt",
            "DoubtFolder",
            "Explanation",
            "Export",
            "FeatureSet",
            "Findings",
            "ImageSet",
            "LabelAssessment",
            "LabelComparison",
            "SavedModel",
        ),
        *("ProbeResult", "SweepResult", "TrainResult"),
    ],
    "errors": [
        *("BadItemsError", "ClusterError", "DataError", "DownloadError", "ExportError"),
        "FitInterrupted",
        *("GridEdgeWarning", "ImlogitError", "KindError", "MemoryShortageError"),
        *("MissingExtraError", "ModelFileError", "OutputError", "ParameterError"),
        *("PixelScaleWarning", "SourceWarning", "TooLargeError", "ZeroRowsWarning"),
    ],
}


def test_the_public_face_is_what_it_is_meant_to_be():
    assert sorted(imlogit.__all__) == sorted(["__version__", *chain(*PUBLIC.values())])
    assert set(imlogit.__all__) <= set(dir(imlogit))
    for name in imlogit.__all__:
        assert getattr(imlogit, name).__doc__ or name == "__version__"


def test_every_exception_is_public():
    from imlogit import errors

    assert set(PUBLIC["errors"]) == {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }


def test_jobs_stay_functions_whatever_is_imported():
    """A module of a job's name would take its place once anything imports it."""
    for module in walk_packages(imlogit.__path__, "imlogit."):
        with suppress(MissingExtraError):
            import_module(module.name)
    for name in PUBLIC["jobs"]:
        assert callable(getattr(imlogit, name)), name


def test_unknown_names():
    with pytest.raises(AttributeError, match="no attribute 'perceptron'"):
        _ = imlogit.perceptron
