"""Files of several named arrays: NumPy's archives, safetensors and HDF5."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.data.formats.npy import ENDING, opened, refusing
from imlogit.data.formats.npz import HARMLESS_BYTES, MOST_EXPANSION, Archive
from imlogit.errors import DataError
from imlogit.system.extras import need
from imlogit.system.text import printable, reason

# Of a header of safetensors, by its own rule.
MOST_HEADER_BYTES = 100_000_000
TYPES = {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "u1",
    "BOOL": "?",
}
# Deflate, shuffle and Fletcher's sum: those that HDF5 itself brings, and that run no plugin.
SOUND_FILTERS = frozenset({1, 2, 3})


class ArrayHolder(NamedTuple):
    """The names of the arrays in a file, and how one is read."""

    names: list[str]
    read: Callable[[str], NDArray[Any]]


def open_holder(path: Path) -> ArrayHolder:
    """Return the arrays of a file that may hold several, by its ending.

    Raises
    ------
    DataError
        For a file that is damaged, cut short, or holds what is not read.
    MissingExtraError
        For HDF5 without h5py.
    """
    return ARRAY_HOLDERS[path.suffix.lower()](path)


def _archive(path: Path) -> ArrayHolder:
    where = printable(path)
    with opened(path) as (file, size):
        names = {name.removesuffix(ENDING): name for name in Archive(file, size, where).names}

    def read(name: str) -> NDArray[Any]:
        with opened(path) as (file, size):
            archive = Archive(file, size, where)
            archive.check_expansion([names[name]])
            return archive.read(names[name], f"{where}, {printable(name)}")

    return ArrayHolder(list(names), read)


def _safetensors(path: Path) -> ArrayHolder:
    where = printable(path)
    with opened(path) as (file, size), refusing(where):
        length = int.from_bytes(file.read(8), "little")
        if length > min(MOST_HEADER_BYTES, size - 8):
            raise DataError(f"{where} is cut short, or no safetensors file. Copy or save it again.")
        header = json.loads(file.read(length))
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        last = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    if 8 + length + last != size:
        raise DataError(
            f"{where} declares {8 + length + last:,} bytes, but holds {size:,}: it is cut short, "
            "or its header is wrong. Copy or save it again."
        )

    def read(name: str) -> NDArray[Any]:
        own = f"{where}, {printable(name)}"
        with refusing(own):
            return _mapped_tensor(path, entries[name], 8 + length, own)

    return ArrayHolder(list(entries), read)


def _mapped_tensor(path: Path, entry: Any, begin: int, where: str) -> NDArray[Any]:
    if entry["dtype"] not in TYPES:
        raise DataError(
            f"{where} is of the type {printable(str(entry['dtype']))}, which NumPy does not have. "
            "Save it as float16 or float32."
        )
    dtype, shape = np.dtype(TYPES[entry["dtype"]]), tuple(map(int, entry["shape"]))
    first, stop = map(int, entry["data_offsets"])
    sound = first >= 0 and all(length > 0 for length in shape)
    if not sound or stop - first != math.prod(shape) * dtype.itemsize:
        raise DataError(
            f"{where} declares {shape} of {dtype}, but has {stop - first:,} bytes. Save it again."
        )
    with opened(path) as (file, _), refusing(where):
        return np.memmap(file, dtype, mode="r", offset=begin + first, shape=shape)


@contextmanager
def _sound(where: str) -> Iterator[None]:
    """Raise what HDF5 says of a damaged file, an OSError, as what it is."""
    with refusing(where):
        try:
            yield
        except OSError as error:
            raise ValueError(reason(error)) from error


def _hdf5(path: Path) -> ArrayHolder:
    h5py, where = need("h5py", "hdf5", "An HDF5 file"), printable(path)
    with opened(path) as (file, _), _sound(where), h5py.File(file, "r") as held:
        names = list(held)

    def read(name: str) -> NDArray[Any]:
        own = f"{where}, {printable(name)}"
        with opened(path) as (file, size), _sound(own), h5py.File(file, "r") as held:
            return _read_dataset(h5py, held, name, size, own)

    return ArrayHolder(names, read)


def _read_dataset(h5py: Any, held: Any, name: str, size: int, where: str) -> NDArray[Any]:
    """Return a data set that lies in the file itself, plain or packed by HDF5's own filters."""
    if not isinstance(held.get(name, getlink=True), h5py.HardLink):
        raise DataError(
            f"{where} is a link to elsewhere, which is not followed. Copy the data into the file."
        )
    found = held[name]
    if not isinstance(found, h5py.Dataset):
        raise DataError(f"{where} is a group, not an array. Save it at the top of the file.")
    if found.external or found.is_virtual:
        raise DataError(f"{where} lies in other files, which are not read. Copy it into this one.")
    plan = found.id.get_create_plist()
    filters = {plan.get_filter(k)[0] for k in range(plan.get_nfilters())}
    if not filters <= SOUND_FILTERS:
        raise DataError(
            f"{where} is packed by a filter that HDF5 does not bring itself. Save it with "
            "compression='gzip', or without."
        )
    if found.nbytes > max(HARMLESS_BYTES, MOST_EXPANSION * size):
        raise DataError(f"{where} would unpack to {found.nbytes:,} bytes of a file of {size:,}.")
    if found.dtype.kind == "O":
        if h5py.check_string_dtype(found.dtype) is None:
            raise DataError(f"{where} holds objects. Save it as an array of numbers or text.")
        return np.array([text.decode("utf-8") for text in found[()]], dtype=np.str_)
    array: NDArray[Any] = found[()]
    return array


ARRAY_HOLDERS: dict[str, Callable[[Path], ArrayHolder]] = {
    ".npz": _archive,
    ".safetensors": _safetensors,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
}
