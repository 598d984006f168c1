"""What `import imlogit` costs, what it offers, and which way imports point."""

import subprocess
import sys

import pytest

import imlogit

HEAVY = ["numpy", "scipy", "sklearn", "numba", "pandas", "matplotlib", "tensorflow", "dask", "onnx"]


def test_import_loads_nothing_heavy():
    code = "import sys, imlogit; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "imlogit" in loaded
    assert not set(loaded) & set(HEAVY)


def test_every_public_name_is_there():
    assert set(imlogit.__all__) <= set(dir(imlogit))
    for name in imlogit.__all__:
        assert getattr(imlogit, name) is not None


def test_unknown_names():
    with pytest.raises(AttributeError, match="no attribute 'perceptron'"):
        _ = imlogit.perceptron
