"""ONNX: one graph of standard operators, weights inline, checked by onnx and run by onnxruntime.

Operator set 18 and IR version 8 are what runtimes since 2023 read.
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
from imlogit.export.formats import FLOAT64_TOLERANCE, Format, Inputs, Runner
from imlogit.export.onnx_features import Drawing, draw_features
from imlogit.export.plain_features import recipes
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
IR_VERSION = 8
# Of onnxruntime's severities, errors.
ERRORS = 3
# Some nodes, and the constants that they name.
Part = tuple[list[Any], dict[str, NDArray[Any]]]


def write(head: Head, path: Path, real: type[np.floating] = np.float32) -> None:
    """Write a head; inputs that are not pixels are of type `real`, as probabilities are."""
    parts = [_rows(head), _margins(head, real), _link(head, real), _label(head, real)]
    graph = helper.make_graph(
        [node for nodes, _ in parts for node in nodes],
        "imlogit",
        *_ends(head, helper.np_dtype_to_tensor_dtype(np.dtype(real))),
        [
            numpy_helper.from_array(value, name)
            for _, constants in parts
            for name, value in constants.items()
        ],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPERATOR_SET)],
        producer_name="imlogit",
        producer_version=__version__,
    )
    model.ir_version = IR_VERSION
    helper.set_model_props(model, _metadata(head))
    onnx.checker.check_model(model, full_check=True)
    write_bytes(path, model.SerializeToString(deterministic=True))


def _ends(head: Head, kind: int) -> tuple[list[Any], list[Any]]:
    """Return what goes in, and what comes out."""
    described = helper.make_tensor_value_info
    given = onnx.TensorProto.UINT8 if head.dtype == "uint8" else kind
    return (
        [described(head.input_name, given, ["n", *head.shape])],
        [
            described("probabilities", kind, ["n", len(head.class_names)]),
            described("label", onnx.TensorProto.INT64, ["n", *_labels_a_row(head)]),
        ],
    )


def _labels_a_row(head: Head) -> list[int]:
    return [len(head.class_names)] if head.link == INDEPENDENT else []


def _rows(head: Head) -> Part:
    """Return what makes the rows that are multiplied: the inputs', or those of their features."""
    if head.features is None:
        return [_node("Flatten", head.input_name, to="rows", axis=1)], {}
    drawing = Drawing()
    made = draw_features(drawing, head.input_name, head.shape, recipes(head.features))
    return [*drawing.nodes, _node("Identity", made, to="rows")], drawing.constants


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
    return {key: to_printable_json(value) for key, value in said.items()}


def load(path: Path) -> Runner:
    """Return what runs the file with onnxruntime."""
    options = runtime.SessionOptions()
    options.log_severity_level = ERRORS
    session = runtime.InferenceSession(
        path.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    (given,) = session.get_inputs()

    def run(inputs: Inputs) -> Answers:
        if given.type == "tensor(double)":
            inputs = inputs.astype(np.float64)
        return Answers(*session.run(["probabilities", "label"], {given.name: inputs}))

    return run


FORMAT = Format(write, load)
FLOAT64 = Format(partial(write, real=np.float64), load, FLOAT64_TOLERANCE)
