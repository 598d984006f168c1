"""The proof of an export: the written file is run, and must say what the model says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.core.links import INDEPENDENT
from imlogit.errors import ExportError
from imlogit.export.formats import Runner
from imlogit.model.head import Answers, Head

N_TRIALS = 256
# Margins that trial inputs are moved to: probabilities of two classes from 0.0003 to 0.9997.
MOST_MARGIN = 8.0
# Rows of softmax weights add up to zero: directions this much shorter than the longest are none.
SMALL = 1e-4
# Halves of the way between two images, and inputs that a file is run on together.
BISECTIONS, TOGETHER = 6, 32


def trial_inputs(head: Head, n: int = N_TRIALS, seed: int = 0) -> NDArray[np.generic]:
    """Draw inputs whose probabilities spread from near 0 to near 1.

    Noise alone is far on one side of most models' boundaries, where every probability is 0 or 1
    and any mistake goes unseen. So each noise image is moved, by the shortest way, to where its
    margins are what was drawn for it. Where features are made of images, pictures of blots and
    noise are mixed instead, by pairs of other answers, to where the answer changes.

    Parameters
    ----------
    head : Head
    n, seed : int

    Returns
    -------
    ndarray of uint8 or float32, shape (n, *head.shape)
    """
    rng = np.random.default_rng(seed)
    if head.features is not None:
        some = [min(TOGETHER, n - start) for start in range(0, n, TOGETHER)]
        return np.concatenate([_near_others(head, count, rng) for count in some])
    pixels = head.dtype == "uint8"
    size = n, head.n_features
    values = rng.uniform(0, 255, size) if pixels else rng.normal(size=size)
    weights = head.weights * head.scale
    wanted = rng.uniform(-MOST_MARGIN, MOST_MARGIN, (n, len(weights)))
    steps = (wanted - head.intercept - values @ weights.T) @ np.linalg.pinv(weights, SMALL).T
    moved = (values + steps).reshape(n, *head.shape)
    return np.clip(moved, 0, 255).round().astype(np.uint8) if pixels else moved.astype(np.float32)


def _pictures(shape: tuple[int, ...], n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return pictures of coarse and fine blots, on grounds from dark to bright."""
    found = np.zeros((n, *shape))
    rows, columns = (np.arange(side) for side in shape[:2])
    for k, picture in enumerate(found):
        side = int(2 ** rng.integers(0, 4))
        coarse = rng.uniform(-1, 1, (len(rows) // side + 1, len(columns) // side + 1, *shape[2:]))
        drawn = coarse[rows[:, None] // side, columns // side]
        ground = 0.3 + 0.7 * (k % 2)
        picture[:] = 255 * np.clip(drawn * 2 + rng.uniform(-1, 1) * ground, 0, 1)
    return found.round().astype(np.uint8)


def _near_others(head: Head, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return mixtures of pairs of pictures, each drawn to where the answer changes, if it does."""
    images, others = (_pictures(head.shape, n, rng) for _ in range(2))
    ends = images.astype(float), others.astype(float)
    column = (len(images),) + (1,) * (images.ndim - 1)
    low, high = np.zeros(column), np.ones(column)
    first = head.answer(images).labels.reshape(column)

    def mixed(part: Floats) -> NDArray[np.uint8]:
        return np.asarray((ends[0] + (ends[1] - ends[0]) * part).round().astype(np.uint8))

    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        same = head.answer(mixed(middle)).labels.reshape(column) == first
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return mixed(high)


def run_in_turns(run: Runner, inputs: NDArray[np.generic]) -> Answers:
    """Return what a file says of inputs, of some at a time: features take room."""
    said = [run(inputs[start : start + TOGETHER]) for start in range(0, len(inputs), TOGETHER)]
    return Answers(*map(np.concatenate, zip(*said, strict=True)))


def difference(head: Head, said: Answers, expected: Answers, tolerance: float, what: str) -> float:
    """Return the largest difference between probabilities, and refuse too large ones.

    Raises
    ------
    ExportError
        Where a probability differs by more than the tolerance, or a label is another one that
        rounding cannot explain.
    """
    shapes = said.probabilities.shape, said.labels.shape
    if shapes != (expected.probabilities.shape, expected.labels.shape):
        raise ExportError(f"{what} gives probabilities and labels of the shapes {shapes}.")
    apart = np.abs(said.probabilities - expected.probabilities).max(initial=0)
    if not apart <= tolerance:
        raise ExportError(
            f"{what} gives probabilities that differ from the model's by up to {apart:.1e}, over "
            f"the {tolerance:.0e} that is allowed: {_why_apart(head)}"
        )
    sure = _distance(head, expected) > 2 * tolerance
    if (said.labels != expected.labels)[sure].any():
        raise ExportError(f"{what} gives other labels than the model. Nothing is written.")
    return float(apart)


def _why_apart(head: Head) -> str:
    if head.features is not None and head.features.backbone is not None:
        return (
            "the backbone rounds otherwise in batches of another size, or what it says of an image "
            "depends on others. Nothing is written. Fit again with a smaller C, or on a network "
            "in float32."
        )
    return (
        "the numbers of this model are too large for its float32. Nothing is written. Scale the "
        "features and fit again, or export to json or to onnx in float64."
    )


def _distance(head: Head, expected: Answers) -> Floats:
    """Return how far each label is from being another one, in probability."""
    if head.link == INDEPENDENT:
        return np.abs(expected.probabilities - 0.5)
    if head.threshold is not None:
        return np.abs(expected.probabilities[:, 1] - head.threshold)
    best = np.sort(expected.probabilities, axis=1)
    return best[:, -1] - best[:, -2]
