"""What a network gives: which of its tensors are features of an image, and which are taken."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from imlogit.features.backbone.network import Network, backbone_error, brief, nodes_of
from imlogit.system.extras import need
from imlogit.system.text import first_of, nearest, printable

Dimension = int | str | None
"""A number, the name of one that varies, or nothing known."""

POOLS = frozenset(
    {"AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool", "ReduceMax", "ReduceMean"}
)
# In one tensor: a batch of the largest maps of photographs has a tenth of it.
MOST_NUMBERS = 2**30
# What is pooled stays so.
SHAPES = frozenset({"Dropout", "Flatten", "Identity", "Reshape", "Squeeze"})


class GraphTensor(NamedTuple):
    """What goes in or out of a network.

    Attributes
    ----------
    name : str
    kind : int
        Of ONNX's types of elements; 0 where it is not known.
    shape : tuple or None
        None where not even its length is known.
    is_output : bool
        Whether it is among the network's own outputs.
    pooled : bool
        Whether it is made by pooling what nothing else looks at, one vector an image.
    """

    name: str
    kind: int
    shape: tuple[Dimension, ...] | None
    is_output: bool = False
    pooled: bool = False

    @property
    def is_vector(self) -> bool:
        """Whether it is one vector an image: (n, d), or of pooling and at the end (n, d, 1, 1)."""
        flat = self.shape is not None and len(self.shape) == 2
        return flat or (self.has_no_sides and (self.pooled or self.is_output))

    @property
    def has_no_sides(self) -> bool:
        """Whether it has one place only: (n, d), or (n, d, 1, 1)."""
        shape = self.shape
        return shape is not None and len(shape) >= 2 and all(one == 1 for one in shape[2:])

    @property
    def kind_name(self) -> str:
        """Its type of elements, as NumPy and ONNX call it."""
        onnx = need("onnx", "onnx", "A backbone")
        names = {number: name.lower() for name, number in onnx.TensorProto.DataType.items()}
        return names.get(self.kind, "unknown") if self.kind else "unknown"

    def __str__(self) -> str:
        sides = "of unknown shape" if self.shape is None else ", ".join(map(_said, self.shape))
        return sides if self.shape is None else f"({sides})"


def _said(side: Dimension) -> str:
    return "?" if side is None else printable(str(side))


def input_of(network: Network) -> GraphTensor:
    """Return what a network takes.

    Raises
    ------
    DataError
        Unless it takes one thing, images.
    """
    found = inputs_of(network)
    if len(found) != 1:
        names = first_of([one.name for one in found]) or "none"
        raise backbone_error(
            network.path,
            f"it has {len(found)} inputs ({printable(names)}), and a backbone takes images alone",
        )
    return found[0]


def inputs_of(network: Network) -> list[GraphTensor]:
    """Return all that a network takes, without what it has as weights."""
    graph = network.model.graph
    given = {one.name for one in graph.initializer}
    given |= {one.values.name for one in graph.sparse_initializer}
    return [_tensor(one) for one in graph.input if one.name not in given]


def outputs_of(network: Network) -> list[GraphTensor]:
    """Return what a network gives, and what within it is one vector an image, in their order."""
    onnx = need("onnx", "onnx", "A backbone")
    try:
        graph = onnx.shape_inference.infer_shapes(network.model, data_prop=True).graph
    except Exception as error:
        raise backbone_error(
            network.path, f"its shapes do not fit together ({brief(error)})"
        ) from None
    known = {one.name: _tensor(one) for one in (*graph.value_info, *graph.output, *graph.input)}
    _refuse_huge(network, known.values())
    ends = [one.name for one in graph.output]
    pooled = _pooled(graph.node, known)
    found = {
        name: known.get(name, GraphTensor(name, 0, None))._replace(
            is_output=name in ends, pooled=name in pooled
        )
        for name in _made_of_images(network)
    }
    found |= {name: known[name]._replace(is_output=True) for name in ends if name not in found}
    return [one for one in found.values() if one.is_output or one.is_vector]


def choose_output(network: Network, name: str) -> GraphTensor:
    """Return what is taken: what has a name, or the last pooled vector, or the last vector.

    Parameters
    ----------
    network : Network
    name : str
        Empty where none was asked for.

    Raises
    ------
    DataError
        For a name that there is not, and for a network that gives no vectors.
    """
    found = outputs_of(network)
    if name:
        named = [one for one in found if one.name == name] or list(_inner(network, name))
        if not named:
            names = [one.name for one in found]
            raise backbone_error(
                network.path,
                f"there is no output {printable(name)!r} in it.{nearest(name, names)} It gives "
                f"{printable(first_of(names))}",
            )
        return named[0]
    vectors = [one for one in found if one.is_vector]
    ends = [one for one in vectors if one.is_output]
    best = [one for one in vectors if one.pooled] or ends
    if not best:
        given = [f"{one.name} {one}" for one in found]
        raise backbone_error(
            network.path,
            f"none of its outputs is one vector an image: it gives {printable(first_of(given))}. "
            "Name another as onnx:FILE,output=NAME",
        )
    return best[-1]


def _inner(network: Network, name: str) -> Iterator[GraphTensor]:
    """Yield what is called so within a network."""
    made = (one for node in network.model.graph.node for one in node.output)
    yield from (GraphTensor(name, 0, None) for one in made if one == name)


def _refuse_huge(network: Network, tensors: Iterable[GraphTensor]) -> None:
    """Refuse what would fill the memory, before there is a session that fills it."""
    for one in tensors:
        sides = [side for side in one.shape or () if isinstance(side, int)]
        if math.prod(sides) > MOST_NUMBERS:
            raise backbone_error(
                network.path, f"it makes {printable(one.name)!r} {one}, more than memory can hold"
            )


def _made_of_images(network: Network) -> list[str]:
    """Return the names of what depends on the input: weights are made of constants, too."""
    reached = {one.name for one in inputs_of(network)}
    found = []
    for node in network.model.graph.node:
        if reached & {name for one in nodes_of([node]) for name in one.input}:
            found += [name for name in node.output if name]
            reached |= set(node.output) - {""}
    return found


def _pooled(nodes: Any, known: dict[str, GraphTensor]) -> set[str]:
    """Return the names of all vectors that are made by pooling, and by nothing after it.

    What something else looks at as well is pooled for a gate (squeeze and excitation).
    """
    pooled: set[str] = set()
    gated = {name for node in nodes if node.op_type not in POOLS for name in node.input if name}
    for node in nodes:
        if not node.output or not node.input:
            continue
        given, made = known.get(node.input[0]), known.get(node.output[0])
        if made is None or not made.has_no_sides or made.shape is None or made.shape[1] == 1:
            continue
        spatial = given is not None and given.shape is not None and not given.has_no_sides
        whole = spatial and node.input[0] not in gated
        if (node.op_type in POOLS and whole) or (
            node.op_type in SHAPES and node.input[0] in pooled
        ):
            pooled.add(node.output[0])
    return pooled


def _tensor(value: Any) -> GraphTensor:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return GraphTensor(value.name, 0, None)
    if not kind.HasField("shape"):
        return GraphTensor(value.name, kind.elem_type, None)
    sides: list[Dimension] = []
    for one in kind.shape.dim:
        held = one.WhichOneof("value")
        sides.append(None if held is None else getattr(one, held))
    return GraphTensor(value.name, kind.elem_type, tuple(sides))


def ending_in(network: Network, output: GraphTensor) -> bytes:
    """Return a network without what is not needed for one of its tensors, as bytes."""
    onnx = need("onnx", "onnx", "A backbone")
    model = onnx.ModelProto()
    model.CopyFrom(network.model)
    graph = model.graph
    made_by = {name: at for at, node in enumerate(graph.node) for name in node.output if name}
    needed, asked, names = set(), [output.name], {output.name}
    while asked:
        at = made_by.get(asked.pop())
        if at is None or at in needed:
            continue
        needed.add(at)
        taken = {name for node in nodes_of([graph.node[at]]) for name in node.input}
        names |= taken
        asked.extend(taken)
    kept = [graph.node[at] for at in sorted(needed)]
    weights = [one for one in graph.initializer if one.name in names]
    dropped = {one.name for one in graph.initializer} - names
    inputs = [one for one in graph.input if one.name not in dropped]
    ends = [one for one in graph.output if one.name == output.name]
    for part, own in (
        (graph.input, inputs),
        (graph.node, kept),
        (graph.initializer, weights),
        (graph.output, ends or [onnx.ValueInfoProto(name=output.name)]),
    ):
        copies = [type(one)() for one in own]
        for copy, one in zip(copies, own, strict=True):
            copy.CopyFrom(one)
        del part[:]
        part.extend(copies)
    return bytes(model.SerializeToString())
