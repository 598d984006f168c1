"""The commands about model files: show and export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imlogit.cli.options import PlainJson
from imlogit.terminal import explained, print_json, result_console, working


def show(
    model: Annotated[Path, typer.Argument(help="A model file (.imlogit).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what is in a model file."""
    with explained():
        from imlogit.model_file import read

        content = read(model)
        if as_json:
            from imlogit.model import describe

            print_json(describe(content))
            return
        from imlogit.report.tables import model_table

        result_console().print(model_table(content))


def export(
    model: Annotated[Path, typer.Argument(help="A model file (.imlogit).")],
    to: Annotated[str, typer.Option("--to", help="onnx, keras, savedmodel, litert or json.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write; default beside the model.")
    ] = None,
    float64: Annotated[bool, typer.Option("--float64", help="ONNX that computes in float64.")] = (
        False
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace an export that is there.")] = (
        False
    ),
    as_json: PlainJson = False,
) -> None:
    """Write a model in a format that other software runs, and prove it by running it."""
    with explained():
        from imlogit.export import export_model
        from imlogit.export.formats import suffix_of
        from imlogit.model import from_file, names_of
        from imlogit.model_file import read

        place = out or model.with_suffix(suffix_of(to))
        content = read(model)
        with working(f"writing and running {place.name}"):
            found = export_model(
                from_file(content),
                place,
                to=to,
                float64=float64,
                force=force,
                class_names=names_of(content),
            )
        if as_json:
            print_json(found.to_dict())
            return
        from imlogit.report.tables import export_table

        result_console().print(export_table(found))
