"""Keras 3: a ``.keras`` file of standard layers, which loads in safe mode on any backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imlogit.core.links import SIGMOID, SOFTMAX
from imlogit.export.formats import Format, Inputs, Runner
from imlogit.export.keras_features import layered_patches
from imlogit.export.plain_features import recipes
from imlogit.model.head import Answers, Head
from imlogit.system.extras import need

keras = need("keras", "tensorflow", "The format keras")


def build(head: Head) -> Any:
    """Return a head as a `keras.Model` with the outputs "probabilities" and "label".

    Parameters
    ----------
    head : Head

    Returns
    -------
    keras.Model
    """
    layers = keras.layers
    given = keras.Input(head.shape, dtype=head.dtype, name=head.input_name)
    values = given
    for step in [] if head.features is None else recipes(head.features):
        values = layered_patches(keras, values, head.shape, step)
    # features are many, and their sums too coarse in float32
    wide = "float32" if head.features is None else "float64"
    scaled = layers.Rescaling(head.scale, name="scaled", dtype=wide)(values)
    linear = layers.Dense(len(head.class_names), name="margins", dtype=wide)
    margins = linear(layers.Flatten(name="rows", dtype=wide)(scaled))
    linear.set_weights([head.each_weights.T, head.each_intercept])
    if head.link == SIGMOID:
        link = layers.Activation("sigmoid", name="probabilities", dtype="float32")
        probabilities = link(margins)
    else:
        logits = margins
        if head.link != SOFTMAX:
            logits = layers.Activation("log_sigmoid", name="logits", dtype="float32")(margins)
        probabilities = layers.Softmax(name="probabilities", dtype="float32")(logits)
    if head.threshold is None:
        label = _first_largest(margins, len(head.class_names))
    else:
        label = _over(probabilities, head.threshold)
    return keras.Model(given, {"probabilities": probabilities, "label": label}, name="imlogit")


def _over(probabilities: Any, threshold: float) -> Any:
    """Return 1 where the second of two probabilities reaches the threshold, else 0."""
    layers = keras.layers
    column = layers.Reshape((2, 1), name="column", dtype="float32")(probabilities)
    second = layers.Cropping1D((1, 0), name="second", dtype="float32")(column)
    reached = layers.Discretization([threshold], name="reached")(second)
    return layers.Reshape((), name="label", dtype="int64")(reached)


def _first_largest(margins: Any, k: int) -> Any:
    """Return the index of the largest of k margins, the first of equal ones.

    Keras has no layer for it, and files with its functions (`keras.ops`) name private modules,
    which a later Keras may not have. The largest are marked 1 and multiplied by k, k - 1, ... 1:
    k less the largest product is the index.
    """
    layers = keras.layers

    def largest(values: Any, name: str) -> Any:
        column = layers.Reshape((k, 1), name=f"{name}_column", dtype="float32")(values)
        return layers.GlobalMaxPooling1D(name=name, dtype="float32")(column)

    top = largest(margins, "largest")
    behind = layers.Subtract(name="behind", dtype="float32")([margins, top])
    marked = layers.Discretization([0.0], name="marked")(behind)
    ranks = [float(rank) for rank in range(k, 0, -1)]
    ranked = layers.Rescaling(ranks, name="ranked", dtype="float32")(marked)
    first = largest(ranked, "first")
    index = layers.Rescaling(-1.0, offset=float(k), name="index", dtype="float32")(first)
    whole = layers.Discretization([i + 0.5 for i in range(k - 1)], name="whole")(index)
    return layers.Reshape((), name="label", dtype="int64")(whole)


def write(head: Head, path: Path) -> None:
    """Write a head as a Keras file."""
    build(head).save(path)


def load(path: Path) -> Runner:
    """Load the file in safe mode and return what runs it."""
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    numbers = keras.ops.convert_to_numpy

    def run(inputs: Inputs) -> Answers:
        said = model(inputs)
        return Answers(numbers(said["probabilities"]), numbers(said["label"]))

    return run


FORMAT = Format(write, load, sidecar=True)
