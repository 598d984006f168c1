"""Small networks in ONNX, sound and otherwise."""

import numpy as np

from helpers.tools import need

SIDE, WIDTH = 12, 6


def conv_network(
    *,
    sides=("n", 3, SIDE, SIDE),
    width=WIDTH,
    classes=4,
    seed=0,
    opset=18,
    ir_version=8,
    metadata=None,
    kind="FLOAT",
    change=None,
):
    """A convolution, its global average, and a classifier of that.

    ``change`` is called with the parts of the graph, to change them.
    """
    onnx = need("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    rng = np.random.default_rng(seed)
    channels_last = sides[-1] in (1, 3)
    channels = next((one for one in (sides[1], sides[-1]) if one in (1, 3)), 3)
    weights = {
        "filters": rng.normal(size=(width, channels, 3, 3)),
        "head": rng.normal(size=(width, classes)),
    }
    elem = getattr(onnx.TensorProto, kind)
    first = {"FLOAT": "images", "UINT8": "cast", "FLOAT16": "cast"}[kind]
    nodes = [] if first == "images" else [helper.make_node("Cast", ["images"], ["cast"], to=1)]
    if channels_last:
        nodes.append(helper.make_node("Transpose", [first], ["first"], perm=[0, 3, 1, 2]))
        first = "first"
    nodes += [
        helper.make_node("Conv", [first, "filters"], ["maps"], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["maps"], ["rectified"]),
        helper.make_node("GlobalAveragePool", ["rectified"], ["means"]),
        helper.make_node("Flatten", ["means"], ["pooled"]),
        helper.make_node("MatMul", ["pooled", "head"], ["logits"]),
    ]
    parts = {
        "nodes": nodes,
        "inputs": [helper.make_tensor_value_info("images", elem, list(sides))],
        "outputs": [helper.make_tensor_value_info("logits", 1, [sides[0], classes])],
        "weights": [
            numpy_helper.from_array(one.astype(np.float32), name) for name, one in weights.items()
        ],
        "opsets": [helper.make_opsetid("", opset)],
    }
    if change is not None:
        change(onnx, parts)
    graph = helper.make_graph(
        parts["nodes"], "net", parts["inputs"], parts["outputs"], parts["weights"]
    )
    functions = parts.get("functions", ())
    model = helper.make_model(graph, opset_imports=parts["opsets"], functions=functions)
    model.ir_version = ir_version
    helper.set_model_props(model, metadata or {})
    return model


def weights_as_inputs(onnx, parts):
    """Change a network to what files before the fourth version of IR were."""
    described = onnx.helper.make_tensor_value_info
    parts["inputs"] += [described(one.name, 1, one.dims) for one in parts["weights"]]


def written(folder, name="net.onnx", **how):
    """Write a network, and return where."""
    place = folder / name
    place.write_bytes(conv_network(**how).SerializeToString())
    return place


def pooled_of(images, *, mean=0.0, std=1.0, seed=0, width=WIDTH):
    """What the network's pooled output is of images (n, h, w, 3), by SciPy."""
    from scipy.signal import correlate

    filters = np.random.default_rng(seed).normal(size=(width, 3, 3, 3)).astype(np.float32)
    scaled = np.moveaxis((images / 255 - mean) / std, 3, 1)
    maps = np.array(
        [[correlate(one, own, "valid")[0] for own in filters.astype(float)] for one in scaled]
    )
    return np.maximum(maps, 0).mean(axis=(2, 3))
