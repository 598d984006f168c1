"""LiteRT (once TensorFlow Lite): converted by TensorFlow, run by ai_edge_litert."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from imlogit.export.formats import SIGNATURE, Format, Inputs, Runner
from imlogit.model.head import Answers, Head
from imlogit.system.atomic import write_bytes
from imlogit.system.extras import need, quiet

tf = need("tensorflow", "litert", "The format litert")
interpreter = need("ai_edge_litert.interpreter", "litert", "The format litert")


def write(head: Head, path: Path) -> None:
    """Write a head as a file, by way of a SavedModel, which gives its signature a name."""
    from imlogit.export import savedmodel_folder  # after what this format itself needs is asked for

    with tempfile.TemporaryDirectory(dir=path.parent) as scratch, quiet():
        savedmodel_folder.write(head, Path(scratch) / "model")
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(Path(scratch) / "model"), signature_keys=[SIGNATURE]
        )
        converted: bytes = converter.convert()
    write_bytes(path, converted)


def load(path: Path) -> Runner:
    """Return what runs the file's signature."""
    with quiet():
        model = interpreter.Interpreter(model_content=path.read_bytes())
        signature = model.get_signature_runner(SIGNATURE)
        ((name, given),) = signature.get_input_details().items()
        signature(**{name: np.zeros(given["shape"], given["dtype"])})  # the first call talks

    def run(inputs: Inputs) -> Answers:
        said = signature(**{name: inputs})
        return Answers(said["probabilities"], said["label"])

    return run


FORMAT = Format(write, load, sidecar=True)
