"""Files as strangers make them: right models, runs and notes, mutated with a right checksum."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from safetensors.numpy import load, save

CONTROLS = "\x1b[2J\x9b31m\u202e\x00\x07\r"
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2, 10**30, 10**300, 0.5, -1e-9, 1e308, 1e-308, math.nan, math.inf),
    *("", "nan", "inf", "-1", "=1+1", CONTROLS, "x" * 5000, "\ud800", "0" * 64),
    *([], {}, [[]], [None, "2"], [1, 2], [True, False], ["b", "a"], {"a": {"b": []}}, [0] * 500),
)
DEPTH = 100_000
LONG = "x" * 2_000_000
# A mutation in so many is of the text, not of a value in it.
TEXT_EVERY = 20


def mutated(rng: np.random.Generator, value: Any) -> Any:
    """Return JSON in which one value, somewhere, is another, is gone, or is there twice."""
    if isinstance(value, (dict, list)) and len(value) and rng.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = keys[rng.integers(len(keys))]
        copied = dict(value) if isinstance(value, dict) else list(value)
        how = rng.random()
        if how < 0.1:
            del copied[key]
        elif how < 0.15 and isinstance(copied, list):
            copied.append(copied[key])
        elif how < 0.2 and isinstance(copied, dict):
            copied[f"{key}{CONTROLS}"] = copied[key]
        else:
            copied[key] = mutated(rng, copied[key])
        return copied
    chosen = VALUES[rng.integers(len(VALUES))]
    return [value, chosen] if rng.random() < 0.1 else chosen


def mutated_text(rng: np.random.Generator, value: Any) -> str:
    """Return JSON of a mutated value, or a text that is hardly JSON."""
    text = _text(mutated(rng, value))
    if rng.integers(TEXT_EVERY):
        return text
    spoiled = (
        "[" * DEPTH,
        '{"a":' * DEPTH,
        f'"{LONG}"',
        f"[{'{},' * DEPTH}1]",
        text[:-1],
        "1" * 5000,
    )
    return spoiled[rng.integers(len(spoiled))]


def mutated_model(rng: np.random.Generator, data: bytes) -> bytes:
    """Return a model file with mutated fields or weights and a right checksum."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    facts = json.loads(header["__metadata__"]["imlogit"])
    weights = np.frombuffer(data[8 + length :]).copy()
    kind = rng.random()
    if kind < 0.1:
        weights[rng.integers(len(weights))] = rng.choice([math.nan, math.inf, 1e308, -1e160, 1e100])
    elif kind < 0.2:
        header = mutated(rng, header)
    text = _text(facts) if kind < 0.2 else mutated_text(rng, facts)
    return signed(header, text, weights.tobytes())


def signed(header: Any, facts: str, weights: bytes) -> bytes:
    """Return a file of a header, with a right checksum."""

    def whole(digest: str) -> bytes:
        said = {"__metadata__": {"imlogit": facts, "sha256": digest}}
        body = _text(header | said if isinstance(header, dict) else said).encode()
        body = body.ljust(-(-len(body) // 8) * 8)
        return len(body).to_bytes(8, "little") + body + weights

    return whole(hashlib.sha256(whole("0" * 64)).hexdigest())


def mutated_run(rng: np.random.Generator, files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of a run of which one is mutated."""
    name = ("metrics.json", "predictions.safetensors", "model.imlogit")[
        rng.choice(3, p=[0.5, 0.4, 0.1])
    ]
    content = files[name]
    if name == "metrics.json":
        content = mutated_text(rng, json.loads(content)).encode("utf-8", "surrogatepass")
    elif name == "model.imlogit":
        content = mutated_model(rng, content)
    else:
        content = _mutated_arrays(rng, content)
    return files | {name: content, "command.txt": CONTROLS.encode()}


def _mutated_arrays(rng: np.random.Generator, data: bytes) -> bytes:
    arrays = {name: np.array(one) for name, one in load(data).items()}
    name = sorted(arrays)[rng.integers(len(arrays))]
    array = arrays[name]
    changes: tuple[Callable[[], Any], ...] = (
        lambda: array.astype(np.float32),
        lambda: array[:-1],
        lambda: array[None],
        lambda: array[:0],
        lambda: _spoiled(rng, array),
        lambda: _spoiled(rng, array),
        lambda: _spoiled(rng, array),
    )
    arrays[name] = changes[rng.integers(len(changes))]()
    if rng.random() < 0.1:
        del arrays[name]
    content = save({key: np.ascontiguousarray(one) for key, one in arrays.items()})
    return content[: rng.integers(len(content))] if rng.random() < 0.05 else content


def _spoiled(rng: np.random.Generator, array: Any) -> Any:
    """Return an array with one number that is another."""
    copied = array.copy()
    numbers = (
        [-1, -2, 2, 5, 2**62] if array.dtype.kind in "iu" else [math.nan, math.inf, -1, 2, 0.1]
    )
    copied.flat[rng.integers(copied.size)] = np.array(numbers)[rng.integers(5)].astype(array.dtype)
    return copied


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
