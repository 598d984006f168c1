"""The run directory of a probe: its model, predictions and figures."""

from __future__ import annotations

from pathlib import Path

from imlogit.data.cache.walk import RUNS
from imlogit.model.file import write as write_model
from imlogit.model.persist import FILE_NAME
from imlogit.report.html.page import FILE_NAME as REPORT
from imlogit.report.html.probe_page import probe_page_in
from imlogit.report.run_folder import file_name, take_place
from imlogit.runs.probes.probe_result import ProbeResult
from imlogit.system.atomic import filling, refuse_place, write_bytes
from imlogit.system.plain_json import to_printable_json


def write_probe(found: ProbeResult, out: Path | None = None) -> Path:
    """Write the run directory of a probe.

    Parameters
    ----------
    found : ProbeResult
    out : Path, optional
        A folder that does not exist yet; by default ``imlogit-runs/NAME-N`` with the first free N.

    Returns
    -------
    Path
        Where it was written: ``metrics.json``, ``command.txt``, ``report.html`` and,
        but with few shots, ``model.imlogit`` and ``predictions.safetensors``.

    Raises
    ------
    OutputError
        If the folder exists or cannot be written; then nothing is left of it.
    """
    refuse_place(out, "out", makes_folders=True)
    parent = out.parent if out is not None else Path(RUNS)
    with filling(parent, out) as hidden:
        folder = hidden / "run"
        folder.mkdir()
        metrics = to_printable_json(found.metrics, indent=2) + "\n"
        write_bytes(folder / "metrics.json", metrics.encode())
        write_bytes(folder / "command.txt", (found.command() + "\n").encode())
        if found.predictions is not None:
            write_bytes(folder / "predictions.safetensors", found.predictions.to_bytes())
        if found.model is not None:
            write_model(folder / FILE_NAME, found.model)
        page = probe_page_in(folder)
        if page is not None:
            write_bytes(folder / REPORT, page.encode())
        return take_place(folder, out, parent / file_name(found.features.name))
