"""The commands about features: what is kept, what is made, what a network is."""

import json

import pytest

from imlogit.cli.app import run

from helpers.networks import SIDE, conv_network, written
from helpers.tools import need


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMLOGIT_CACHE", str(tmp_path / "cache"))


def out(capsys, *arguments, code=0):
    assert run(list(arguments)) == code
    return capsys.readouterr()


def test_what_was_fetched_is_listed_and_cleared(capsys):
    assert "No features are kept" in out(capsys, "features", "list").out
    words = ["features", "fetch", "mnist-5k", "--features", "deskew"]
    made = json.loads(out(capsys, *words, "--json").out)
    assert (made["images"], made["n_features"], made["kept"]) == (5000, 784, True)
    assert "5,000 of 784 numbers, uint8" in out(capsys, *words).out
    (kept,) = json.loads(out(capsys, "features", "list", "--json").out)["features"]
    assert (kept["source"], kept["steps"], kept["images"]) == ("mnist-5k", "deskew", 5000)
    assert "mnist-5k" in out(capsys, "features", "list").out
    out(capsys, "data", "clear", "--all")
    assert "No features are kept" in out(capsys, "features", "list").out


def test_pixels_are_not_fetched(capsys):
    said = out(capsys, "features", "fetch", "mnist-5k", "--features", "pixels", code=2)
    assert "--features pixels are the images themselves" in said.err


def test_a_network_is_shown(tmp_path, capsys):
    need("onnx")
    written(tmp_path, metadata={"mean": "0.5"})
    said = " ".join(out(capsys, "features", "show", "net.onnx").out.split())
    assert f"{SIDE} x {SIDE} (the file)" in said
    assert "0.5, deviation 1, of pixels / 255 (the file's metadata)" in said
    assert "pooled, taken" in said
    assert "takes images float (n, 3, 12, 12)" in said
    found = json.loads(out(capsys, "features", "show", "net.onnx", "--json").out)
    assert found["preparation"]["layout"] == "NCHW"


def test_what_a_network_lacks_is_said(tmp_path, capsys):
    need("onnx")
    content = conv_network(sides=("n", 3, "h", "w")).SerializeToString()
    (tmp_path / "net.onnx").write_bytes(content)
    assert "any (not said)" in " ".join(out(capsys, "features", "show", "net.onnx").out.split())
    said = out(capsys, "features", "fetch", "mnist-5k", "--features", "onnx:net.onnx", code=2)
    assert "say so as onnx:FILE,size=224" in said.err
    (tmp_path / "net.onnx").write_bytes(content[:100])
    assert "cut short" in out(capsys, "features", "show", "net.onnx", code=2).err
