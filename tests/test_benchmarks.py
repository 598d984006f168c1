"""Every benchmark runs from its first table to its last, on few images."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from helpers.browser import chromium_path
from helpers.engines import ALL_REQUIRED

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[1]
NEEDS = {
    "engines": ("tensorflow", "onnx", "onnxruntime", "ai_edge_litert"),
    "ladder": ("onnx", "onnxruntime"),
    "report": ("playwright", "axe_playwright_python", "html5lib"),
    "scale": ("distributed",),
}
# The heading of the last table of each.
LAST = {
    "checks": "Known mistakes within the first",
    "columns": "Growth with the columns",
    "coverage": "Coverage of 95% intervals: one model less another",
    "engines": "Exports",
    "fit": "Commands",
    "ladder": "Rates of features",
    "layouts": "layouts of 200 images",
    "probe": "draws of (1, 2, 3) rows",
    "report": "The drawing pad, a segment of a stroke",
    "scale": "A worker is killed in each fit",
    "shapes": "imlogit train on folders",
    "siege": "Mutated files of strangers",
    "sources": "imlogit predict on PNG files",
    "trust": "Trust in 4 random problems",
}


def test_every_benchmark_is_run():
    mains = {
        file.stem for file in (ROOT / "benchmarks").glob("*.py") if "main()" in file.read_text()
    }
    assert mains == set(LAST)


@pytest.mark.skipif(sys.platform != "linux", reason="benchmarks read /proc")
@pytest.mark.parametrize("name", LAST)
def test_it_prints_its_tables(name):
    if not ALL_REQUIRED and not all(map(find_spec, NEEDS.get(name, ()))):
        pytest.skip(f"needs {', '.join(NEEDS[name])}")
    if name == "report" and not ALL_REQUIRED and chromium_path() is None:
        pytest.skip("needs Chromium")
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *_, last = done.stdout.split(LAST[name])
    assert LAST[name] in done.stdout
    # headings, a rule and a row at least
    assert len([line for line in last.splitlines() if line.strip()]) >= 3
