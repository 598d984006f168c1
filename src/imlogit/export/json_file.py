"""JSON: the numbers of a model, for a web page or any program. docs/export.md describes it."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from imlogit.export.formats import FLOAT64_TOLERANCE, Format, Runner
from imlogit.export.plain_features import computed, recipes
from imlogit.model.head import Head
from imlogit.system.atomic import replacing
from imlogit.system.plain_json import to_printable_json

KIND = "imlogit-classifier"
VERSION = 1
# Of files with feature steps, which a reader of the first version would multiply pixels without.
VERSION_OF_STEPS = 2
# Numbers of a line, and characters that are read at a time: a model of 512 MB takes as much again.
LINE = 4096
PIECE = 2**20
# Unescaped, within no text; the numbers are last.
_WEIGHTS = '"weights": ['
_NO_BRACKETS = str.maketrans("", "", "[]{}")


def facts(head: Head) -> dict[str, Any]:
    """Return everything of a head but its numbers: what a sidecar file says."""
    return {
        "format": KIND,
        "version": VERSION if head.features is None else VERSION_OF_STEPS,
        "class_names": list(head.class_names),
        "input": {"name": head.input_name, "dtype": head.dtype, "shape": list(head.shape)},
        "link": head.link,
        "threshold": head.threshold,
    }


def text(content: dict[str, Any]) -> bytes:
    """Return JSON, the same for the same content."""
    return (to_printable_json(content) + "\n").encode()


def write(head: Head, path: Path) -> None:
    """Write a head, some of its numbers at a time; they come back as the same float64."""
    content = facts(head)
    if head.features is not None:
        content["features"] = [
            {key: np.asarray(value).tolist() for key, value in step.items()}
            for step in recipes(head.features)
        ]
    content |= {"scale": head.scale, "intercept": head.intercept.tolist(), "weights": []}
    start = to_printable_json(content).removesuffix("]}")
    with replacing(path) as file:
        file.write(start.encode())
        for k, row in enumerate(head.weights):
            file.write(b", [" if k else b"[")
            for first in range(0, len(row), LINE):
                some = json.dumps(row[first : first + LINE].tolist(), allow_nan=False)
                file.write((",\n" if first else "").encode() + some[1:-1].encode())
            file.write(b"]")
        file.write(b"]}\n")


def load(path: Path) -> Runner:
    """Return what computes what the numbers in the file say."""
    with path.open(encoding="utf-8") as file:
        start = ""
        while _WEIGHTS not in start and (piece := file.read(PIECE)):
            start += piece
        start, marker, rest = start.partition(_WEIGHTS)
        weights = array("d")
        for some in _number_texts(rest, iter(lambda: file.read(PIECE), "")):
            weights.extend(map(float, some.split(",")))
    read = json.loads(start + marker + "]}")
    intercept = np.array(read["intercept"])
    steps = read.get("features")
    matrix = np.frombuffer(weights).reshape(len(intercept), -1)
    head = Head(
        weights=matrix,
        intercept=intercept,
        scale=read["scale"],
        shape=tuple(read["input"]["shape"]) if steps is None else matrix.shape[1:],
        dtype=read["input"]["dtype"],
        link=read["link"],
        threshold=read["threshold"],
        class_names=tuple(read["class_names"]),
    )
    return head.answer if steps is None else lambda images: head.answer(computed(images, steps))


def _number_texts(rest: str, pieces: Iterator[str]) -> Iterator[str]:
    """Yield numbers with commas between them, from texts that are cut anywhere."""
    for piece in pieces:
        whole, comma, rest = (rest + piece).rpartition(",")
        if comma:
            yield whole.translate(_NO_BRACKETS)
    yield rest.translate(_NO_BRACKETS)


FORMAT = Format(write, load, FLOAT64_TOLERANCE)
