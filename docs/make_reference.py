"""Make docs/reference.md, and the tables in other pages, of the tables in the code.

    python docs/make_reference.py

A test fails where a page is stale.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer.main

DOCS = Path(__file__).resolve().parent
REFERENCE = "reference.md"
# What stands between <!-- table: NAME --> and <!-- end of table -->, in any page.
PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)

Row = Sequence[str]


def main() -> None:
    """Write every page that is made."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return every page that is made, or has made tables, as it is to be."""
    found = {REFERENCE: reference()}
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if path.name != REFERENCE and PLACE.search(text):
            found[path.name] = PLACE.sub(lambda at: at[1] + tables()[at[2]] + at[3], text)
    return found


def tables() -> dict[str, str]:
    """Return the tables of the code, by their names in pages."""
    from imlogit.checks.table import CHECKS
    from imlogit.data.sources import SOURCES
    from imlogit.engines.table import ENGINES
    from imlogit.export.table import FORMATS
    from imlogit.model.rules import RULES

    return {
        "checks": table(
            ("code", "severity", "fails where"),
            ((f"`{one.code}`", str(one.severity), one.fails_where) for one in CHECKS),
        ),
        "sources": table(
            ("source", "what it is", "training and test part"),
            ((f"`{row.form}`", row.summary, row.parts) for row in SOURCES),
        ),
        "engines": table(
            ("engine", "class"),
            ((f"`{name}`", f"`{'.'.join(at)}`") for name, at in ENGINES.items()),
        ),
        "fields": table(
            ("field", "what it may be"),
            ((f"`{rule.field}`", rule.allowed) for rule in RULES),
        ),
        "exports": table(
            ("format", "ends in", "what is written", "steps", "class names", "needs", "run by"),
            (
                (
                    f"`{name}`",
                    f"`{row.suffix}`",
                    row.what,
                    ", ".join(row.steps[1:]) or "none",
                    row.names,
                    row.needs,
                    row.run_by,
                )
                for name, row in FORMATS.items()
            ),
        ),
    }


def table(headings: Row, rows: Iterable[Row]) -> str:
    """Return a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def reference() -> str:
    """Return the page of all commands, and of what the tables in the code hold."""
    from imlogit.cli.app import app

    parts = [
        "# Reference\n\nMade of the code by `python docs/make_reference.py`; "
        "`imlogit COMMAND --help` says the same.\n"
    ]
    for path, command in commands(typer.main.get_command(app), ("imlogit",)):
        parts += [f"\n## {' '.join(path)}\n\n{command.help or ''}\n\n", of_command(command)]
    titles = {"sources": "Sources", "checks": "Checks", "engines": "Engines", "exports": "Exports"}
    made = tables()
    parts += [f"\n## {title}\n\n{made[name]}" for name, title in titles.items()]
    return "".join(parts)


def commands(command: Any, path: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, with the words that call it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, one in below.items():
        yield from commands(one, (*path, name))


def of_command(command: Any) -> str:
    """Return a table of a command's arguments and options."""
    return table(("option", "default", "meaning"), map(of_parameter, command.params))


def of_parameter(parameter: Any) -> Row:
    """Return how a parameter is given, its default and its help."""
    argument = parameter.param_type_name == "argument"
    name = parameter.name.upper() if argument else ", ".join(parameter.opts)
    takes = "" if argument or parameter.is_flag else f" {parameter.metavar or 'VALUE'}"
    default = parameter.default
    unset = default is None or default is False or callable(default)
    shown = "" if unset else f"`{default}`"
    required = "required" if parameter.required else shown
    return f"`{name}{takes}`", required, (getattr(parameter, "help", None) or "").strip()


if __name__ == "__main__":
    main()
