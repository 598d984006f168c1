"""ONNX: one graph of standard operators, weights inline, checked by onnx and run by onnxruntime.

Operator set 18 and IR version 8 are what runtimes since 2023 read.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from imlogit import __version__
from imlogit.core.links import SIGMOID, SOFTMAX
from imlogit.export.formats import FLOAT64_TOLERANCE, Format, Inputs, Runner
from imlogit.model.head import Answers, Head
from imlogit.system.atomic import write_bytes
from imlogit.system.extras import need

onnx = need("onnx", "onnx", "--to onnx")
runtime = need("onnxruntime", "onnx", "--to onnx")
OPERATOR_SET = 18
IR_VERSION = 8
# Of onnxruntime's severities, errors.
ERRORS = 3


def write(head: Head, path: Path, real: type[np.floating] = np.float32) -> None:
    """Write a head; inputs that are not pixels are of type `real`, as probabilities are."""
    from onnx import TensorProto, helper, numpy_helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(real))
    given = TensorProto.UINT8 if head.dtype == "uint8" else kind
    constants = {
        "scale": np.array(head.scale, dtype=real),
        "weights": head.each_weights.T.astype(real),
        "intercept": head.each_intercept.astype(real),
    }
    nodes = [
        helper.make_node("Flatten", [head.input_name], ["rows"], axis=1),
        helper.make_node("Cast", ["rows"], ["numbers"], to=kind),
        helper.make_node("Mul", ["numbers", "scale"], ["scaled"]),
        helper.make_node("Gemm", ["scaled", "weights", "intercept"], ["margins"]),
    ]
    if head.link == SIGMOID:
        nodes.append(helper.make_node("Sigmoid", ["margins"], ["probabilities"]))
    elif head.link == SOFTMAX:
        nodes.append(helper.make_node("Softmax", ["margins"], ["probabilities"], axis=1))
    else:
        # the logarithm of the sigmoid, min(m, 0) - log(1 + exp(-|m|)), and its softmax
        constants |= {"zero": np.array(0, dtype=real), "one": np.array(1, dtype=real)}
        nodes += [
            helper.make_node("Min", ["margins", "zero"], ["negative"]),
            helper.make_node("Abs", ["margins"], ["size"]),
            helper.make_node("Neg", ["size"], ["minus_size"]),
            helper.make_node("Exp", ["minus_size"], ["small"]),
            helper.make_node("Add", ["small", "one"], ["above_one"]),
            helper.make_node("Log", ["above_one"], ["correction"]),
            helper.make_node("Sub", ["negative", "correction"], ["log_sigmoid"]),
            helper.make_node("Softmax", ["log_sigmoid"], ["probabilities"], axis=1),
        ]
    if head.threshold is None:
        nodes.append(helper.make_node("ArgMax", ["margins"], ["label"], axis=1, keepdims=0))
    else:
        constants |= {
            "second": np.array(1, dtype=np.int64),
            "threshold": np.array(head.threshold, dtype=real),
        }
        nodes += [
            helper.make_node("Gather", ["probabilities", "second"], ["chance"], axis=1),
            helper.make_node("GreaterOrEqual", ["chance", "threshold"], ["reached"]),
            helper.make_node("Cast", ["reached"], ["label"], to=TensorProto.INT64),
        ]
    n_classes = len(head.class_names)
    graph = helper.make_graph(
        nodes,
        "imlogit",
        [helper.make_tensor_value_info(head.input_name, given, ["n", *head.shape])],
        [
            helper.make_tensor_value_info("probabilities", kind, ["n", n_classes]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
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


def _metadata(head: Head) -> dict[str, str]:
    """Return what the file says of itself, as JSON by key."""
    said: dict[str, Any] = {"class_names": list(head.class_names)}
    if head.threshold is not None:
        said["threshold"] = head.threshold
    return {key: json.dumps(value, ensure_ascii=False) for key, value in said.items()}


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
