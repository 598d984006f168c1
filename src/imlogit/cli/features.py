"""The commands about features: features list, fetch and show."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from imlogit.cli.examples import epilog
from imlogit.cli.options import PlainJson, Source, gathers
from imlogit.cli.output import load_images, print_json, result_console
from imlogit.cli.terminal import errors_as_exit_code, progress_bars
from imlogit.data.reading import Reading

SEEDS = {"min": 0, "max": 2**32 - 1}

app = typer.Typer(
    name="features",
    help="What is made of images before a model: networks, and what is kept.",
    no_args_is_help=True,
)


@app.command("list", epilog=epilog("features list"))
def list_features(as_json: PlainJson = False) -> None:
    """List the features that are kept: of which images, by which steps."""
    with errors_as_exit_code():
        from imlogit.data.cache.feature_rows import kept_features

        found = kept_features()
        if as_json:
            print_json(
                {"features": [one | {"last_used": _as_text(one["last_used"])} for one in found]}
            )
            return
        from imlogit.report.console.features import print_kept

        print_kept(result_console(), found)


def _as_text(seconds: float) -> str:
    """Return a time as `data list` has it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


@app.command("fetch", epilog=epilog("features fetch"))
@gathers(reading=Reading)
def fetch_source_features(
    source: Source,
    features: Annotated[
        str,
        typer.Option(metavar="STEPS", help="The steps, as train takes them: hog, onnx:FILE, ..."),
    ],
    test_size: Annotated[float, typer.Option(help="As of the run, if the source has no test.")] = (
        0.2
    ),
    seed: Annotated[int, typer.Option(help="As of the run.", **SEEDS)] = 0,
    as_json: PlainJson = False,
    *,
    reading: Reading,
) -> None:
    """Make the features of a source's images, so that runs find them made."""
    with errors_as_exit_code():
        from imlogit.features.source_rows import fetch_features
        from imlogit.report.console.features import print_fetched

        image_set = load_images(source, reading)
        with progress_bars() as (loading, _):
            found = fetch_features(
                image_set, features, test_size=test_size, seed=seed, progress=loading
            )
        if as_json:
            print_json(found.to_dict())
        else:
            print_fetched(result_console(), found)


@app.command("show", epilog=epilog("features show"))
def show_network(
    file: Annotated[Path, typer.Argument(help="A network in ONNX.")],
    as_json: PlainJson = False,
) -> None:
    """Show what a network takes and gives, and what would be taken of it."""
    with errors_as_exit_code():
        from imlogit.features.backbone.shown import facts_of_network
        from imlogit.report.console.features import print_network

        found = facts_of_network(file)
        if as_json:
            print_json(found.to_dict())
        else:
            print_network(result_console(), found)
