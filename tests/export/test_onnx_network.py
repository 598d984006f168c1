"""Exports with a backbone's own graph in them: one file, which says what the model says."""

import json
from importlib import import_module

import numpy as np
import pytest

import imlogit
from imlogit.errors import DataError, ExportError, ModelFileError
from imlogit.export.formats import open_format
from imlogit.export.proof import difference
from imlogit.model.head import head_of
from imlogit.model.persist import open_model

from helpers.feature_models import colour_images, feature_model
from helpers.networks import SIDE, conv_network, weights_as_inputs, written
from helpers.tools import need

onnx = need("onnx")
need("onnxruntime")
onnx_network = import_module("imlogit.export.onnx_network")  # which needs onnx
helper = onnx.helper
COLOUR = colour_images(40)
GREY = np.ascontiguousarray(COLOUR[..., 1])


def branching(_, parts):
    """Names of ours, a function, and branches that look at weights outside of them."""

    def branch(operator):
        return helper.make_graph(
            [helper.make_node(operator, ["means", "shift"], ["moved"])],
            operator,
            [],
            [helper.make_tensor_value_info("moved", 1, None)],
        )

    def flat(domain):
        return helper.make_node("Flat", ["rows"], ["pooled"], domain=domain)

    where = parts["nodes"]
    where[3:4] = [
        helper.make_node(
            "If", ["label"], ["rows"], then_branch=branch("Add"), else_branch=branch("Sub")
        ),
        flat("own"),
    ]
    parts["weights"] += [
        onnx.numpy_helper.from_array(np.array([0.3], np.float32), "shift"),
        onnx.numpy_helper.from_array(np.array(True), "label"),
    ]
    parts["opsets"].append(helper.make_opsetid("own", 1))
    parts["functions"] = [
        helper.make_function(
            "own",
            "Flat",
            ["a"],
            ["b"],
            [helper.make_node("Flatten", ["a"], ["b"])],
            parts["opsets"][:1],
        )
    ]


def model_of(place, images, more="", before=""):
    return open_model(feature_model(f"{before}onnx:{place}{more}", images), place)


@pytest.mark.parametrize(
    ("images", "how", "more"),
    [
        (COLOUR, {}, ",mean=0.5:0.4:0.3,std=0.2"),
        (COLOUR, {"sides": ("n", SIDE, SIDE, 3)}, ",order=bgr,mean=0.5:0.4:0.3"),
        (COLOUR, {"sides": ("n", 1, 9, 33)}, ",output=logits"),
        (COLOUR, {"sides": (3, 3, 22, 20)}, ""),
        (COLOUR, {"kind": "UINT8"}, ""),
        (GREY, {"kind": "FLOAT16", "sides": ("n", 3, "h", "w")}, ",size=17x30,std=0.3"),
        (GREY, {"opset": 9, "ir_version": 3, "change": weights_as_inputs}, ""),
        (COLOUR, {"opset": 21, "ir_version": 10, "change": branching}, ""),
    ],
    ids=["size", "layout", "grey", "batch", "bytes", "half", "old", "branches"],
)
def test_what_is_written_says_what_the_model_says(tmp_path, images, how, more):
    network = written(tmp_path, **how)
    model = model_of(network, images, more)
    place = tmp_path / "m.onnx"
    found = imlogit.export_model(model, place)
    assert found.difference <= found.tolerance == 5e-6
    head = head_of(model)
    network.unlink()  # all of it is in the one file
    run = open_format("onnx").load(place)
    for n in (1, 3, 40):
        said, expected = run(images[:n]), head.answer(images[:n])
        assert difference(head, said, expected, found.tolerance, "it") < 1e-6
    assert expected.probabilities.max(axis=1).std() > 0.01
    file = onnx.load(place)
    onnx.checker.check_model(file)
    (given,) = file.graph.input
    assert (given.name, given.type.tensor_type.elem_type) == ("images", onnx.TensorProto.UINT8)
    assert [one.version for one in file.opset_import if not one.domain] == [
        max(how.get("opset", 18), 13)
    ]
    said = {one.key: json.loads(one.value) for one in file.metadata_props}
    assert said["backbone"]["file"] == "net.onnx"
    assert len(said["class_names"]) == 10


def test_a_step_before_the_network_is_drawn_too(tmp_path, embedded):
    images = embedded.images[::50]
    model = model_of(written(tmp_path), images, before="pixels+deskew+")
    assert imlogit.export_model(model, tmp_path / "m.onnx").difference < 1e-6
    said = open_format("onnx").load(tmp_path / "m.onnx")(images)
    expected = head_of(model).answer(images)
    np.testing.assert_allclose(said.probabilities, expected.probabilities, atol=5e-6)


def test_weights_in_files_of_their_own_are_in_the_one_file(tmp_path):
    home = tmp_path / "net"
    home.mkdir()
    onnx.save(
        conv_network(),
        home / "net.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    model = model_of(home / "net.onnx", COLOUR)
    imlogit.export_model(model, tmp_path / "m.onnx")
    expected = head_of(model).answer(COLOUR).probabilities
    (home / "weights.bin").unlink()
    said = open_format("onnx").load(tmp_path / "m.onnx")(COLOUR)
    np.testing.assert_allclose(said.probabilities, expected, atol=5e-6)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A model file far from its network, and the network."""
    home = tmp_path_factory.mktemp("plain")
    network = written(home)
    return feature_model(f"onnx:{network}", COLOUR), network


def refusal(model, place, kind, **how):
    """Return the one line that refuses an export, which leaves nothing."""
    with pytest.raises(kind) as caught:
        imlogit.export_model(model, place, **how)
    assert "\n" not in str(caught.value)
    assert not place.exists()
    return str(caught.value)


def test_the_network_is_the_one_of_the_fit(plain, tmp_path):
    model, network = plain
    place = tmp_path / "m.onnx"
    assert "give the file with backbone=..." in refusal(model, place, ModelFileError)
    other = written(tmp_path, "other.onnx", seed=1)
    said = refusal(model, place, ModelFileError, backbone=other)
    assert "another than that of the fit: its SHA-256 is" in said
    moved = tmp_path / "net.onnx"
    moved.write_bytes(network.read_bytes())
    opened = head_of(open_model(model, moved)).features.steps[-1]
    moved.write_bytes(other.read_bytes())
    with pytest.raises(DataError, match="another than that of the fit"):
        onnx_network.prefixed_network(opened)


@pytest.mark.parametrize(
    ("name", "how", "match"),
    [
        ("m.json", {}, "json has no form for the step onnx: export to onnx, or fit with"),
        ("m.tflite", {}, "litert has no form for the step onnx: export to onnx, or fit with"),
        ("m.onnx", {"float64": True}, "leave float64=True out"),
    ],
)
def test_other_formats_and_numbers(plain, tmp_path, name, how, match):
    model, network = plain
    assert match in refusal(model, tmp_path / name, ExportError, backbone=network, **how)


@pytest.mark.parametrize("most", [onnx_network.ROOM, onnx_network.ROOM + 3000])
def test_what_no_file_holds(plain, tmp_path, monkeypatch, most):
    model, network = plain
    monkeypatch.setattr(onnx_network, "MOST_BYTES", most)
    said = refusal(model, tmp_path / "m.onnx", ExportError, backbone=network)
    assert "an ONNX file with its weights holds 2 GB at most" in said


def mixing(_, parts):
    """What is said of an image depends on the others of its batch."""
    parts["nodes"][3:4] = [
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("ReduceMean", ["flat"], ["others"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["flat", "others"], ["pooled"]),
    ]


def of_eight(_, parts):
    """Any number of images by its word, and eight by its deed."""
    parts["weights"].append(onnx.numpy_helper.from_array(np.array([8, -1]), "eight"))
    parts["nodes"][3] = helper.make_node("Reshape", ["means", "eight"], ["pooled"])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (mixing, "or what it says of an image depends on others. Nothing is written."),
        (of_eight, "onnxruntime does not run what was written ("),
    ],
)
def test_networks_that_make_no_file(tmp_path, change, match):
    model = model_of(written(tmp_path, change=change, opset=13), COLOUR, ",output=pooled")
    assert match in refusal(model, tmp_path / "m.onnx", ExportError)


def test_what_onnx_does_not_convert(plain, tmp_path, monkeypatch):
    model, network = plain
    monkeypatch.setattr(onnx_network, "LEAST_OPERATOR_SET", 999)
    said = refusal(model, tmp_path / "m.onnx", ExportError, backbone=network)
    assert said.startswith("The backbone net.onnx cannot be merged into the export (")
    assert said.endswith("export the network for operator set 999 or a later one, and fit again.")
