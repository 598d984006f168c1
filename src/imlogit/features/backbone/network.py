"""A network in an ONNX file that anyone may have written: read whole, or refused in one line."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from imlogit.errors import DataError, ImlogitError
from imlogit.system.extras import need
from imlogit.system.regular_file import read_regular
from imlogit.system.text import first_of, nearest_path, printable

# A network with its weights is one message of Protocol Buffers, which holds no more.
MOST_BYTES = 2**31 - 1
# Whose operators onnxruntime brings itself.
STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
# A loop may never end.
LOOPS = frozenset({"Loop", "Scan"})
# How onnxruntime begins its messages: which of its errors, of which function in which file.
_PLACE_IN_CODE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (?:/\S+:\d+ .*?\) (?=[A-Z]))?")
# What a message of another library's may take of a line.
MOST_LETTERS = 200


@dataclass(frozen=True, eq=False)
class Network:
    """A network with all its weights.

    Parameters
    ----------
    path : Path
    model : onnx.ModelProto
    sha256 : str
        Of the file; where weights lie in other files, of all of them.
    data_files : tuple of str
        Those files, as the network names them: below its own folder.
    """

    path: Path
    model: Any = field(repr=False)
    sha256: str
    data_files: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.name

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says of itself, by key."""
        return {one.key: one.value for one in self.model.metadata_props}


def read_network(path: str | os.PathLike[str], sha256: str = "") -> Network:
    """Read a network, and refuse what could do more than multiply and add.

    Parameters
    ----------
    path : path-like
    sha256 : str
        Where one is given, another network than that is refused.

    Raises
    ------
    DataError
        For a file that is missing, cut short or no ONNX, for operators of others than ONNX and
        onnxruntime, loops, and weights that are missing or outside of the file's folder.
    MissingExtraError
        Without onnx.
    """
    onnx = need("onnx", "onnx", "A backbone")
    place = Path(path)
    content = _content(place, place, MOST_BYTES)
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        _refuse(place, f"no ONNX file, or cut short ({brief(error)})")
    if not model.graph.node:
        _refuse(place, "no ONNX file, or cut short: it has no graph")
    _check_operators(place, model)
    newest = onnx.defs.onnx_opset_version()
    for one in model.opset_import:
        if one.domain in ("", "ai.onnx") and one.version > newest:
            _refuse(
                place,
                f"operator set {one.version}, and the onnx here knows those up to {newest}: "
                "update onnx and onnxruntime, or export the network for an earlier one",
            )
    data = _Weights(place, MOST_BYTES - len(content))
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            data.put_into(tensor)
            tensor.ClearField("data_location")
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        _refuse(place, f"not a sound network ({brief(error)})")
    digest = data.joined_digest(hashlib.sha256(content).hexdigest())
    if sha256 not in ("", digest):
        _refuse(
            place,
            f"another than that of the fit: its SHA-256 is {digest}, not {printable(sha256)}",
        )
    return Network(place, model, digest, tuple(sorted(data.contents)))


def brief(error: BaseException) -> str:
    """Return the first lines of another library's message as a part of a line."""
    words = _PLACE_IN_CODE.sub("", " ".join(str(error).split())) or type(error).__name__
    return printable(words if len(words) <= MOST_LETTERS else f"{words[:MOST_LETTERS]}...")


def nodes_of(nodes: Any) -> Iterator[Any]:
    """Yield nodes, and those of the graphs within them."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from nodes_of(graph.node)


class _Weights:
    """The files of weights that a network names: each is read once."""

    def __init__(self, network: Path, room: int) -> None:
        self.contents: dict[str, bytes] = {}
        self._network = network
        self._room = room

    def put_into(self, tensor: Any) -> None:
        """Give a tensor its bytes."""
        said = {one.key: one.value for one in tensor.external_data}
        location = said.get("location", "")
        content = self._of(location)
        try:
            start = int(said.get("offset", "0"))
            stop = start + int(said["length"]) if "length" in said else len(content)
        except ValueError:
            start = stop = -1
        if not 0 <= start <= stop <= len(content):
            _refuse(
                self._network,
                f"cut short: {printable(location)} does not hold the weights {tensor.name!r}",
            )
        tensor.raw_data = content[start:stop]
        del tensor.external_data[:]

    def _of(self, location: str) -> bytes:
        if location not in self.contents:
            place = self._network.parent / location
            if not _is_below(location, place, self._network.parent):
                _refuse(
                    self._network,
                    f"weights in {printable(location) or 'no file'}, outside of its own folder: "
                    "put them beside it",
                )
            content = _content(self._network, place, self._room)
            self._room -= len(content)
            self.contents[location] = content
        return self.contents[location]

    def joined_digest(self, digest: str) -> str:
        """Return the SHA-256 of a file, joined with those of its files of weights, if any."""
        if not self.contents:
            return digest
        joined = hashlib.sha256(digest.encode())
        for name in sorted(self.contents):
            joined.update(f"\n{name}\n".encode("utf-8", "surrogateescape"))
            joined.update(hashlib.sha256(self.contents[name]).hexdigest().encode())
        return joined.hexdigest()


def _is_below(location: str, place: Path, folder: Path) -> bool:
    """Whether a file that a stranger names lies in a folder, links on its way followed."""
    if not location or "\0" in location or ".." in Path(location).parts:
        return False
    return place.resolve().is_relative_to(folder.resolve())


def _content(network: Path, place: Path, most: int) -> bytes:
    """Return the bytes of a network's file, or of one of its files of weights."""
    what = "" if place == network else f"its weights, {printable(place)}, "
    try:
        return read_regular(place, most)
    except FileNotFoundError:
        missing = "are missing" if what else "there is no such file"
        guess = "" if what else nearest_path(place)
        _refuse(network, f"{what}{missing}.{guess}".rstrip("."))
    except OSError as error:
        _refuse(network, f"{what}cannot be read ({error.strerror or error})")


def _check_operators(place: Path, model: Any) -> None:
    own = {(one.domain, one.name) for one in model.functions}
    every = [*nodes_of(model.graph.node)]
    for function in model.functions:
        every += nodes_of(function.node)
    others = {
        f"{node.domain}.{node.op_type}"
        for node in every
        if node.domain not in STANDARD and (node.domain, node.op_type) not in own
    }
    if others:
        _refuse(
            place,
            f"operators that neither ONNX nor onnxruntime has, {first_of(sorted(others))}, and "
            "nothing is loaded to run them: export the network without",
        )
    loops = sorted({node.op_type for node in every if node.op_type in LOOPS})
    if loops:
        _refuse(place, f"{' and '.join(loops)}, which may never end: export the network without")


def _tensors(model: Any) -> Iterator[Any]:
    """Yield all weights and constants of a network."""
    for function in model.functions:
        yield from _constants(function.node)
    yield from _of_graph(model.graph)


def _of_graph(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _constants(graph.node)


def _constants(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in (attribute.g, *attribute.graphs):
                yield from _of_graph(graph)


def _refuse(place: Path, what: str) -> NoReturn:
    raise backbone_error(place, what)


def backbone_error(place: Path, what: str) -> ImlogitError:
    """Return the error that says what is wrong with a network."""
    return DataError(f"the backbone {printable(place)}: {what}", parameter="features")
