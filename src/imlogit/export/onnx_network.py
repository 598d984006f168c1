"""A backbone's own graph between what prepares images for it and what multiplies its output.

Its names get a prefix, so that none of ours is among them. The file's operator set is the
network's: all operators of ours are the same from the least one on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imlogit.errors import ExportError
from imlogit.export.onnx_features import INT64, WHITE, Drawing
from imlogit.export.pillow_resize import ONE, resize_passes
from imlogit.features.backbone.network import MOST_BYTES, brief
from imlogit.features.backbone.preparation import BGR, NHWC
from imlogit.features.chain import FittedChain
from imlogit.features.onnx_backbone import FittedOnnx
from imlogit.system.extras import need
from imlogit.system.text import printable

onnx = need("onnx", "onnx", "The format onnx")
compose, inliner, version_converter = (
    need(f"onnx.{name}", "onnx", "The format onnx")
    for name in ("compose", "inliner", "version_converter")
)
LEAST_OPERATOR_SET = 13
PREFIX = "backbone/"
# What prefixes and the nodes of ours may take of a file.
ROOM = 2**24
# Pillow's grey of red, green and blue, of 65,536.
GREY = (19595.0, 38470.0, 7471.0)


def network_in(features: FittedChain | None) -> FittedOnnx | None:
    """Return the step of a model that runs a network, if one does: the last."""
    last = None if features is None else features.steps[-1]
    return last if isinstance(last, FittedOnnx) else None


def batch_of(fitted: FittedOnnx) -> int | str:
    """Return how many images the network takes a call; a name where any number."""
    first = fitted.session.runner.get_inputs()[0].shape[0]
    return first if isinstance(first, int) and first > 0 else "n"


def draw_feed(draw: Drawing, values: str, fitted: FittedOnnx) -> str:
    """Draw what a network takes, of images (n, channels, h, w) of whole numbers in float64."""
    how = fitted.session.preparation
    sides, channels = fitted.input_shape[:2], how.channels or 1
    given = 3 if fitted.input_shape[2:] == (3,) else 1
    size = how.size or sides
    if (given, channels) == (3, 1):
        values = _grey(draw, values)
    if sides != size:
        values = _resized(draw, values, (sides[0], sides[1]), (size[0], size[1]))
    if (given, channels) == (1, 3):
        values = draw("Concat", values, values, values, axis=1)
    # by a table, as the step does it: each pixel's number has been rounded once
    table = how.table(channels)
    starts = 256 * np.arange(channels)[:, None, None]
    feed = draw(
        "Gather", table.ravel(), draw("Add", draw("Cast", values, to=INT64), starts), axis=0
    )
    if how.order == BGR and channels > 1:
        feed = draw("Gather", feed, np.arange(channels)[::-1].copy(), axis=1)
    return draw("Transpose", feed, perm=[0, 2, 3, 1]) if how.layout == NHWC else feed


def _grey(draw: Drawing, values: str) -> str:
    parts = draw("Mul", values, np.array(GREY)[:, None, None])
    total = draw("ReduceSum", parts, np.array([1]), keepdims=1)
    return draw("Floor", draw("Add", draw("Mul", total, np.array(1 / 65536)), np.array(0.5)))


def _resized(draw: Drawing, values: str, sides: tuple[int, int], size: tuple[int, int]) -> str:
    for axis, factors in resize_passes(sides, size):
        given = (values, factors.T.copy()) if axis else (factors, values)
        sums = draw("Mul", draw("MatMul", *given), np.array(1 / ONE))
        rounded = draw("Floor", draw("Add", sums, np.array(0.5)))
        values = draw("Min", draw("Max", rounded, np.array(0.0)), np.array(float(WHITE)))
    return values


def prefixed_network(fitted: FittedOnnx) -> Any:
    """Return the network up to the output that is taken, ready to be merged.

    Returns
    -------
    onnx.ModelProto
        Its names have a prefix, and it imports each set of operators once.

    Raises
    ------
    ExportError
        For a network of an operator set that cannot be converted.
    DataError
        Where the file has changed since.
    """
    content = fitted.content
    refuse_large(len(content))
    model = onnx.load_model_from_string(content)
    graph = model.graph
    own = {one.name for one in graph.initializer} | {
        one.values.name for one in graph.sparse_initializer
    }
    inputs = [one for one in graph.input if one.name not in own]
    del graph.input[:], graph.value_info[:], model.metadata_props[:]
    graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, 4)  # weights are no inputs from there on
    try:
        if model.functions:
            model = inliner.inline_local_functions(model)
        model = _converted(model)
        names = {name: PREFIX + name for name in own}
        # it renames weights after it has renamed the branches that look at them
        compose.add_prefix_graph(model.graph, PREFIX, inplace=True, name_map=names)
    except Exception as error:
        raise _unmerged(fitted, error) from None
    return model


def _converted(model: Any) -> Any:
    """Return a network whose operators are of a set that ours are in, too."""
    for node in model.graph.node:
        node.domain = "" if node.domain == "ai.onnx" else node.domain
    sets = {
        "" if one.domain == "ai.onnx" else one.domain: one.version for one in model.opset_import
    }
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(*one) for one in sorted(sets.items()))
    if sets.get("", LEAST_OPERATOR_SET) >= LEAST_OPERATOR_SET:
        return model
    return version_converter.convert_version(model, LEAST_OPERATOR_SET)


def merge(fitted: FittedOnnx, network: Any, before: Any, after: Any, **said: Any) -> Any:
    """Return three models as one, each of which takes what the one before it gives.

    Parameters
    ----------
    fitted : FittedOnnx
    network : onnx.ModelProto
        As `prefixed_network` returned it.
    before, after : onnx.ModelProto
        With one output, and one input.
    **said
        What `onnx.compose.merge_models` is told of the whole.

    Returns
    -------
    onnx.ModelProto
        Checked.

    Raises
    ------
    ExportError
        For what would be larger than a file of ONNX can be, and for what onnx does not merge.
    """
    parts = [before, network, after]
    refuse_large(sum(one.ByteSize() for one in parts))
    whole = parts[-1]
    try:
        for part in parts[-2::-1]:
            ends = part.graph.output[0].name, whole.graph.input[0].name
            whole = compose.merge_models(part, whole, [ends], doc_string="", **said)
    except Exception as error:
        raise _unmerged(fitted, error) from None
    # each part has brought the same sets of operators
    del whole.graph.value_info[:], whole.opset_import[:]
    whole.opset_import.extend(network.opset_import)
    return whole


def refuse_large(n_bytes: int) -> None:
    """Refuse what one message of Protocol Buffers does not hold.

    Raises
    ------
    ExportError
    """
    if n_bytes > MOST_BYTES - ROOM:
        raise ExportError(
            f"With its backbone the file would have {n_bytes / 1e9:.2f} GB, and an ONNX file with "
            "its weights holds 2 GB at most: fit the model on a smaller network, or on one in "
            "float16."
        )


def _unmerged(fitted: FittedOnnx, error: Exception) -> ExportError:
    return ExportError(
        f"The backbone {printable(fitted.session.path.name)} cannot be merged into the export "
        f"({brief(error)}): export the network for operator set {LEAST_OPERATOR_SET} or a later "
        "one, and fit again."
    )
