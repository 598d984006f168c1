"""What a classifier tells apart: what was asked for, or what the labels suggest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imlogit.arrays import Labels
from imlogit.data.image_set import ImageSet
from imlogit.data.readers.mnist_rows import DIGITS
from imlogit.errors import DataError
from imlogit.system.text import nearest


@dataclass(frozen=True)
class Target:
    """What the classifier tells apart.

    Attributes
    ----------
    positive : str or None
        The label looked for; None for every class.
    names : tuple of str
        What the classes are called, in the order of the model's classes.
    statement : str
        What was chosen, and why.
    """

    positive: str | None
    names: tuple[str, ...]
    statement: str

    def codes(self, image_set: ImageSet) -> Labels:
        """Return each image's class, as its place in ``names``, shape (n,)."""
        if self.positive is not None:
            return (image_set.labels == image_set.class_names.index(self.positive)).astype(np.intp)
        places = {name: place for place, name in enumerate(self.names)}
        return np.array([places.get(name, -1) for name in image_set.class_names])[image_set.labels]


def choose_target(
    image_set: ImageSet, positive: str | None = None, *, every_class: bool = False
) -> Target:
    """Choose what to tell apart: what was asked for, or what the labels suggest.

    Without a wish: of what is known to be digits, "2" against the rest; of two classes, the second;
    else every class, also where ten classes happen to be called 0 to 9.
    """
    names = image_set.class_names
    occurring = tuple(names[code] for code in np.unique(image_set.labels[: image_set.n_train]))
    if every_class:
        return Target(None, occurring, f"every one of {len(names)} classes, as asked")
    if positive is not None:
        return _against_rest(_known_label(names, positive), names, "as asked")
    if image_set.of_digits and names == DIGITS:
        return _against_rest("2", names, "the default for digits")
    if len(names) == 2:
        return _against_rest(names[1], names, "the second of two classes")
    return Target(None, occurring, f"every one of {len(names)} classes, the default")


def _against_rest(positive: str, names: Sequence[str], why: str) -> Target:
    others = [name for name in names if name != positive]
    rest = others[0] if len(others) == 1 else f"not {positive}"
    return Target(positive, (rest, positive), f"{positive!r} against {rest!r}, {why}")


def _known_label(names: Sequence[str], positive: str) -> str:
    if positive in names:
        return positive
    raise DataError(
        f"No image has the label {positive!r}.{nearest(positive, names)} The labels are: "
        f"{', '.join(names)}.",
        parameter="positive",
    )
