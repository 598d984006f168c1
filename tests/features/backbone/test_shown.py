import json

import pytest

from imlogit.errors import DataError
from imlogit.features.backbone.shown import facts_of_network

from helpers.networks import SIDE, WIDTH, conv_network, written
from helpers.tools import need

need("onnx")


def test_what_would_be_taken(tmp_path):
    found = facts_of_network(written(tmp_path, metadata={"mean": "0.5", "std": "0.25"})).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert [one["name"] for one in found["outputs"] if one["taken"]] == ["pooled"]
    assert found["inputs"] == [
        {"name": "images", "type": "float", "shape": ["n", 3, SIDE, SIDE], "pooled": False}
    ]
    how = found["preparation"]
    assert (how["size"], how["mean"], how["std"]) == ([SIDE, SIDE], [0.5], [0.25])
    assert how["said_by"] == {"size": "the file", "mean": "the file's metadata"}
    assert found["outputs"][1]["shape"] == ["n", WIDTH]
    assert found["problems"] == []


def test_what_is_missing_is_said(tmp_path):
    found = facts_of_network(written(tmp_path, sides="abcd"))
    assert found.taken == "pooled"
    assert found.preparation is None
    assert "where the channels are" in found.problems[0]


def test_a_type_that_there_is_not(tmp_path):
    model = conv_network()
    model.graph.input[0].type.tensor_type.elem_type = 49
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    found = facts_of_network(tmp_path / "net.onnx")
    assert found.to_dict()["inputs"][0]["type"] == "unknown"
    assert "is unknown (n, 3, 12, 12), and images are" in found.problems[0]


def test_what_is_refused_anyway(tmp_path):
    with pytest.raises(DataError, match="operator set 999"):
        facts_of_network(written(tmp_path, opset=999))
