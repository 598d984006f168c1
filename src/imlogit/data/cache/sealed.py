"""Facts in JSON with their own SHA-256, which tells what was altered."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from imlogit.errors import DataError
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import read_regular

# As much as many thousand class names and passed-over files take.
MAX_FACTS_BYTES = 1 << 26


def write_sealed(path: Path, facts: dict[str, Any]) -> None:
    """Write facts and their digest."""
    text = json.dumps({"facts": facts, "sha256": _digest_of(facts)}, indent=1, sort_keys=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(text + "\n")


def read_sealed(path: Path) -> dict[str, Any] | None:
    """Return the facts, or None where there are none.

    Raises
    ------
    DataError
        If they were altered. What is no JSON fails in other ways.
    """
    try:
        whole = parse(read_regular(path, MAX_FACTS_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    facts: dict[str, Any] = whole["facts"]
    if whole["sha256"] != _digest_of(facts):
        raise DataError(f"{path.name} was altered")
    return facts


def _digest_of(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
