"""The command for embeddings: probe."""

from __future__ import annotations

from imlogit.cli.options import AsJson, Out, Verbose, gathers
from imlogit.cli.output import print_json, result_console
from imlogit.cli.spelling import respell
from imlogit.cli.terminal import errors_as_exit_code, progress_bars
from imlogit.runs.probes.probe_options import ProbeOptions
from imlogit.system.text import printable


@gathers(options=ProbeOptions)
def probe_command(
    out: Out = None,
    verbose: Verbose = False,
    as_json: AsJson = False,
    *,
    options: ProbeOptions,
) -> None:
    """Fit a linear classifier on embeddings, choose C, and test it once."""
    with errors_as_exit_code():
        from dataclasses import replace

        from imlogit.report.console.probes import print_probe
        from imlogit.report.probe_folder import write_probe
        from imlogit.report.run_folder import refuse_run_place
        from imlogit.runs.probes.probe import linear_probe

        refuse_run_place(out)
        with progress_bars() as (_, fitting):
            found = linear_probe(options.source, options, observe=fitting)
        place = write_probe(found, out)
        if as_json:
            print_json(found.metrics | {"run": str(place)})
            return
        console = result_console()
        spelled = replace(found, checks=found.checks.respelled(respell))
        print_probe(console, spelled, verbose=verbose)
        console.print(f"Written to {printable(place)}", soft_wrap=True)
