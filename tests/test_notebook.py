"""The notebook: in step with its text, stored with its outputs, and run from top to bottom."""

import ast
import time
import zipfile
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
    source = first_cell(stored)
    assigned = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    assert [target.id for node in assigned for target in node.targets] == ["PACKAGE"]
    assert "mlxtend<0.24" in source


class TestWithoutThePackage:
    """The first cell where imlogit is not installed, and pip has no network."""

    @pytest.fixture(autouse=True)
    def _nothing_installed(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        for name, value in (offline | {"PIP_TARGET": str(tmp_path / "site")}).items():
            monkeypatch.setenv(name, value)

    def test_it_says_what_to_do(self, stored, capfd):
        with pytest.raises(SystemExit, match="(?s)No matching distribution.*upload it beside"):
            exec(first_cell(stored), {})
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("extra", ["", "[tensorflow]"])
    @pytest.mark.parametrize("folder", [".", "uploads"])
    def test_a_wheel_is_installed(self, stored, tmp_path, folder, extra):
        name = wheel(tmp_path / folder)
        source = first_cell(stored)
        if folder != ".":  # else it is found
            (tmp_path / "imlogit-1-py3-none-any.whl").write_bytes(b"not this one")
            package = f'PACKAGE = "{folder}/{name}{extra}"'
            source = source.replace('PACKAGE = "imlogit[tensorflow]"', package)
        exec(source, {})
        assert (tmp_path / "site" / "imlogit" / "__init__.py").is_file()

    def test_a_damaged_wheel_is_said(self, stored, tmp_path):
        (tmp_path / wheel(tmp_path)).write_bytes(b"half of it")
        with pytest.raises(SystemExit, match=r"imlogit-0-py3-none-any.whl"):
            exec(first_cell(stored), {})


def first_cell(notebook):
    return next(cell for cell in notebook.cells if cell.cell_type == "code").source


def wheel(folder):
    """Write the wheel of an empty package called imlogit, and return its name."""
    folder.mkdir(exist_ok=True)
    name, info = "imlogit-0-py3-none-any.whl", "imlogit-0.dist-info"
    described = ["Metadata-Version: 2.1", "Name: imlogit", "Version: 0"]
    facts = {
        "METADATA": [*described, "Provides-Extra: tensorflow"],
        "WHEEL": ["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any"],
    }
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("imlogit/__init__.py", "")
        for file, lines in facts.items():
            archive.writestr(f"{info}/{file}", "\n".join([*lines, ""]))
        record = [f"{file},," for file in [*archive.namelist(), f"{info}/RECORD"]]
        archive.writestr(f"{info}/RECORD", "\n".join(record))
    return name


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
