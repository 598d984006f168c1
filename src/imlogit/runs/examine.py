"""A finished run, looked at again: evidence, telling images, two runs compared."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from imlogit.arrays import Floats, Pixels
from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode import BadImageError
from imlogit.data.progress import Progress
from imlogit.data.reading import Reading
from imlogit.errors import DataError, ParameterError
from imlogit.evaluation.comparison import Comparison, compare_probabilities
from imlogit.evaluation.evidence import Evidence, Exemplars, evidence_of, exemplars
from imlogit.evaluation.label_comparison import LabelComparison, compare_label_probabilities
from imlogit.evaluation.scores import TEST
from imlogit.model.fields import SavedModel
from imlogit.model.head import Head, head_of, white_of
from imlogit.model.inputs import Input, inputs
from imlogit.model.persist import open_model
from imlogit.model.predict import Predictor
from imlogit.runs.matching import common_test_images
from imlogit.runs.record import Record, open_record
from imlogit.system.summarized import Summarized
from imlogit.system.text import first_of

# What the pixels of an explanation are: parts that add up to the margin, or what is lost without.
TERMS, OCCLUSION = "terms", "occlusion"
# Probabilities that are further apart differ for another reason than the order of sums.
BY_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Summarized):
    """Why a model says what it says of one image.

    Attributes
    ----------
    where : str
        Which image it is, such as "Test row 7" or "Test row 7 (cat/3.png)", or a file.
    label : str or None
        What it is, where that is known.
    predicted : str
    probabilities : ndarray of float64, shape (n_classes,)
    names : tuple of str
        What the classes are called.
    image : ndarray of uint8
    evidence : Evidence
    number : int
        The row of a run's image in its source, or the number of one among those that were given.
    row : int or None
        Of a run's image in its source.
    white : float
        The pixel that is white to the model.
    """

    where: str
    label: str | None
    predicted: str
    probabilities: Floats
    names: tuple[str, ...]
    image: Pixels
    evidence: Evidence
    number: int
    row: int | None = None
    white: float = 255

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, texts and numbers."""
        evidence = self.evidence
        return {
            "image": self.where,
            "number": self.number,
            "row": self.row,
            "label": self.label,
            "predicted": self.predicted,
            "probabilities": dict(zip(self.names, self.probabilities.tolist(), strict=True)),
            "toward": self.names[evidence.toward],
            "against": self.names[evidence.against],
            "how": OCCLUSION if evidence.by_occlusion else TERMS,
            "pixels": evidence.pixels.tolist(),
            "intercept": evidence.intercept,
            "margin": evidence.margin,
        }

    def _summary(self) -> dict[str, str]:
        return {
            "image": self.where,
            "prediction": self.predicted,
            "probability": f"{self.probabilities[self.names.index(self.predicted)]:.4f}",
        }


def explain(
    run: Record | SavedModel | str | os.PathLike[str],
    files: Sequence[str | os.PathLike[str]] = (),
    *,
    row: int | None = None,
    source: str | None = None,
    resize: bool = False,
    prepare: str | None = None,
    backbone: str | os.PathLike[str] | None = None,
    most: int | None = None,
    progress: Progress | None = None,
    **reading: Any,
) -> list[Explanation]:
    """Say why a model says what it says, pixel by pixel.

    Parameters
    ----------
    run : Record, SavedModel or path-like
        The folder of a finished run or, for `files`, any model.
    files : sequence of path-like
        Images to explain, as `imlogit.predict` takes them, instead of the run's.
    row : int, optional
        The row of an image of the run in its source, as `check` and `doubts` give it; of `files`
        the number.
    source : str, optional
        Where the run's images are now, if elsewhere.
    resize, prepare, **reading
        As in `imlogit.predict`, for `files`.
    backbone : path-like, optional
        As in `imlogit.predict`.
    most : int, optional
        More images are an error.
    progress : callable, optional
        As in `imlogit.load`.

    Raises
    ------
    DataError
        For a number that there is not, and an image that cannot be read or does not fit.
    ParameterError
        For neither `files` nor `row`, and for what does not go with them.
    """
    how = Reading(**reading)
    if files:
        if source is not None:
            raise ParameterError("source=... is for a run's own images.", parameter="source")
        model = open_model(run.model if isinstance(run, Record) else run, backbone)
        predictor = Predictor(model, how, resize=resize, prepare=prepare)
        first, last = (0, None if most is None else most + 1) if row is None else (row, row + 1)
        found = list(
            islice(
                inputs([os.fspath(name) for name in files], predictor.reading, progress),
                first,
                last,
            )
        )
        if not found:
            raise DataError(f"row={row}: there are not so many images.", parameter="row")
        if most is not None and len(found) > most:
            raise DataError(
                f"These are more than {most} images: choose one with row=...", parameter="row"
            )
        return list(explain_inputs(found, predictor, first))
    refuse_unused(how, resize=resize, prepare=prepare)
    if row is None or isinstance(run, SavedModel):
        raise ParameterError(
            "Give images, or a run and the row of one of its images as row=...", parameter="row"
        )
    record = open_record(run)
    if backbone is not None:
        record = replace(record, model=open_model(record.model, backbone))
    return [explain_row(record, record.images(source, progress=progress), row)]


def refuse_unused(reading: Reading, *, resize: bool, prepare: str | None) -> None:
    """Refuse to read a run's own images in another way than it did.

    Raises
    ------
    ParameterError
    """
    given = [*reading.chosen(), *(["resize"] if resize else []), *(["prepare"] if prepare else [])]
    if given:
        raise ParameterError(
            f"{given[0]}=... is for images that are given; a run's own are read as it read them.",
            parameter=given[0],
        )


def explain_row(record: Record, images: ImageSet, row: int) -> Explanation:
    """Explain what the model says of one image of a run, by its row in the source.

    Raises
    ------
    DataError
        For a row that is of no part of the run.
    """
    kept = record.predictions
    parts = (
        ("Test", kept.test_rows, kept.test_codes),
        ("Training", kept.train_rows, kept.train_codes),
    )
    for part, rows, codes in parts:
        for place in np.flatnonzero(rows == row)[:1]:
            where = f"{part} row {row}" + (f" ({images.names[row]})" if len(images.names) else "")
            label = record.names[codes[place]]
            return _explained(where, label, head_of(record.model), images.images[row], row, row)
    raise DataError(
        f"row={row}: no image of the run has this row in the source; test images are such as "
        f"{first_of([str(one) for one in kept.test_rows.tolist()])}.",
        parameter="row",
    )


def explain_inputs(
    found: Iterable[Input], predictor: Predictor, first: int = 0
) -> Iterator[Explanation]:
    """Explain what a model says of images that a person has.

    Parameters
    ----------
    found : iterable of Input
    predictor : Predictor
        It brings images to the model's shape.
    first : int
        The number of the first image.

    Raises
    ------
    DataError
        For an image that cannot be read, or not brought to the model's shape; names it.
    """
    for number, one in enumerate(found, first):
        try:
            pixels = predictor.pixels(one)
        except BadImageError as error:
            raise DataError(f"{one.where}: {error}.") from None
        yield _explained(one.where, predictor.truth(one), predictor.head, pixels, number)


def _explained(
    where: str, label: str | None, head: Head, image: Pixels, number: int, row: int | None = None
) -> Explanation:
    (p,), (code,) = head.answer(image[None])
    names, evidence = head.class_names, evidence_of(head, image, p)
    white = white_of(head.scale)
    return Explanation(where, label, names[code], p, names, image, evidence, number, row, white)


def exemplars_of(record: Record) -> dict[str, Exemplars]:
    """Return the telling test images of each class, as rows of the source, by class name."""
    kept, threshold = record.predictions, record.model.threshold
    found = {
        name: exemplars(kept.test_codes, kept.test_probabilities, code, threshold=threshold)
        for code, name in enumerate(record.names)
    }
    return {
        name: Exemplars(*(kept.test_rows[places] for places in one)) for name, one in found.items()
    }


def compare(
    first: Record | str | os.PathLike[str], second: Record | str | os.PathLike[str]
) -> Comparison | LabelComparison:
    """Compare two runs on the test images that both have.

    The runs may have read one source in different ways, at two sizes or in grey and in colour:
    then images are matched by the names of their files, or else by their rows in the source, whose
    labels must be the same. ``Comparison.matched`` says which.

    Parameters
    ----------
    first, second : Record or path-like
        Folders of finished runs.

    Raises
    ------
    DataError
        For runs over other images, other classes, or without a test image in common.
    """
    first, second = open_record(first), open_record(second)
    if first.facts.multi_label != second.facts.multi_label:
        raise DataError(
            f"{first.folder} and {second.folder} differ in kind: the rows of one have any number "
            "of labels, those of the other one class."
        )
    if first.names != second.names:
        raise DataError(
            f"{first.folder} and {second.folder} tell different classes apart: "
            f"{', '.join(first.names)} and {', '.join(second.names)}."
        )
    matched, in_first, in_second = common_test_images(first, second)
    said = (
        first.predictions.test_probabilities[in_first],
        second.predictions.test_probabilities[in_second],
    )
    codes = first.predictions.test_codes[in_first]
    found: Comparison | LabelComparison
    if first.facts.multi_label:
        found = compare_label_probabilities(first.names, codes, *said, TEST)
    else:
        thresholds = first.model.threshold, second.model.threshold
        found = compare_probabilities(codes, *said, thresholds, TEST)
    note = _machine_note(first, second, float(np.abs(said[0] - said[1]).max()))
    return replace(found, matched=matched, note=note)


def _machine_note(first: Record, second: Record, apart: float) -> str:
    """Say where two runs of one command differ for no other reason than their machines."""
    facts = first.facts, second.facts
    same_images = facts[0].data_sha256 == facts[1].data_sha256
    same_command = first.command == second.command != ""
    known = all(one.versions and one.machine for one in facts)
    same = same_images and same_command and known and facts[0].versions == facts[1].versions
    if not same or not 0 < apart < BY_ROUNDING or facts[0].machine == facts[1].machine:
        return ""
    machines = [", ".join(one.machine.values()) for one in facts]
    return (
        f"Both are runs of one command by the same versions, on two kinds of machine "
        f"({machines[0]}; {machines[1]}): these add up in another order, and probabilities differ "
        f"by up to {apart:.1e} for that reason only."
    )
