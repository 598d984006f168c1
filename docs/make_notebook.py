"""Make `image_classification.ipynb` of its text, `docs/image_classification.py`, and run it.

Run as ``python docs/make_notebook.py`` with the extra ``notebook`` installed.
"""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
TEXT = ROOT / "docs" / "image_classification.py"
NOTEBOOK = ROOT / "image_classification.ipynb"
# For one cell.
SECONDS = 300


def from_text() -> nbformat.NotebookNode:
    """Return the notebook that the text describes, without outputs."""
    made = jupytext.read(TEXT)
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"  # the same from run to run
        cell.metadata = {}
    return made


def run(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run all cells, from top to bottom, at the root of the repository; times are not kept."""
    kept = dict(notebook.metadata)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        record_timing=False,
        coalesce_streams=True,  # else how a stream is cut differs from run to run
        resources={"metadata": {"path": str(ROOT)}},
    )
    done = client.execute()
    done.metadata = nbformat.from_dict(kept)
    return done


def main() -> None:
    """Write the notebook, outputs and all."""
    NOTEBOOK.write_text(nbformat.writes(run(from_text())) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
