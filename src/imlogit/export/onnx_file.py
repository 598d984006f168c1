"""ONNX: one graph of standard operators, weights inline, checked by onnx and run by onnxruntime.

Operator set 18 and IR version 8 are what runtimes since 2023 read; with a backbone they are its
own, and so are its operators.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit import __version__
from imlogit.core.links import INDEPENDENT, SIGMOID, SOFTMAX
from imlogit.errors import ExportError
from imlogit.export.formats import FLOAT64_TOLERANCE, Format, Inputs, Runner
from imlogit.export.onnx_features import Drawing, draw_features, draw_images
from imlogit.export.onnx_network import (
    batch_of,
    draw_feed,
    merge,
    network_in,
    prefixed_network,
)
from imlogit.export.plain_features import recipes
from imlogit.features.backbone.network import brief
from imlogit.features.onnx_backbone import FittedOnnx
from imlogit.model.head import Answers, Head
from imlogit.system.atomic import write_bytes
from imlogit.system.extras import need
from imlogit.system.plain_json import to_printable_json

onnx = need("onnx", "onnx", "The format onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
# Else importing onnxruntime writes a file into the folder for temporary ones, and sends figures of
# its use to its makers; asked for, they are as they were.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
runtime = need("onnxruntime", "onnx", "The format onnx")
OPERATOR_SET = 18
OPERATOR_SETS = (helper.make_opsetid("", OPERATOR_SET),)
IR_VERSION = 8
# Of onnxruntime's severities, errors.
ERRORS = 3
PRODUCER = {"producer_name": "imlogit", "producer_version": __version__}
# Some nodes, and the constants that they name.
Part = tuple[list[Any], dict[str, NDArray[Any]]]


def write(head: Head, path: Path, real: type[np.floating] = np.float32) -> None:
    """Write a head; inputs that are not pixels are of type `real`, as probabilities are."""
    network = network_in(head.features)
    model = _drawn(head, real) if network is None else _merged(head, network, real)
    helper.set_model_props(model, _metadata(head))
    # of a stranger's graph onnx may not know all shapes
    onnx.checker.check_model(model, full_check=network is None)
    write_bytes(path, model.SerializeToString(deterministic=True))


def _drawn(head: Head, real: type[np.floating]) -> Any:
    """Return a model all of whose nodes are ours."""
    ends = _input(head, real), _outputs(head, real)
    return _model([_rows(head), *_answers(head, real)], *ends)


def _merged(head: Head, fitted: FittedOnnx, real: type[np.floating]) -> Any:
    """Return a model with a network between what prepares images and what multiplies."""
    network, batch = prefixed_network(fitted), batch_of(fitted)
    network.ir_version = max(IR_VERSION, network.ir_version)
    sets = network.opset_import, network.ir_version
    (fed,) = network.graph.input
    feed = helper.make_tensor_value_info("feed", fed.type.tensor_type.elem_type, None)
    before = _model([_feed(head, fitted)], _input(head, real, batch), [feed], *sets)
    # the step makes float32 of what a network gives
    flat = [_node("Flatten", "taken", to="flat", axis=1), _cast("flat", np.float32, to="rows")]
    taken = _described("taken", np.float32, [batch, fitted.n_features])
    answers = _answers(head, real)
    after = _model([(flat, {}), *answers], taken, _outputs(head, real, batch), *sets)
    return merge(fitted, network, before, after, name="imlogit", **PRODUCER)


def _feed(head: Head, fitted: FittedOnnx) -> Part:
    """Return what makes of the inputs what a network takes."""
    drawing = Drawing("preparation")
    steps = recipes(head.features)[:-1] if head.features is not None else []
    values = draw_images(drawing, head.input_name, head.shape, steps)
    made = draw_feed(drawing, values, fitted)
    return [*drawing.nodes, _node("Identity", made, to="feed")], drawing.constants


def _model(
    parts: list[Part],
    given: Any,
    made: list[Any],
    opsets: Any = OPERATOR_SETS,
    ir_version: int = IR_VERSION,
) -> Any:
    graph = helper.make_graph(
        [node for nodes, _ in parts for node in nodes],
        "imlogit",
        [given],
        made,
        [
            numpy_helper.from_array(value, name)
            for _, constants in parts
            for name, value in constants.items()
        ],
    )
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, **PRODUCER)


def _input(head: Head, real: type[np.floating], batch: int | str = "n") -> Any:
    kind = np.uint8 if head.dtype == "uint8" else real
    return _described(head.input_name, kind, [batch, *head.shape])


def _outputs(head: Head, real: type[np.floating], batch: int | str = "n") -> list[Any]:
    return [
        _described("probabilities", real, [batch, len(head.class_names)]),
        _described("label", np.int64, [batch, *_labels_a_row(head)]),
    ]


def _described(name: str, kind: type[np.generic], shape: list[Any]) -> Any:
    number = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    return helper.make_tensor_value_info(name, number, shape)


def _labels_a_row(head: Head) -> list[int]:
    return [len(head.class_names)] if head.link == INDEPENDENT else []


def _rows(head: Head) -> Part:
    """Return what makes the rows that are multiplied: the inputs', or those of their features."""
    if head.features is None:
        return [_node("Flatten", head.input_name, to="rows", axis=1)], {}
    drawing = Drawing()
    made = draw_features(drawing, head.input_name, head.shape, recipes(head.features))
    return [*drawing.nodes, _node("Identity", made, to="rows")], drawing.constants


def _answers(head: Head, real: type[np.floating]) -> list[Part]:
    return [_margins(head, real), _link(head, real), _label(head, real)]


def _margins(head: Head, real: type[np.floating]) -> Part:
    # features are many, and their sums too coarse in float32
    wide = real if head.features is None else np.float64
    constants = {
        "scale": np.array(head.scale, dtype=wide),
        "weights": head.each_weights.T.astype(wide),
        "intercept": head.each_intercept.astype(wide),
    }
    nodes = [
        _cast("rows", wide, to="numbers"),
        _node("Mul", "numbers", "scale", to="scaled"),
        _node("Gemm", "scaled", "weights", "intercept", to="margins" if wide is real else "sums"),
    ]
    return nodes if wide is real else [*nodes, _cast("sums", real, to="margins")], constants


def _link(head: Head, real: type[np.floating]) -> Part:
    if head.link in (SIGMOID, INDEPENDENT):
        return [_node("Sigmoid", "margins", to="probabilities")], {}
    if head.link == SOFTMAX:
        return [_node("Softmax", "margins", to="probabilities", axis=1)], {}
    # the logarithm of the sigmoid, min(m, 0) - log(1 + exp(-|m|)), and its softmax
    return [
        _node("Min", "margins", "zero", to="negative"),
        _node("Abs", "margins", to="size"),
        _node("Neg", "size", to="minus_size"),
        _node("Exp", "minus_size", to="small"),
        _node("Add", "small", "one", to="above_one"),
        _node("Log", "above_one", to="correction"),
        _node("Sub", "negative", "correction", to="log_sigmoid"),
        _node("Softmax", "log_sigmoid", to="probabilities", axis=1),
    ], {"zero": np.array(0, dtype=real), "one": np.array(1, dtype=real)}


def _label(head: Head, real: type[np.floating]) -> Part:
    if head.link == INDEPENDENT:
        return [
            _node("Greater", "margins", "none", to="present"),
            helper.make_node("Cast", ["present"], ["label"], to=onnx.TensorProto.INT64),
        ], {"none": np.array(0, dtype=real)}
    if head.threshold is None:
        return [_node("ArgMax", "margins", to="label", axis=1, keepdims=0)], {}
    return [
        _node("Gather", "probabilities", "second", to="chance", axis=1),
        _node("GreaterOrEqual", "chance", "threshold", to="reached"),
        helper.make_node("Cast", ["reached"], ["label"], to=onnx.TensorProto.INT64),
    ], {
        "second": np.array(1, dtype=np.int64),
        "threshold": np.array(head.threshold, dtype=real),
    }


def _cast(given: str, kind: type[np.floating], to: str) -> Any:
    return helper.make_node(
        "Cast", [given], [to], to=helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    )


def _node(operator: str, *given: str, to: str, **how: int) -> Any:
    return helper.make_node(operator, list(given), [to], **how)


def _metadata(head: Head) -> dict[str, str]:
    """Return what the file says of itself, as JSON by key."""
    said: dict[str, Any] = {"class_names": list(head.class_names)}
    if head.threshold is not None:
        said["threshold"] = head.threshold
    network = network_in(head.features)
    if network is not None:
        said["backbone"] = {key: network.parameters[key] for key in ("file", "output", "sha256")}
    return {key: to_printable_json(value) for key, value in said.items()}


def load(path: Path) -> Runner:
    """Return what runs the file with onnxruntime."""
    options = runtime.SessionOptions()
    options.log_severity_level = ERRORS
    content = path.read_bytes()
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise _not_run(error) from None
    (given,) = session.get_inputs()
    batch = given.shape[0]

    def run(inputs: Inputs) -> Answers:
        if given.type == "tensor(double)":
            inputs = inputs.astype(np.float64)
        if not isinstance(batch, int):
            return answers(inputs)
        spare = np.zeros((-len(inputs) % batch, *inputs.shape[1:]), inputs.dtype)
        whole = np.concatenate([inputs, spare])
        found = [answers(whole[start : start + batch]) for start in range(0, len(whole), batch)]
        p, label = map(np.concatenate, zip(*found, strict=True))
        return Answers(p[: len(inputs)], label[: len(inputs)])

    def answers(inputs: Inputs) -> Answers:
        try:
            return Answers(*session.run(["probabilities", "label"], {given.name: inputs}))
        except Exception as error:
            raise _not_run(error) from None

    return run


def _not_run(error: Exception) -> ExportError:
    return ExportError(f"onnxruntime does not run what was written ({brief(error)}).")


FORMAT = Format(write, load)
FLOAT64 = Format(partial(write, real=np.float64), load, FLOAT64_TOLERANCE)
