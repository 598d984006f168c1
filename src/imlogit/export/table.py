"""The one table of formats: a name, where what writes and runs it is, and what a person gets."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A format.

    Attributes
    ----------
    home : str
        A module with ``FORMAT``, and ``FLOAT64`` where it has that.
    suffix : str
        How its files end.
    what : str
        What is written.
    steps : tuple of str
        The feature steps that it has a form for; the first one leaves images as they are.
    names : str
        Where class names are.
    needs : str
        What is to be installed.
    run_by : str
    """

    home: str
    suffix: str
    what: str
    steps: tuple[str, ...]
    names: str
    needs: str
    run_by: str


_EVERY = ("pixels", "deskew", "hog", "patches")
_NONE = ("pixels",)

FORMATS = {
    "onnx": Row(
        "imlogit.export.onnx_file",
        ".onnx",
        "operator set 18 or the network's, weights inline",
        (*_EVERY, "onnx"),
        "metadata `class_names`, a JSON list",
        "`imlogit[onnx]`",
        "onnxruntime",
    ),
    "keras": Row(
        "imlogit.export.keras_file",
        ".keras",
        "standard layers, loads in safe mode",
        ("pixels", "patches"),
        "sidecar `.keras.json`",
        "`imlogit[tensorflow]`",
        "Keras 3",
    ),
    "savedmodel": Row(
        "imlogit.export.savedmodel_folder",
        ".savedmodel",
        "a folder, signature `serving_default`",
        _EVERY,
        "asset `class_names.json`",
        "`imlogit[tensorflow]`",
        "TensorFlow",
    ),
    "litert": Row(
        "imlogit.export.litert_file",
        ".tflite",
        "signature `serving_default`",
        _NONE,
        "sidecar `.tflite.json`",
        "`imlogit[litert]`",
        "ai_edge_litert",
    ),
    "json": Row(
        "imlogit.export.json_file",
        ".json",
        "the object below",
        _EVERY,
        "in the file",
        "nothing",
        "a few lines in any language",
    ),
}
