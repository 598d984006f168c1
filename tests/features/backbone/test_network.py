"""What strangers' files may be, and are refused for."""

import os

import numpy as np
import pytest

from imlogit.errors import DataError
from imlogit.features.backbone.network import read_network

from helpers.networks import conv_network, written
from helpers.tools import need

onnx = need("onnx")
helper = onnx.helper


def refused(place, match):
    with pytest.raises(DataError, match=match) as caught:
        read_network(place)
    message = str(caught.value)
    assert message.startswith(f"the backbone {place}: ")
    assert "\n" not in message
    assert len(message) < 600


def test_a_sound_one_is_read_whole(tmp_path):
    network = read_network(written(tmp_path, metadata={"mean": "0.5"}))
    assert (network.name, network.data_files) == ("net.onnx", ())
    assert network.metadata == {"mean": "0.5"}
    assert len(network.sha256) == 64


def foreign(_, parts):
    parts["nodes"][1] = helper.make_node("Run", ["maps"], ["rectified"], domain="evil")
    parts["opsets"].append(helper.make_opsetid("evil", 1))


def hidden(_, parts):
    """A foreign operator in the branch of a condition."""
    ends = [helper.make_tensor_value_info("branch", 1, None)]
    node = helper.make_node("Run", ["maps"], ["branch"], domain="evil")
    branch = helper.make_graph([node], "branch", [], ends)
    parts["nodes"][1] = helper.make_node(
        "If", ["yes"], ["rectified"], then_branch=branch, else_branch=branch
    )
    parts["weights"].append(onnx.numpy_helper.from_array(np.array(True), "yes"))
    parts["opsets"].append(helper.make_opsetid("evil", 1))


def endless(_, parts):
    ends = [helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, [])]
    body = helper.make_graph([helper.make_node("Identity", ["on"], ["go"])], "body", [], ends)
    parts["nodes"].insert(0, helper.make_node("Loop", ["", "yes"], [], body=body))


def unknown(_, parts):
    parts["nodes"][1] = helper.make_node("Reluu", ["maps"], ["rectified"])


def hollow(_, parts):
    parts["weights"][0].dims[0] = 10**9


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"change": foreign}, r"evil\.Run, and nothing is loaded to run them"),
        ({"change": hidden}, r"evil\.Run"),
        ({"change": endless}, "Loop, which may never end"),
        ({"change": unknown}, "not a sound network .*Reluu"),
        ({"change": hollow}, "not a sound network .*too small"),
        ({"opset": 999}, "operator set 999, and the onnx here knows those up to"),
        ({"ir_version": 999}, "not a sound network"),
    ],
    ids=["foreign", "hidden", "endless", "unknown", "hollow", "opset", "ir-version"],
)
def test_what_cannot_be_trusted_is_refused(tmp_path, how, match):
    refused(written(tmp_path, **how), match)


@pytest.mark.parametrize("size", [0, 1, 10, 200, 500, -1])
def test_a_file_cut_short(tmp_path, size):
    place = written(tmp_path)
    place.write_bytes(place.read_bytes()[:size])
    refused(place, "no ONNX file, or cut short")


def test_what_is_no_network(tmp_path):
    (tmp_path / "image.onnx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    refused(tmp_path / "image.onnx", "no ONNX file")
    written(tmp_path)
    refused(tmp_path / "nett.onnx", "there is no such file. Did you mean '.*net.onnx'")
    refused(tmp_path, "not a regular file but a folder")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.onnx")
        refused(tmp_path / "pipe.onnx", "a device or a pipe")


@pytest.fixture
def parted(tmp_path):
    """A network, and its weights in a file of their own."""
    folder = tmp_path / "home"
    folder.mkdir()
    model = conv_network()
    onnx.save_model(
        model,
        folder / "net.onnx",
        save_as_external_data=True,
        location="net.data",
        size_threshold=0,
    )
    return folder / "net.onnx"


def test_weights_in_a_file_beside(parted, tmp_path):
    network = read_network(parted)
    assert network.data_files == ("net.data",)
    whole = read_network(written(tmp_path))
    assert network.model.graph.initializer == whole.model.graph.initializer
    data = parted.with_name("net.data")
    data.write_bytes(data.read_bytes()[:-1] + b"\1")
    assert read_network(parted).sha256 not in (network.sha256, whole.sha256)


def test_weights_that_are_missing_or_cut_short(parted):
    data = parted.with_name("net.data")
    data.write_bytes(data.read_bytes()[:-1])
    refused(parted, "net.data does not hold the weights")
    data.unlink()
    refused(parted, r"its weights, .*net\.data, are missing")


@pytest.mark.parametrize(
    "location", ["../out.data", "/etc/passwd", "sub/../../out.data", "", "a\0"]
)
def test_weights_outside_of_the_folder(parted, tmp_path, location):
    (tmp_path / "out.data").write_bytes(bytes(1000))
    (parted.parent / "sub").mkdir()
    model = onnx.load_model(parted, load_external_data=False)
    for tensor in model.graph.initializer:
        tensor.external_data[0].value = location
    parted.write_bytes(model.SerializeToString())
    refused(parted, "outside of its own folder: put them beside it")


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="this system has no links")
def test_a_link_that_leads_outside(parted, tmp_path):
    data = parted.with_name("net.data")
    data.rename(tmp_path / "elsewhere")
    data.symlink_to(tmp_path / "elsewhere")
    refused(parted, "outside of its own folder")
