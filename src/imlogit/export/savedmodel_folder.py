"""TensorFlow's SavedModel: a folder with the signature "serving_default" and class names."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from imlogit.core.links import SIGMOID, SOFTMAX
from imlogit.export.formats import SIGNATURE, Format, Inputs, Runner
from imlogit.export.plain_features import recipes
from imlogit.export.tensorflow_features import features_of
from imlogit.model.head import Answers, Head
from imlogit.system.extras import need, quiet
from imlogit.system.plain_json import to_printable_json

tf = need("tensorflow", "tensorflow", "The format savedmodel")
MARK = "saved_model.pb"
NAMES = "class_names.json"
# What a disk refuses for, which TensorFlow only says in words.
REFUSALS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO),
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG),
)


def build(head: Head) -> Any:
    """Return a head as a `tf.Module` with one function, `classify`."""
    # features are many, and their sums too coarse in float32
    wide = np.float32 if head.features is None else np.float64
    scale = tf.constant(head.scale, wide)
    weights = tf.Variable(head.each_weights.T.astype(wide), trainable=False, name="weights")
    intercept = tf.Variable(head.each_intercept.astype(wide), trainable=False, name="intercept")
    kind = tf.TensorSpec([None, *head.shape], head.dtype, name=head.input_name)

    steps = None if head.features is None else recipes(head.features)

    def classify(inputs: Any) -> dict[str, Any]:
        if steps is not None:
            inputs = features_of(tf, inputs, head.shape, steps)
        rows = tf.reshape(tf.cast(inputs, wide) * scale, [-1, head.weights.shape[1]])
        margins = tf.cast(tf.matmul(rows, weights) + intercept, tf.float32)
        if head.link == SIGMOID:
            probabilities = tf.sigmoid(margins)
        elif head.link == SOFTMAX:
            probabilities = tf.nn.softmax(margins)
        else:
            # the logarithm of the sigmoid, in operations that LiteRT has
            logits = tf.minimum(margins, 0.0) - tf.math.log(1.0 + tf.exp(-tf.abs(margins)))
            probabilities = tf.nn.softmax(logits)
        if head.threshold is None:
            label = tf.argmax(margins, axis=1)
        else:
            label = tf.cast(probabilities[:, 1] >= head.threshold, tf.int64)
        return {"probabilities": probabilities, "label": label}

    module = tf.Module(name="imlogit")
    module.weights, module.intercept = weights, intercept
    module.classify = tf.function(classify, input_signature=[kind])
    return module


def write(head: Head, path: Path) -> None:
    """Write a head as a folder."""
    module = build(head)
    names = path.with_name(NAMES)
    names.write_text(to_printable_json(list(head.class_names)) + "\n", "utf-8")
    module.class_names = tf.saved_model.Asset(str(names))
    with quiet(), refusals_of_the_disk():
        tf.saved_model.save(module, str(path), signatures={SIGNATURE: module.classify})


@contextmanager
def refusals_of_the_disk() -> Iterator[None]:
    """Raise what TensorFlow says of a disk as Python does.

    Raises
    ------
    OSError
    """
    try:
        yield
    except tf.errors.OpError as error:
        code = next((one for one in REFUSALS if os.strerror(one) in error.message), None)
        if code is None:
            raise
        raise OSError(code, os.strerror(code)) from error


def load(path: Path) -> Runner:
    """Load the folder and return what calls its signature."""
    with quiet():
        module = tf.saved_model.load(str(path))
    function = module.signatures[SIGNATURE]
    (name,) = function.structured_input_signature[1]

    def run(inputs: Inputs) -> Answers:
        said = function(**{name: tf.constant(inputs)})
        return Answers(said["probabilities"].numpy(), said["label"].numpy())

    return run


FORMAT = Format(write, load, mark=MARK)
