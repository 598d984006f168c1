"""Engines by name, and which one "auto" is."""

import os
import subprocess
import sys

import pytest

from helpers.engines import INSTALLED

CODE = (
    "import numpy as np, imlogit\n"
    "x = np.random.default_rng(0).normal(size=(50, 3))\n"
    "fit = lambda **how: imlogit.LogisticRegression(**how).fit(x, x[:, 0] > 0)\n"
    "print(fit().certificate_.status)\n"
    "for engine in ENGINES:\n"
    "    try:\n"
    "        fit(engine=engine)\n"
    "    except imlogit.ParameterError as error:\n"
    "        print(error)\n"
)


@pytest.mark.parametrize("value", ["1", "0"])
def test_without_a_compiler_the_reference_serves(value):
    done = subprocess.run(
        [sys.executable, "-c", CODE.replace("ENGINES", repr(INSTALLED))],
        env=os.environ | {"NUMBA_DISABLE_JIT": value},
        capture_output=True,
        text=True,
        check=True,
    )
    status, *refused = done.stdout.splitlines()
    assert status == "converged"
    compiled = {name for name in INSTALLED if name != "reference"}
    said = {line.partition("'")[2].partition("'")[0] for line in refused}
    assert said == (compiled if value == "1" else set())
    assert all("give engine='reference'" in line for line in refused)
