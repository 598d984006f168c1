"""What `import imlogit` costs, what it offers, and which way imports point."""

import subprocess
import sys

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


def test_every_public_name_is_there():
    assert set(imlogit.__all__) <= set(dir(imlogit))
    for name in imlogit.__all__:
        assert getattr(imlogit, name) is not None


def test_unknown_names():
    with pytest.raises(AttributeError, match="no attribute 'perceptron'"):
        _ = imlogit.perceptron
