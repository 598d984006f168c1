"""JSON of any origin, read within bounds, and JSON that is fit to be printed."""

from __future__ import annotations

import json
import re
from typing import Any

from imlogit.system.text import printable_text

# As many as the figures of a thousand classes, or hundreds of thousands of files passed over, take.
MOST_STRUCTURES = 300_000
MOST_VALUES = 3_000_000
_TEXT = re.compile(r'"[^"]*"')
_UNSAFE = re.compile(r"[^\x20-\x7e\n]")


def parse(
    data: bytes | str,
    *,
    most_structures: int = MOST_STRUCTURES,
    most_values: int = MOST_VALUES,
) -> Any:
    """Return what JSON says, unless it would take far more memory than its text.

    Parameters
    ----------
    data : bytes or str
        UTF-8.
    most_structures : int
        How many lists and objects there may be; so deep they may be nested, too.
    most_values : int
        How many values they may hold.

    Raises
    ------
    ValueError
        For what is no JSON, for keys that occur twice, and beyond these bounds. NaN and infinity
        are read, as Python writes them.
    """
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    if _structures(text) > most_structures or text.count(",") >= most_values:
        bare = _TEXT.sub("", text.replace("\\\\", "").replace('\\"', ""))
        if _structures(bare) > most_structures or bare.count(",") >= most_values:
            raise ValueError("it holds more lists, objects or values than it may")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("its lists and objects are nested too deeply") from None


def check_header(data: bytes, most_bytes: int, most_structures: int) -> None:
    """Refuse what begins with no header of few arrays, before it is taken for safetensors.

    Raises
    ------
    ValueError
    """
    length = int.from_bytes(data[:8], "little")
    if length > most_bytes:
        raise ValueError("the header is too long")
    parse(data[8 : 8 + length], most_structures=most_structures)


def to_printable_json(content: Any, indent: int | None = None, *, ascii_only: bool = False) -> str:
    """Return JSON, the same text for the same content, in which what is no letter is escaped.

    Letters of all languages stand as they are. Controls, marks that turn the direction of writing,
    and bytes that are no text come back from JSON, but do nothing to a terminal.
    """
    text = json.dumps(content, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    return _UNSAFE.sub(_escaped, text)


def _structures(text: str) -> int:
    return text.count("[") + text.count("{")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _escaped(found: re.Match[str]) -> str:
    return found[0] if printable_text(found[0]) == found[0] else json.dumps(found[0])[1:-1]
