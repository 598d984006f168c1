r"""The model file, formats 1 to 7: how the numbers of a fit lie on disk.

A ``.imlogit`` file has the layout of safetensors and holds nothing that can be executed::

    8 bytes    length of the header, little-endian
    header     JSON in ASCII, keys sorted, no white space, padded with spaces to 8 bytes
    coef       k x d float64, little-endian, row by row
    intercept  k float64
    0.name     from format 6 on, what feature steps learnt, float32, in the order of the names

The header's ``__metadata__`` has two keys. ``imlogit`` holds all other fields as JSON, with
``"format": 1``. ``sha256`` holds the SHA-256 of the whole file in which its own 64 digits are
replaced by zeros. Every later format keeps these two keys, so that any version can tell a newer
file from a damaged one. Format 2 is format 1 with one more field, ``threshold``; a model without
a threshold is written in format 1, which older versions read. Format 3 is format 2 with
``normalize``, for models that normalise rows; their threshold may be null. Format 4 is format 3
with ``fit``, for models of images that were brought to one size. Format 5 is format 4 with
``rest`` and ``fingerprints``, for models that know what they were fitted on. Format 6 is format 5
with ``features``, for models that make features of images, and what these learnt. Format 7 is
format 6 with ``multi_label``, for models of labels of which a row has any number. A file is
accepted only if it is, byte for byte, laid out as above: anything else was altered or was not
written by imlogit.

References
----------
https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, BinaryIO, NoReturn

import numpy as np

from imlogit.errors import ModelFileError
from imlogit.model.fields import SavedModel, check_facts, dumps, refuse
from imlogit.model.layout import (
    COPY_AGAIN,
    Tensor,
    check_layout,
    dig,
    header_of,
    split_up,
    tensors_in,
    tensors_of,
)
from imlogit.model.rules import MOST_CLASSES
from imlogit.system.atomic import write_bytes
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import open_regular
from imlogit.system.text import first_of, nearest_path

PLAIN, WITH_THRESHOLD, NORMALIZED, FITTED, WITH_ORIGIN, WITH_FEATURES = 1, 2, 3, 4, 5, 6
WITH_LABELS = 7
FORMAT = WITH_LABELS
# The fields that a format knows, and those before it do not.
ADDED = {
    "threshold": WITH_THRESHOLD,
    "normalize": NORMALIZED,
    "fit": FITTED,
    "rest": WITH_ORIGIN,
    "fingerprints": WITH_ORIGIN,
    "features": WITH_FEATURES,
    "multi_label": WITH_LABELS,
}
# The fields that are no facts: arrays, and what is at hand beside the file.
NO_FACTS = ("coef", "intercept", "feature_arrays", "maker")
MAX_FILE_BYTES = 2**30
MAX_HEADER_BYTES = 2**24
# Parsed, a list takes up to thirty times its size in memory: a header has few, and as many values
# as there are classes.
MOST_STRUCTURES = 64
MOST_VALUES = 2 * MOST_CLASSES

_DIGEST = re.compile(rb'"sha256":"([0-9a-f]{64})"')  # inside a JSON string its quotes are escaped
_BLANK = "0" * 64
_PICKLE = re.compile(
    rb"\x80[\x01-\x05]"  # protocols 2 to 5
    rb"|c[\w.]+\n[\w.]+\n|\([dl]p\d+\n|[})\]]q\x00"  # protocols 0 and 1 have no mark of their own
)
_PACKED = re.compile(rb"PK\x03\x04|\x1f\x8b|x[\x01\x5e\x9c\xda]|BZh|\xfd7zXZ")
_START = 64  # bytes enough to recognise other kinds of file
_PIECE = 2**20  # bytes that are read and hashed at a time

_GIVE_MODEL = "Give the path of a model that imlogit saved (a file ending in .imlogit)."


def encode(model_file: SavedModel) -> bytes:
    """Turn a model file into bytes; equal contents give equal bytes.

    Parameters
    ----------
    model_file : SavedModel
        What to store.

    Returns
    -------
    bytes
        The whole file.

    Raises
    ------
    ModelFileError
        If it would be larger than a model file may be.
    """
    content = {f.name: getattr(model_file, f.name) for f in fields(SavedModel)}
    tensors, weights = tensors_of(model_file)
    for name in NO_FACTS:
        del content[name]
    number = max([PLAIN, *(ADDED[name] for name in ADDED if content[name] is not None)])
    known = {name: value for name, value in content.items() if ADDED.get(name, PLAIN) <= number}
    facts = dumps({**known, "format": number})
    header = header_of(tensors, facts, _BLANK)
    if len(header) > MAX_HEADER_BYTES or 8 + len(header) + len(weights) > MAX_FILE_BYTES:
        refuse(
            f"the model takes {len(header)} + {len(weights)} bytes, and a model file may hold "
            f"{MAX_HEADER_BYTES} of facts and {MAX_FILE_BYTES} in all",
            "Fit fewer classes or smaller images.",
        )
    length = len(header).to_bytes(8, "little")
    digest = hashlib.sha256(length + header + weights).hexdigest()
    return length + header_of(tensors, facts, digest) + weights


def decode(data: bytes, *, where: str = "<bytes>") -> SavedModel:
    """Read a model file from bytes.

    Parameters
    ----------
    data : bytes
        The whole file.
    where : str
        What an error message calls it.

    Returns
    -------
    SavedModel
        The contents, every field checked.

    Raises
    ------
    ModelFileError
        If the bytes are anything but an intact model file of a known format.
    """
    with _named(where):
        return _parse(io.BytesIO(data), len(data))


def write(path: str | os.PathLike[str], model_file: SavedModel) -> None:
    """Save a model file, whole or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write or to replace. Its folder must exist.
    model_file : SavedModel
        What to store.

    Raises
    ------
    OutputError
        If the file cannot be written; what was there before is untouched.
    ModelFileError
        If it would be larger than a model file may be.
    """
    write_bytes(path, encode(model_file))


def read(path: str | os.PathLike[str]) -> SavedModel:
    """Read a model file; nothing in it is executed.

    Parameters
    ----------
    path : str or os.PathLike
        The file to read.

    Returns
    -------
    SavedModel
        The contents, every field checked.

    Raises
    ------
    ModelFileError
        If there is no such file, or if it is anything but an intact model file.
    """
    where = os.fspath(path)
    with _named(where), open_regular(where, MAX_FILE_BYTES) as (file, size):
        return _parse(file, size)


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Put the file's name before every message."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{where}: {error}") from None
    except FileNotFoundError:
        said = f"there is no such file.{nearest_path(where)}"
        raise ModelFileError(f"{where}: {said} {_GIVE_MODEL}") from None
    except OSError as error:
        reason = error.strerror or error
        raise ModelFileError(f"{where}: cannot be read ({reason}). {_GIVE_MODEL}") from error


# Bytes ----------------------------------------------------------------------------------------


def _check_start(head: bytes, size: int) -> int:
    """Give the header's length, once the size of the file has confirmed it."""
    if size == 0:
        refuse("the file is empty", COPY_AGAIN)
    length = int.from_bytes(head[:8], "little")
    if length > MAX_HEADER_BYTES or length % 8:  # no length that `encode` writes
        _refuse_by_magic(head)
    if size < 8:
        refuse(f"the file ends after {size} bytes: it was cut short", COPY_AGAIN)
    if 8 + length > size:
        refuse(
            f"its first 8 bytes announce a header of {length} bytes, but the file holds only {size}"
            ": it was cut short or damaged, or it is no model file",
            COPY_AGAIN,
        )
    if length > MAX_HEADER_BYTES:
        refuse("its header is larger than a model file may have", _GIVE_MODEL)
    return length


def _refuse_by_magic(head: bytes) -> None:
    """Name the kinds of file that models are often kept in."""
    if _PICKLE.match(head):
        refuse(
            "this is a Python pickle (or a joblib dump). It is not opened, since opening a pickle "
            "can run any code that it holds",
            "Save the model again with imlogit, where it was fitted.",
        )
    if _PACKED.match(head):
        refuse(
            "this is a zip or otherwise compressed file, such as .npz, PyTorch and joblib write, "
            "and not a model file. It is not opened, since it may hold a pickle, which can run "
            "any code",
            "Save the model again with imlogit, where it was fitted, or unpack the archive.",
        )


def _digest_place(header: bytes) -> slice:
    """Return where in the header the checksum stands."""
    found = _DIGEST.search(header)
    if found is None:
        _refuse_unmarked(header)
    return slice(*found.span(1))


def _read_weights(
    file: BinaryIO, before: bytes, digest: str, weights: memoryview | None, size: int
) -> None:
    """Read what follows the header, keep it where there is room, and check the whole's checksum."""
    actual, done = hashlib.sha256(before), 0
    while piece := file.read(min(_PIECE, size - done)):
        actual.update(piece)
        if weights is not None:
            weights[done : done + len(piece)] = piece
        done += len(piece)
    if done < size or actual.hexdigest() != digest:
        refuse(
            "its contents do not match its checksum: it was cut short or altered after it was "
            "saved",
            COPY_AGAIN,
        )


def _refuse_unmarked(header: bytes) -> NoReturn:
    content = _loads(header)
    metadata = content.get("__metadata__", {}) if isinstance(content, dict) else None
    if isinstance(metadata, dict) and "imlogit" not in metadata:
        refuse("this is a safetensors file, but not one that imlogit wrote", _GIVE_MODEL)
    refuse("it has no readable header: it was damaged, or it is no model file", COPY_AGAIN)


# Parsing --------------------------------------------------------------------------------------


def _parse(file: BinaryIO, size: int) -> SavedModel:
    """Read a model: what its header says is checked before memory is taken for its weights."""
    length = _check_start(file.read(_START), size)
    file.seek(0)
    start = file.read(8 + length)
    header, size = start[8:], size - len(start)
    place = _digest_place(header)
    digest = header[place].decode("ascii")
    blank = start[: 8 + place.start] + _BLANK.encode("ascii") + start[8 + place.stop :]
    try:
        tensors, facts = _described(header, digest, size)
    except ModelFileError:
        _read_weights(file, blank, digest, None, size)  # what is damaged is called damaged
        raise
    weights = np.empty(size, np.uint8)
    _read_weights(file, blank, digest, weights.data, size)
    arrays = split_up(weights, tensors)
    coef, intercept = arrays.pop("coef"), arrays.pop("intercept")
    return SavedModel(coef=coef, intercept=intercept, feature_arrays=arrays, **facts)


def _described(header: bytes, digest: str, size: int) -> tuple[list[Tensor], dict[str, Any]]:
    """Return what arrays follow, and all other fields, each checked."""
    content = _loads(header)
    facts_json = dig(content, "__metadata__", "imlogit")
    facts: Any = _loads(facts_json) if isinstance(facts_json, str) else None
    _check_format(dig(facts, "format"))
    tensors = tensors_in(content, has_features=dig(facts, "features") is not None)
    check_layout(tensors, facts_json, digest, header, size)
    values = _fields_of(facts)
    coef = tensors[0].shape
    check_facts(values, (coef[0], coef[1]))
    return tensors, values


def _check_format(number: object) -> None:
    if type(number) is not int or number < 1:
        refuse("it does not say which format it has, so imlogit did not write it", _GIVE_MODEL)
    if number > FORMAT:
        refuse(
            f"it was written by a newer imlogit (format {number}; this one reads up to {FORMAT})",
            "Update it: pip install -U imlogit",
        )


def _fields_of(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a model that facts from JSON hold: those of their format, all of them.

    Raises
    ------
    ModelFileError
    """
    expected = {f.name for f in fields(SavedModel)} - {*NO_FACTS} | {"format"}
    expected -= {name for name, first in ADDED.items() if first > facts["format"]}
    wrong = sorted(expected.symmetric_difference(facts))
    if wrong:
        refuse(f"these fields are missing or unknown: {first_of(wrong)}", COPY_AGAIN)
    values = {name: facts[name] for name in expected - {"format"}}
    for name in ("classes", "image_shape", "rest"):
        if isinstance(values.get(name), list):
            values[name] = tuple(values[name])
    return values


def _loads(text: str | bytes) -> Any:
    try:
        return parse(text, most_structures=MOST_STRUCTURES, most_values=MOST_VALUES)
    except ValueError:
        refuse("its header is not valid JSON: it was damaged, or it is no model file", COPY_AGAIN)
