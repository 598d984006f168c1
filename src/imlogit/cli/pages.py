"""The commands that are about a run's page, report and open, and the page of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from imlogit.cli.options import RunFolder, RunSource
from imlogit.cli.terminal import errors_as_exit_code, progress_bars, say

if TYPE_CHECKING:
    from imlogit.model.fields import SavedModel
    from imlogit.runs.assess import Assessment, LabelAssessment


def report_command(run: RunFolder, source: RunSource = None) -> None:
    """Write a run's report.html again, from the run's files."""
    with errors_as_exit_code():
        from imlogit.report.html.content import content_in
        from imlogit.report.html.page import FILE_NAME, page_of
        from imlogit.report.html.probe_page import probe_page_in
        from imlogit.system.atomic import write_bytes

        page = probe_page_in(run)
        if page is not None:
            write_bytes(run / FILE_NAME, page.encode())
            say(f"written to {run / FILE_NAME}")
            return
        with progress_bars() as (loading, _):
            content = content_in(run, source, loading)
        place = run / FILE_NAME
        write_bytes(place, page_of(content).encode())
        say(f"written to {place}")


def write_evaluation(
    found: Assessment | LabelAssessment, model: SavedModel, command: str, place: Path
) -> None:
    """Write the page of an evaluation, and say where, on standard error.

    Raises
    ------
    OutputError
    """
    from imlogit.report.html.content import content_of_evaluation
    from imlogit.report.html.page import page_of
    from imlogit.system.atomic import write_bytes

    write_bytes(place, page_of(content_of_evaluation(found, model, command)).encode())
    say(f"written to {place}")


def open_command(run: RunFolder) -> None:
    """Open a run's report.html in the browser."""
    with errors_as_exit_code():
        from imlogit.errors import DataError
        from imlogit.report.html.page import FILE_NAME

        place = run / FILE_NAME
        if not place.is_file():
            raise DataError(f"{place}: there is no such page. `imlogit report` writes it.")
        address = place.resolve().as_uri()
        if typer.launch(address):
            say(f"no browser could be started. The page is {place}")
