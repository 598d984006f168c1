"""Messages that spell parameters as Python does, as the command line spells them."""

from __future__ import annotations

import re
from dataclasses import Field, fields
from typing import Any

QUOTES = "\"'"
# What a value looks like in a message: a tuple, a text in quotes, a word or a number.
VALUE = r"(\([^()]*\)|'[^']*'|\"[^\"]*\"|\.\.\.|[\w.+-]*\w|)"


def respell(message: str) -> str:
    """Return a message with ``size=(28, 28)`` as ``--size 28x28``, ``grey=True`` as ``--grey``.

    Parameters of a feature step, as in ``onnx:FILE,size=224``, stay as they are.
    """
    options = _options()
    names = "|".join(sorted(options, key=len, reverse=True))
    return re.sub(
        rf"(?<![,:])\b({names})={VALUE}", lambda found: _spelled(options, *found.groups()), message
    )


def _options() -> dict[str, tuple[str, str]]:
    """Return flag and metavar of every option, by its name in Python."""
    from imlogit.cli.options import FLAGS
    from imlogit.data.reading import Reading
    from imlogit.runs.options import SweepOptions, TrainOptions, flag_of
    from imlogit.runs.probes.probe_options import ProbeOptions

    described: list[Field[Any]] = [
        option
        for kind in (ProbeOptions, Reading, TrainOptions, SweepOptions)
        for option in fields(kind)
    ]
    found = {
        option.name: (flag_of(option), option.metadata.get("metavar", ""))
        for option in described
        if option.name != "reading"
    }
    return found | {name: (flag, "") for name, flag in FLAGS.items()}


def _spelled(options: dict[str, tuple[str, str]], name: str, value: str) -> str:
    flag, metavar = options[name]
    if value.startswith("("):
        parts = [part.strip() for part in value.strip("()").split(",")]
        value = "x".join(parts) if all(part.isdecimal() for part in parts) else metavar
    elif value in ("...", "", "True"):
        value = "" if value == "True" else metavar
    return f"{flag} {value.strip(QUOTES)}".rstrip()
