"""What a model says of images that it has not seen: one answer each, as they come."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from imlogit.arrays import Pixels
from imlogit.data.images.decode import BadImageError, decode_image, fitted
from imlogit.data.images.mnist_digit import prepare_digit
from imlogit.data.progress import Progress
from imlogit.data.reading import Reading
from imlogit.errors import DataError, ParameterError
from imlogit.features.step import NoFeaturesError
from imlogit.model.fields import SavedModel
from imlogit.model.fingerprints import Fingerprints
from imlogit.model.head import BLOCK_ROWS, Answers, Head, head_of
from imlogit.model.inputs import Input, inputs
from imlogit.model.persist import open_model

if TYPE_CHECKING:
    from PIL.Image import Image

    from imlogit.estimators.logistic import LogisticRegression

PREPARATIONS = {"digit": prepare_digit}
DIGITS = "0123456789"
DIGIT_SHAPES = ((28, 28), (28, 28, 1))
# What is said where images do not fit a model that may be of digits.
DIGIT_WAY = "prepare='digit' makes of a photo of a digit what MNIST's images are"
CHANNELS = {(): "L", (1,): "L", (3,): "RGB"}


@dataclass(frozen=True)
class Answer:
    """What a model says of one image.

    Attributes
    ----------
    where : str
        The file, or the row of the source.
    label : str or None
        None where the image could not be read.
    probabilities : tuple of float
        Of the classes, in the model's order.
    probability : float or None
        Of the label.
    truth : str or None
        What the image is, where its folder or its source says so in the model's own words.
    problem : str
        Why there is no answer; empty where there is one.
    seen : bool or None
        Whether the model was fitted on this very image; None where that is not known.
    """

    where: str
    label: str | None = None
    probabilities: tuple[float, ...] = ()
    probability: float | None = None
    truth: str | None = None
    problem: str = ""
    seen: bool | None = None

    @property
    def right(self) -> bool | None:
        """Whether the label is the truth; None where either is not known."""
        if self.label is None or self.truth is None:
            return None
        return self.label == self.truth

    def to_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Return plain texts and numbers."""
        return {
            "image": self.where,
            "label": self.label,
            "probability": self.probability,
            "probabilities": dict(zip(names, self.probabilities, strict=bool(self.probabilities))),
            "truth": self.truth,
            "right": self.right,
            "problem": self.problem or None,
            "seen": self.seen,
        }


def predict(
    model: LogisticRegression | SavedModel | str | os.PathLike[str],
    files: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    resize: bool = False,
    prepare: str | None = None,
    backbone: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    **reading: Any,
) -> list[Answer]:
    """Say what a model sees in images.

    Parameters
    ----------
    model : LogisticRegression, SavedModel or path-like
        A fitted model, its file, or the folder of a run.
    files : path-like, or sequence of them
        Image files, folders of them, and any source as `imlogit.load` takes it.
    resize : bool, default=False
        Bring images to the model's size, also where those of the fit had it already.
    prepare : {"digit"}, optional
        "digit": invert, crop, fit and centre each image, as MNIST's were.
    backbone : path-like, optional
        The network whose output the model takes, where it does not lie beside the model.
    progress : callable, optional
        As in `imlogit.load`.
    **reading
        How images are read, as in `imlogit.load`.

    Returns
    -------
    list of Answer
        One for each image, in order; what cannot be read has its ``problem``.

    Raises
    ------
    DataError
        For a model that does not take images of uint8 pixels, grey or RGB.
    ModelFileError
        For a model that cannot be read.
    """
    names = [files] if isinstance(files, (str, os.PathLike)) else files
    content = open_model(model, backbone)
    predictor = Predictor(content, Reading(**reading), resize=resize, prepare=prepare)
    found = inputs([os.fspath(name) for name in names], predictor.reading, progress)
    return list(predictor.answers(found))


def reading_for(model: SavedModel, reading: Reading) -> Reading:
    """Return how images are read so that they become what those of the fit became.

    Where the model knows no way to its size, or another size is asked for, that is as it is asked.
    """
    if model.fit is None or model.image_shape is None or reading.size is not None:
        return reading
    height, width, *channels = model.image_shape
    return replace(reading, size=(height, width), fit=model.fit, grey=reading.grey or not channels)


class Predictor:
    """A model that answers images of any make, brought to the shape that it takes.

    Parameters
    ----------
    model : SavedModel
    reading : Reading
        Its limits.
    resize : bool, default=False
        Bring images of another size to the model's, also where those of its fit had it already.
    prepare : {"digit"}, optional
        How images are prepared before.

    Attributes
    ----------
    reading : Reading
        How images are to be read for this model.

    Raises
    ------
    DataError
        For a model that does not take images of uint8 pixels, grey or RGB, and an unknown
        preparation.
    """

    def __init__(
        self,
        model: SavedModel,
        reading: Reading | None = None,
        *,
        resize: bool = False,
        prepare: str | None = None,
    ) -> None:
        check_takes_pixels(model)
        self.head: Head = head_of(model)
        self.mode = _mode_of(self.head.shape)
        self._codes_by_label = model.codes_by_label
        self._fitted_on = Fingerprints(model.fingerprints)
        self.reading = reading_for(model, reading or Reading())
        self._resize = resize or model.fit is not None
        if prepare is not None and prepare not in PREPARATIONS:
            raise ParameterError(
                f"prepare={prepare!r}: give one of {', '.join(PREPARATIONS)}.", parameter="prepare"
            )
        self._prepare = PREPARATIONS.get(prepare or "")
        self._ways = "resize=True brings it to that size"
        if may_be_of_digits(model):
            self._ways = f"{DIGIT_WAY}, and {self._ways} as it is"

    def answers(self, found: Iterable[Input]) -> Iterator[Answer]:
        """Yield an answer for each image, in order, some of them at a time."""
        items = iter(found)
        while batch := list(islice(items, BLOCK_ROWS)):
            yield from self._answer(batch)

    def pixels(self, found: Input) -> Pixels:
        """Return an image as the model takes it, shape (h, w) or (h, w, c).

        Raises
        ------
        BadImageError
            If it cannot be; says why.
        """
        if found.content is None:
            raise BadImageError(found.problem)
        shape = self.head.shape
        if isinstance(found.content, np.ndarray):
            if found.content.shape == shape and self._prepare is None:
                return found.content
            image = _as_image(found.content)
        else:
            image = decode_image(found.content, self.reading)
        if self._prepare is not None:
            image = _as_image(_prepared(self._prepare, image))
        size = shape[0], shape[1]
        if image.size != size[::-1] and not self._resize:
            raise BadImageError(
                f"{image.size[1]} x {image.size[0]} pixels, and the model takes {size[0]} x "
                f"{size[1]} ({self._ways})"
            )
        image = fitted(image.convert(self.mode), size, grey=False, fit=self.reading.fit)
        pixels = np.asarray(image)
        return pixels.reshape(shape)

    def truth(self, found: Input) -> str | None:
        """Return what an image is, in the model's words, if its folder or source says so."""
        code = self._codes_by_label.get(found.label or "")
        return None if code is None else self.head.class_names[code]

    def _answer(self, batch: Sequence[Input]) -> list[Answer]:
        pixels: list[Pixels] = []
        problems: list[str] = []
        for one in batch:
            try:
                pixels.append(self.pixels(one))
                problems.append("")
            except BadImageError as error:
                problems.append(str(error))
        said = self._said(pixels, problems)
        seen = self._fitted_on.have(pixels)
        answers: list[Answer] = []
        row = 0
        for one, problem in zip(batch, problems, strict=True):
            if problem or said is None:
                answers.append(Answer(one.where, truth=self.truth(one), problem=problem))
                continue
            p, label = said.probabilities[row].tolist(), int(said.labels[row])
            name, truth = self.head.class_names[label], self.truth(one)
            answers.append(Answer(one.where, name, tuple(p), p[label], truth, seen=seen[row]))
            row += 1
        return answers

    def _said(self, pixels: list[Pixels], problems: list[str]) -> Answers | None:
        """Return what is said of images; one without features is taken out, with its problem."""
        while pixels:
            try:
                return self.head.answer(np.stack(pixels))
            except NoFeaturesError as error:
                good = [place for place, problem in enumerate(problems) if not problem]
                problems[good[error.row]] = error.what
                del pixels[error.row]
        return None


def may_be_of_digits(model: SavedModel) -> bool:
    """Whether a model's classes and images are like those of MNIST, as far as its file says."""
    names = model.names if model.against_rest is None else (model.against_rest,)
    is_small = model.image_shape in DIGIT_SHAPES
    return is_small and all(len(name) == 1 and name in DIGITS for name in names)


def check_takes_pixels(model: SavedModel) -> None:
    """Refuse a model that was not fitted on images of uint8 pixels.

    Raises
    ------
    DataError
    """
    if model.multi_label:
        raise DataError(
            f"The model gives each image any number of {len(model.classes)} labels, not one class: "
            "load it with imlogit.load_model, whose predict and predict_proba give them."
        )
    if model.image_shape is None or len(model.image_shape) < 2:
        raise DataError(
            f"The model takes rows of {model.coef.shape[1]:,} numbers, not images: fit one on "
            "images of shape (n, h, w) or (n, h, w, 3)."
        )
    if model.fitted_dtype != "uint8":
        raise DataError(
            f"The model was fitted on {model.fitted_dtype}, and how pixels became those numbers "
            "it does not know: fit one on uint8 pixels."
        )


def _mode_of(shape: tuple[int, ...]) -> str:
    """Return the mode of Pillow's that the model's images have."""
    if shape[2:] not in CHANNELS:
        raise DataError(f"The model takes images of {shape[2]} channels, and files have 1 or 3.")
    return CHANNELS[shape[2:]]


def _as_image(pixels: Pixels) -> Image:
    from PIL import Image

    if pixels.ndim == 3 and pixels.shape[2] not in (1, 3):
        raise BadImageError(f"{pixels.shape[2]} channels, neither grey nor colour")
    return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)


def _prepared(prepare: Any, image: Image) -> Pixels:
    try:
        pixels: Pixels = prepare(image)
    except DataError as error:
        raise BadImageError(str(error).rstrip(".")) from None
    return pixels
