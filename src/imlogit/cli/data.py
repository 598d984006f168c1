"""The commands about sources of images: data list, show, fetch, pack, augment and clear."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlogit.cli.examples import epilog
from imlogit.cli.options import PlainJson, Seed, Source, gathers
from imlogit.cli.output import draw, load_images, print_json, result_console, say_passed_over
from imlogit.cli.terminal import errors_as_exit_code, progress_bars, say
from imlogit.data.reading import Reading

if TYPE_CHECKING:
    from imlogit.data.image_set import ImageSet
    from imlogit.data.progress import Progress

Dest = Annotated[
    Path, typer.Argument(help="A new folder for the shards, or one that was packed in part.")
]

app = typer.Typer(
    name="data", help="What images there are, and what is in them.", no_args_is_help=True
)


@app.command("list", epilog=epilog("data list"))
def list_sources(as_json: PlainJson = False) -> None:
    """List what can be read, and what is kept of what was read before."""
    with errors_as_exit_code():
        from imlogit.data.facts import kept_bytes, kept_sources, kinds

        if as_json:
            print_json({"kinds": kinds(), "kept": kept_sources(), "bytes": kept_bytes()})
            return
        from imlogit.report.console.sources import print_sources

        print_sources(result_console(), kinds(), kept_sources(), kept_bytes())


@app.command("show", epilog=epilog("data show"))
@gathers(reading=Reading)
def show_source(
    source: Source,
    per_class: Annotated[
        int | None, typer.Option(min=1, help="Draw at most so many images of each class.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Draw the sample as PNG, too.")] = None,
    as_json: PlainJson = False,
    *,
    reading: Reading,
) -> None:
    """Show a source: its facts, and a sample of each class, drawn in the terminal."""
    with errors_as_exit_code():
        from imlogit.data.facts import facts_of
        from imlogit.report.console.images import print_samples
        from imlogit.report.console.sources import print_facts
        from imlogit.report.pictures.figures import SAMPLES_PER_CLASS, sample_sheet
        from imlogit.system.atomic import refuse_place

        refuse_place(out, "out")
        images = load_images(source, reading)
        if as_json:
            print_json(facts_of(images))
        else:
            console = result_console()
            print_facts(console, images)
            print_samples(console, images, per_class=per_class, seed=seed)
        if out is not None:
            draw(sample_sheet(images, seed, per_class or SAMPLES_PER_CLASS), out)


@app.command("fetch", epilog=epilog("data fetch"))
@gathers(reading=Reading)
def fetch_source(source: Source, as_json: PlainJson = False, *, reading: Reading) -> None:
    """Load a source, so that it is kept for later, and show its facts."""
    with errors_as_exit_code():
        from imlogit.data.facts import facts_of
        from imlogit.report.console.sources import print_facts

        images = load_images(source, reading)
        if as_json:
            print_json(facts_of(images))
        else:
            print_facts(result_console(), images)


@app.command("pack", epilog=epilog("data pack"))
@gathers(reading=Reading)
def pack_source(
    source: Source, dest: Dest, as_json: PlainJson = False, *, reading: Reading
) -> None:
    """Pack a source into shards, once: a folder that is read where it is, and never decoded.

    Whatever stops it, the same command goes on where it stopped.
    """
    with errors_as_exit_code():
        from imlogit.data.packing.pack import pack

        _show_packed(
            dest, as_json, lambda progress: pack(source, dest, progress=progress, **vars(reading))
        )


@app.command("augment", epilog=epilog("data augment"))
@gathers(reading=Reading)
def augment_source(
    source: Source,
    dest: Dest,
    copies: Annotated[int, typer.Option(help="Deformed copies of each training image.")],
    seed: Seed = 0,
    test_size: Annotated[
        float, typer.Option(help="Share of the images kept for the test, if the source has none.")
    ] = 0.2,
    as_json: PlainJson = False,
    *,
    reading: Reading,
) -> None:
    """Pack a source with copies of its training images, a little turned, moved, scaled and bent.

    The test part is carried over as it is. Whatever stops it, the same command goes on.
    """
    with errors_as_exit_code():
        from imlogit.data.packing.augment import augment

        how: dict[str, Any] = {"copies": copies, "seed": seed, "test_size": test_size}
        _show_packed(
            dest,
            as_json,
            lambda progress: augment(source, dest, progress=progress, **how, **vars(reading)),
        )


def _show_packed(dest: Path, as_json: bool, work: Callable[[Progress | None], ImageSet]) -> None:
    """Pack, show the facts of what was packed, and say where it is."""
    from imlogit.data.facts import facts_of
    from imlogit.report.console.sources import print_facts

    try:
        with progress_bars() as (loading, _):
            images = work(loading)
    except KeyboardInterrupt:
        say("What is finished is kept: give the same command again to go on.")
        raise
    say_passed_over(images)
    if as_json:
        print_json(facts_of(images))
    else:
        print_facts(result_console(), images)
    say(f"packed in {dest}")


@app.command("clear", epilog=epilog("data clear"))
def clear_kept(
    source: Annotated[
        str | None,
        typer.Argument(help="Remove what is kept of this one, however it was read."),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="AGE", help="Remove what was not used for so long: 30d, 12h, or days."
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Remove all that is kept, and what was left behind."),
    ] = False,
    as_json: PlainJson = False,
) -> None:
    """Remove what is kept of what was read before; the sources themselves are not touched."""
    with errors_as_exit_code():
        from imlogit.data.clearing import clear_cache

        found = clear_cache(source, older_than, everything=everything)
        if as_json:
            print_json(found.to_dict())
            return
        from imlogit.report.console.sources import print_cleared

        print_cleared(result_console(), found)
