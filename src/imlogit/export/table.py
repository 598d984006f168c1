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
    names : str
        Where class names are.
    needs : str
        What is to be installed.
    run_by : str
    """

    home: str
    suffix: str
    what: str
    names: str
    needs: str
    run_by: str


FORMATS = {
    "onnx": Row(
        "imlogit.export.onnx_file",
        ".onnx",
        "operator set 18, weights inline",
        "metadata `class_names`, a JSON list",
        "`imlogit[onnx]`",
        "onnxruntime",
    ),
    "keras": Row(
        "imlogit.export.keras_file",
        ".keras",
        "standard layers, loads in safe mode",
        "sidecar `.keras.json`",
        "`imlogit[tensorflow]`",
        "Keras 3",
    ),
    "savedmodel": Row(
        "imlogit.export.savedmodel_folder",
        ".savedmodel",
        "a folder, signature `serving_default`",
        "asset `class_names.json`",
        "`imlogit[tensorflow]`",
        "TensorFlow",
    ),
    "litert": Row(
        "imlogit.export.litert_file",
        ".tflite",
        "signature `serving_default`",
        "sidecar `.tflite.json`",
        "`imlogit[litert]`",
        "ai_edge_litert",
    ),
    "json": Row(
        "imlogit.export.json_file",
        ".json",
        "the object below",
        "in the file",
        "nothing",
        "a few lines in any language",
    ),
}
