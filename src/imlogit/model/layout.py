"""How a model file's arrays follow its header: which there are, of which type, in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.model.fields import SavedModel, dumps, refuse
from imlogit.model.rules import FEATURE_ARRAY, MOST_DIMENSIONS, is_size
from imlogit.system.text import by

COPY_AGAIN = "Copy it again from where it was saved, or save the model again."
_WEIGHTS, _LEARNT = "F64", "F32"
_DTYPES: dict[str, np.dtype[Any]] = {_WEIGHTS: np.dtype("<f8"), _LEARNT: np.dtype("<f4")}


class Tensor(NamedTuple):
    """An array of the file: its name, its type as safetensors calls it, its shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """How long it is."""
        return math.prod(self.shape) * _DTYPES[self.dtype].itemsize


def tensors_of(model: SavedModel) -> tuple[list[Tensor], bytes]:
    """Return what a model's arrays are, in the order of the file, and their bytes."""
    found: list[tuple[str, str, NDArray[Any]]] = [
        ("coef", _WEIGHTS, model.coef),
        ("intercept", _WEIGHTS, model.intercept),
        *((name, _LEARNT, array) for name, array in sorted(model.feature_arrays.items())),
    ]
    tensors = [Tensor(name, dtype, array.shape) for name, dtype, array in found]
    return tensors, b"".join(array.tobytes() for _, _, array in found)


def split_up(data: NDArray[np.uint8], tensors: Sequence[Tensor]) -> dict[str, NDArray[Any]]:
    """Return the arrays whose bytes follow one another, by name, as views."""
    arrays: dict[str, NDArray[Any]] = {}
    end = 0
    for one in tensors:
        start, end = end, end + one.n_bytes
        arrays[one.name] = data[start:end].view(_DTYPES[one.dtype]).reshape(one.shape)
    return arrays


def header_of(tensors: list[Tensor], facts: str, digest: str) -> bytes:
    """Return the header, padded, that `encode` writes for these arrays."""
    content: dict[str, Any] = {"__metadata__": {"imlogit": facts, "sha256": digest}}
    end = 0
    for one in tensors:
        start, end = end, end + one.n_bytes
        content[one.name] = {
            "data_offsets": [start, end],
            "dtype": one.dtype,
            "shape": list(one.shape),
        }
    text = dumps(content)
    return text.ljust(-(-len(text) // 8) * 8).encode("ascii")


def tensors_in(content: Any, *, has_features: bool) -> list[Tensor]:
    """Return the arrays that a header names, in the order of the file.

    Raises
    ------
    ModelFileError
        For weights without a valid shape, and arrays that no model has.
    """
    shape = dig(content, "coef", "shape")
    if not (_is_shape(shape) and len(shape) == 2):
        refuse('the weights "coef" have no valid shape (classes, columns)', COPY_AGAIN)
    found = [Tensor("coef", _WEIGHTS, tuple(shape)), Tensor("intercept", _WEIGHTS, (shape[0],))]
    learnt = sorted(set(content) - {"__metadata__", "coef", "intercept"}) if has_features else []
    for name in learnt:
        shape = dig(content, name, "shape")
        if FEATURE_ARRAY.fullmatch(name) is None or not _is_shape(shape):
            refuse("an array of its feature steps has no valid name or shape", COPY_AGAIN)
        found.append(Tensor(name, _LEARNT, tuple(shape)))
    return found


def _is_shape(value: Any) -> bool:
    few = isinstance(value, list) and 1 <= len(value) <= MOST_DIMENSIONS
    return few and all(is_size(n) for n in value)


def check_layout(
    tensors: list[Tensor], facts_json: str, digest: str, header: bytes, size: int
) -> None:
    """Refuse a header that is not exactly the one that `encode` writes for these arrays."""
    if sum(one.n_bytes for one in tensors) != size:
        what = by(tensors[0].shape)
        refuse(f"{size} bytes do not hold weights of shape {what} and what follows", COPY_AGAIN)
    if header != header_of(tensors, facts_json, digest):
        refuse("its header is not laid out as its format demands", COPY_AGAIN)


def dig(value: Any, *keys: str) -> Any:
    """Return what lies at the end of keys, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
