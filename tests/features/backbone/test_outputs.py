"""Which of a network's tensors is taken."""

import numpy as np
import pytest

from imlogit.errors import DataError
from imlogit.features.backbone.network import read_network
from imlogit.features.backbone.outputs import choose_output, ending_in, input_of, outputs_of

from helpers.networks import SIDE, WIDTH, written
from helpers.tools import need

onnx = need("onnx")
helper = onnx.helper
info = helper.make_tensor_value_info


def gives(*names):
    """Let a network give some of its tensors."""
    kinds = {
        "logits": ["n", 4],
        "maps": ["n", WIDTH, SIDE - 2, SIDE - 2],
        "pooled": ["n", WIDTH],
    }

    def change(_, parts):
        parts["outputs"] = [info(name, 1, kinds[name]) for name in names]

    return change


def unpooled(_, parts):
    """Rows and columns made one line each: a vector, but of no pooling."""
    parts["nodes"][2:] = [
        helper.make_node("Flatten", ["rectified"], ["line"]),
    ]
    parts["outputs"] = [info("line", 1, ["n", WIDTH * (SIDE - 2) ** 2])]


def mean_of_tokens(_, parts):
    """Tokens, as a transformer has them, and their mean; a norm's mean after it is no pooling."""
    shape = onnx.numpy_helper.from_array(np.array([0, WIDTH, -1]), "shape")
    parts["weights"].append(shape)
    parts["nodes"][2:4] = [
        helper.make_node("Reshape", ["rectified", "shape"], ["tokens"]),
        helper.make_node("ReduceMean", ["tokens", "axis"], ["pooled"], keepdims=0),
        helper.make_node("ReduceMean", ["pooled", "one"], ["norm"], keepdims=1),
        helper.make_node("Sub", ["pooled", "norm"], ["normed"]),
    ]
    array = np.array
    parts["weights"] += [
        onnx.numpy_helper.from_array(array([2]), "axis"),
        onnx.numpy_helper.from_array(array([1]), "one"),
    ]


def gated(_, parts):
    """Squeeze and excitation: what is pooled tells how much of each map is taken."""
    parts["nodes"][2:] = [
        helper.make_node("GlobalAveragePool", ["rectified"], ["means"]),
        helper.make_node("Sigmoid", ["means"], ["gates"]),
        helper.make_node("Mul", ["rectified", "gates"], ["gated"]),
        helper.make_node("Flatten", ["gated"], ["line"]),
        helper.make_node("MatMul", ["line", "wide"], ["logits"]),
    ]
    wide = np.zeros((WIDTH * (SIDE - 2) ** 2, 4), np.float32)
    parts["weights"].append(onnx.numpy_helper.from_array(wide, "wide"))


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        (None, "pooled"),
        (gives("logits", "maps"), "pooled"),
        (gives("pooled", "logits"), "pooled"),
        (unpooled, "line"),
        (mean_of_tokens, "pooled"),
        (gated, "logits"),
    ],
)
def test_the_last_pooled_vector_or_else_the_last_vector(tmp_path, change, taken):
    network = read_network(written(tmp_path, change=change))
    assert choose_output(network, "").name == taken


def test_what_is_named_is_taken(tmp_path):
    network = read_network(written(tmp_path))
    assert choose_output(network, "logits").is_output
    assert choose_output(network, "rectified").name == "rectified"
    with pytest.raises(DataError, match="no output 'poold' in it. Did you mean 'pooled'"):
        choose_output(network, "poold")


def test_no_vector_at_all(tmp_path):
    def change(_, parts):
        del parts["nodes"][2:]
        gives("maps")(_, parts)

    network = read_network(written(tmp_path, change=change))
    with pytest.raises(DataError, match=r"none of its outputs is one vector an image: .*maps"):
        choose_output(network, "")


def test_what_would_fill_the_memory_is_refused(tmp_path):
    def change(_, parts):
        shape = onnx.numpy_helper.from_array(np.array([2**20, 2**20]), "shape")
        parts["weights"].append(shape)
        parts["nodes"] += [
            helper.make_node("ConstantOfShape", ["shape"], ["bomb"]),
            helper.make_node("ReduceMax", ["bomb"], ["most"], keepdims=0),
            helper.make_node("Add", ["pooled", "most"], ["line"]),
        ]
        parts["outputs"] = [info("line", 1, ["n", WIDTH])]

    with pytest.raises(DataError, match=r"'bomb' \(1048576, 1048576\), more than memory can hold"):
        choose_output(read_network(written(tmp_path, change=change)), "line")


def test_what_is_not_needed_is_left_out(tmp_path):
    network = read_network(written(tmp_path))
    made = onnx.load_model_from_string(ending_in(network, choose_output(network, "pooled")))
    assert [node.op_type for node in made.graph.node] == [
        "Conv",
        "Relu",
        "GlobalAveragePool",
        "Flatten",
    ]
    assert [one.name for one in made.graph.initializer] == ["filters"]
    assert len(network.model.graph.node) == 5


def test_everything_that_is_a_vector_is_listed_but_constants(tmp_path):
    def change(_, parts):
        parts["nodes"].insert(0, helper.make_node("Identity", ["head"], ["constant"]))
        parts["nodes"][-1].input[1] = "constant"

    found = {
        one.name: str(one) for one in outputs_of(read_network(written(tmp_path, change=change)))
    }
    assert found == {
        "means": f"(n, {WIDTH}, 1, 1)",
        "pooled": f"(n, {WIDTH})",
        "logits": "(n, 4)",
    }


@pytest.mark.parametrize("n_inputs", [0, 2])
def test_a_backbone_takes_images_alone(tmp_path, n_inputs):
    def change(_, parts):
        if n_inputs == 0:
            zeros = onnx.numpy_helper.from_array(np.zeros((1, 3, 12, 12), "f4"), "images")
            parts["weights"].append(zeros)
        else:
            parts["inputs"].append(info("mask", 1, ["n"]))

    network = read_network(written(tmp_path, change=change))
    with pytest.raises(DataError, match=f"it has {n_inputs} inputs .* takes images alone"):
        input_of(network)
