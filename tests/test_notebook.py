"""The notebook: in step with its text, stored with its outputs, and run from top to bottom."""

import ast
import time
from importlib.util import find_spec

import pytest

from helpers.engines import ALL_REQUIRED

NEEDS = ("jupytext", "nbclient", "ipykernel", "tensorflow")
pytestmark = pytest.mark.skipif(
    not ALL_REQUIRED and not all(map(find_spec, NEEDS)), reason=f"needs {', '.join(NEEDS)}"
)
MOST_SECONDS = 90


@pytest.fixture(scope="module")
def stored():
    import nbformat

    import make_notebook

    return nbformat.read(make_notebook.NOTEBOOK, as_version=4)


def outputs(notebook, kind):
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == kind
    ]


def test_text_and_notebook_are_in_step(stored):
    import make_notebook

    made = make_notebook.from_text()
    assert [(cell.cell_type, cell.source) for cell in stored.cells] == [
        (cell.cell_type, cell.source) for cell in made.cells
    ], "run python docs/make_notebook.py"


def test_outputs_are_stored(stored):
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not outputs(stored, "error")
    pictures = [o for o in outputs(stored, "display_data") if "image/png" in o.data]
    captions = [cell for cell in stored.cells if cell.source.startswith("*Figure ")]
    assert len(pictures) == len(captions) == 7
    said = [o.text for o in outputs(stored, "stream") if o.name == "stderr"]
    assert not said, "warnings are stored in the notebook"


def test_the_first_cell_installs_from_one_variable(stored):
    first = next(cell for cell in stored.cells if cell.cell_type == "code")
    assigned = [node for node in ast.parse(first.source).body if isinstance(node, ast.Assign)]
    assert [target.id for node in assigned for target in node.targets] == ["PACKAGE"]
    assert "mlxtend<0.24" in first.source


@pytest.mark.timeout(300)
def test_it_runs_from_top_to_bottom():
    import make_notebook

    began = time.monotonic()
    done = make_notebook.run(make_notebook.from_text())
    assert time.monotonic() - began < MOST_SECONDS
    assert not outputs(done, "error")
    table = str(outputs(done, "execute_result")[-1].data["text/plain"])
    for code in ("overlap-exact", "constant-labels", "not-converged", "lengths", "many-classes"):
        assert code in str(done), f"{code} was not caught"
    assert "no-better-than-base-rate" in str(done)
    assert "mistake" in table
