"""A finished run, looked at again: doubtful labels, evidence, telling images, two runs compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.data.image_set import ImageSet
from imlogit.data.images.decode import BadImageError
from imlogit.errors import DataError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.evaluate.comparison import Comparison, compare_models
from imlogit.evaluate.doubts import find_doubts
from imlogit.evaluate.evidence import Evidence, Exemplars, exemplars, explain_image
from imlogit.evaluate.scores import TEST
from imlogit.model.fields import SavedModel
from imlogit.model.inputs import Input
from imlogit.model.persist import from_file
from imlogit.model.predict import Predictor
from imlogit.runs.record import Record


@dataclass(frozen=True)
class Doubt:
    """One label, by what models said that did not see it.

    Attributes
    ----------
    row : int
        Of the image, in the source.
    given, likely : str
        The label's class, and the most probable other one.
    confidence : float
        The given class's probability, by which labels are ranked.
    margin : float
        That less the likely class's.
    wrong : bool
        Whether confident learning counts the label as wrong.
    """

    row: int
    given: str
    likely: str
    confidence: float
    margin: float
    wrong: bool


def doubts_of(record: Record) -> tuple[Doubt, ...]:
    """Rank the labels of a run's training images, the most doubtful first.

    Raises
    ------
    DataError
        For a run that held no image out.
    """
    kept = record.predictions
    try:
        found = find_doubts(kept.train_codes, kept.train_probabilities)
    except ValueError as error:
        raise DataError(f"{record.folder}: {error}.") from None
    names = record.names
    return tuple(
        Doubt(int(row), names[given], names[likely], float(own), float(margin), bool(wrong))
        for row, given, likely, own, margin, wrong in zip(
            kept.train_rows[found.rows], *found[1:], strict=True
        )
    )


def as_csv(doubts: tuple[Doubt, ...]) -> str:
    """Return doubts as CSV, in their order."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Doubt.__annotations__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, doubts))
    return text.getvalue()


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model says what it says of one image.

    Attributes
    ----------
    where : str
        Which image it is, such as "Test row 7", or a file.
    label : str or None
        What it is, where that is known.
    predicted : str
    probabilities : ndarray of float64, shape (n_classes,)
    names : tuple of str
        What the classes are called.
    image : ndarray of uint8
    evidence : Evidence
    number, row : int or None
        Of the image in a run's test part, and in its source.
    """

    where: str
    label: str | None
    predicted: str
    probabilities: Floats
    names: tuple[str, ...]
    image: NDArray[np.uint8]
    evidence: Evidence
    number: int | None = None
    row: int | None = None

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
            "pixels": evidence.pixels.tolist(),
            "intercept": evidence.intercept,
            "margin": evidence.margin,
        }


def explain_row(record: Record, images: ImageSet, number: int) -> Explanation:
    """Explain what the model says of one image of a run's test part.

    Raises
    ------
    DataError
        For a number that the test part does not have.
    """
    kept, names = record.predictions, record.names
    if not 0 <= number < len(kept.test_rows):
        raise DataError(
            f"--row {number}: the test part has {len(kept.test_rows):,} images; give a number from "
            f"0 to {len(kept.test_rows) - 1}."
        )
    row = int(kept.test_rows[number])
    found = _explained(
        f"Test row {number}",
        names[kept.test_codes[number]],
        record.model,
        names,
        images.images[row],
    )
    return replace(found, number=number, row=row)


def explain_inputs(
    content: SavedModel, found: Iterable[Input], predictor: Predictor
) -> Iterator[Explanation]:
    """Explain what a model says of images that a person has.

    Parameters
    ----------
    content : SavedModel
    found : iterable of Input
    predictor : Predictor
        Of the same model: it brings images to its shape.

    Raises
    ------
    DataError
        For an image that cannot be read, or not brought to the model's shape; names it.
    """
    model = from_file(content)
    for one in found:
        try:
            pixels = predictor.pixels(one)
        except BadImageError as error:
            raise DataError(f"{one.where}: {error}.") from None
        yield _explained(one.where, predictor.truth(one), model, content.names, pixels)


def _explained(
    where: str,
    label: str | None,
    model: LogisticRegression,
    names: tuple[str, ...],
    image: NDArray[np.uint8],
) -> Explanation:
    (predicted,) = np.searchsorted(model.classes_, model.predict(image[None]))
    return Explanation(
        where,
        label,
        names[predicted],
        model.predict_proba(image[None])[0],
        names,
        image,
        explain_image(model, image),
    )


def exemplars_of(record: Record) -> dict[str, Exemplars]:
    """Return the telling images of each class, as numbers of the test part, by class name."""
    kept = record.predictions
    return {
        name: exemplars(kept.test_codes, kept.test_probabilities, code, threshold=record.threshold)
        for code, name in enumerate(record.names)
    }


def compare_runs(first: Record, second: Record) -> Comparison:
    """Compare two runs on the test images that both have.

    Raises
    ------
    DataError
        For runs over other images, other classes, or without a test image in common.
    """
    where = f"{first.folder} and {second.folder}"
    if first.metrics["data"]["sha256"] != second.metrics["data"]["sha256"]:
        raise DataError(f"{where} are runs over different images: there is nothing to compare.")
    if first.names != second.names:
        raise DataError(
            f"{where} tell different classes apart: {', '.join(first.names)} and "
            f"{', '.join(second.names)}."
        )
    a, b = first.predictions, second.predictions
    _, in_a, in_b = np.intersect1d(a.test_rows, b.test_rows, return_indices=True)
    if not in_a.size:
        raise DataError(f"{where} have no test image in common: make both with one --seed.")
    codes = a.test_codes[in_a]
    if not np.array_equal(codes, b.test_codes[in_b]):
        raise DataError(f"{where} have different labels for the same images.")
    return compare_models(
        codes,
        a.test_probabilities[in_a],
        b.test_probabilities[in_b],
        (first.threshold, second.threshold),
        TEST,
    )
