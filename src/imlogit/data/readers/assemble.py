"""Images with the names of their classes -> ImageSet: what every source that is read ends with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from imlogit.arrays import Labels, Pixels
from imlogit.data.image_set import ImageSet
from imlogit.data.problems import BadItem
from imlogit.data.remarks import remark
from imlogit.errors import DataError
from imlogit.system.text import by, first_of, printable

# Not so long that Python refuses to make an integer of it.
WHOLE = re.compile("-?[0-9]{1,999}")

T = TypeVar("T")


class Named(NamedTuple):
    """Some images (n, h, w) or (n, h, w, c), for each the name of its class, and its own."""

    images: Pixels
    classes: Sequence[str]
    names: Sequence[str] = ()


def assemble(
    train: Named,
    test: Named | None,
    *,
    name: str,
    origin: str,
    class_names: Sequence[str] | None = None,
    skipped: Sequence[BadItem] = (),
    validation: Named | None = None,
    fit: str | None = None,
) -> ImageSet:
    """Make an ImageSet of a training part and, where they are, a validation and a test part.

    A validation part without a test part is the test part, which is said.

    Parameters
    ----------
    train, test : Named
    name, origin, fit : str
        As in `ImageSet`.
    class_names : sequence of str, optional
        All classes in their order; by default those that occur, in `ordered` order.
    skipped : sequence of BadItem
        What was passed over.
    validation : Named, optional

    Raises
    ------
    DataError
        For parts of different image shapes, no training image, classes that the training part
        lacks, and names that cannot be written.
    """
    if not len(train.images):
        raise DataError(f"{name}: there is no training image.")
    validation, test = (
        part if part is not None and len(part.images) else None for part in (validation, test)
    )
    validation, test = with_test(name, validation, test)
    others = [part for part in (validation, test) if part is not None]
    parts = [train, *others]
    shapes = [part.images.shape[1:] for part in parts]
    if len(set(shapes)) > 1:
        sizes = " and ".join(by(shape) for shape in shapes)
        raise DataError(
            f"{name}: images of different parts differ in size, {sizes}. Bring all to one size "
            "with size=(h, w).",
            parameter="size",
        )
    names = names_of_classes(name, [part.classes for part in parts], class_names)
    return ImageSet(
        images=train.images if len(parts) == 1 else np.concatenate([p.images for p in parts]),
        labels=np.concatenate([codes_of(part.classes, names) for part in parts]),
        class_names=names,
        n_train=len(train.images),
        name=name,
        origin=origin,
        skipped=tuple(skipped),
        names=[one for part in parts for one in part.names],
        n_validation=0 if validation is None else len(validation.images),
        fit=fit,
    )


def ordered(classes: Iterable[str]) -> list[str]:
    """Return the different names in order: 2 before 10 where all are whole numbers."""
    different = set(classes)
    if all(map(WHOLE.fullmatch, different)):
        return sorted(different, key=lambda name: (int(name), name))
    return sorted(different)


def with_test(name: str, validation: T | None, test: T | None) -> tuple[T | None, T | None]:
    """Return the validation and the test part; where there is one of them it is the test part."""
    if validation is None or test is not None:
        return validation, test
    remark(f"{name}: the validation part is the test part, as there is no other")
    return None, validation


def names_of_classes(
    source: str, parts: Sequence[Sequence[str]], class_names: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Return all classes in their order, those of the training part, which comes first.

    Raises
    ------
    DataError
        For classes that the training part lacks, and names that cannot be written.
    """
    names = tuple(ordered(parts[0]) if class_names is None else class_names)
    _check_names(source, names)
    _check_known(source, parts, names)
    return names


def codes_of(classes: Sequence[str], names: tuple[str, ...]) -> Labels:
    """Return the place of each class among the names."""
    place = {name: code for code, name in enumerate(names)}
    return np.fromiter((place[name] for name in classes), np.intp, len(classes))


def _check_names(source: str, names: tuple[str, ...]) -> None:
    for name in names:
        if not name or not name.isprintable():
            raise DataError(
                f"{source}: the class '{printable(name)}' has no name that can be printed. Rename "
                "it."
            )


def _check_known(source: str, parts: Sequence[Sequence[str]], names: tuple[str, ...]) -> None:
    every = {name for part in parts for name in part}
    unknown = ordered(every - set(names)) or ordered(every - set(parts[0]))
    if unknown:
        raise DataError(
            f"{source}: another part has classes that the training part lacks: "
            f"{first_of(unknown)}. Leave these images out."
        )
