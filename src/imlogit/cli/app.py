"""The application: its commands, in the order of its help, and how one is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from imlogit.cli import data, examining, features, fitting, models, pages, probing
from imlogit.cli.examples import epilog
from imlogit.cli.streams import FULL, leave_nothing_to_flush, prepare_streams
from imlogit.cli.terminal import BAD_INPUT, say

COMMANDS: dict[str, Callable[..., None]] = {
    "train": fitting.train_command,
    "sweep": fitting.sweep_command,
    "probe": probing.probe_command,
    "check": fitting.check_command,
    "predict": models.predict_command,
    "evaluate": models.evaluate_command,
    "doubts": examining.doubts_command,
    "explain": examining.explain_command,
    "compare": examining.compare_command,
    "report": pages.report_command,
    "open": pages.open_command,
    "show": models.show_command,
    "export": models.export_command,
}

app = typer.Typer(
    name="imlogit",
    help="Image classification with logistic regression: the exact optimum, with a proof.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code.

    Errors that a user can mend are one message on standard error and code 2.
    """
    prepare_streams()
    try:
        app(list(arguments), prog_name="imlogit")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except OSError as error:
        if error.errno not in FULL:
            raise
        say(f"standard output cannot be written: {error.strerror}")
        return BAD_INPUT
    finally:
        leave_nothing_to_flush()
    return 0


def _version(wanted: bool) -> None:
    if wanted:
        from imlogit import __version__

        typer.echo(f"imlogit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Image classification with logistic regression: the exact optimum, with a proof."""


for name, command in COMMANDS.items():
    app.command(name, epilog=epilog(name))(command)
app.add_typer(data.app)
app.add_typer(features.app)
