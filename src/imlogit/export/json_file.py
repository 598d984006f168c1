"""JSON: the numbers of a model, for a web page or any program. docs/export.md describes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from imlogit.export.formats import FLOAT64_TOLERANCE, Format, Runner
from imlogit.model.head import Head
from imlogit.system.atomic import write_bytes

KIND = "imlogit-classifier"
VERSION = 1


def facts(head: Head) -> dict[str, Any]:
    """Return everything of a head but its numbers: what a sidecar file says."""
    return {
        "format": KIND,
        "version": VERSION,
        "class_names": list(head.class_names),
        "input": {"name": head.input_name, "dtype": head.dtype, "shape": list(head.shape)},
        "link": head.link,
        "threshold": head.threshold,
    }


def text(content: dict[str, Any]) -> bytes:
    """Return JSON, the same for the same content."""
    return (json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write(head: Head, path: Path) -> None:
    """Write a head; numbers come back as the same float64."""
    numbers = {
        "scale": head.scale,
        "intercept": head.intercept.tolist(),
        "weights": head.weights.tolist(),
    }
    write_bytes(path, text(facts(head) | numbers))


def load(path: Path) -> Runner:
    """Return what computes what the numbers in the file say."""
    read = json.loads(path.read_bytes())
    return Head(
        weights=np.array(read["weights"]),
        intercept=np.array(read["intercept"]),
        scale=read["scale"],
        shape=tuple(read["input"]["shape"]),
        dtype=read["input"]["dtype"],
        link=read["link"],
        threshold=read["threshold"],
        class_names=tuple(read["class_names"]),
    ).answer


FORMAT = Format(write, load, FLOAT64_TOLERANCE)
