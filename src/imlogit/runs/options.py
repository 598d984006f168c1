"""What a run is asked for: each option once, with its help, its default and its bounds.

The command line, the signatures of the jobs and ``command.txt`` are made from these fields. Their
metadata are ``help``; ``argument``, where there is no flag; ``flag``, where it is not made of the
name; ``metavar``, what stands for a value; ``parse``, what makes the value of a text; ``join``,
what stands between the parts of one; ``min`` and ``max``.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from imlogit.data.images.shift import BY_ONE
from imlogit.data.reading import Reading, option_of
from imlogit.engines.cluster import engine_on
from imlogit.errors import ParameterError
from imlogit.runs.grid import grid_from, parse_cs
from imlogit.system.text import nearest, parse_bytes

if TYPE_CHECKING:
    from imlogit.data.image_set import ImageSet

Result = TypeVar("Result")
AUTO, PIXELS = "auto", "pixels"
BRIGHTEST = 255
# How far each copy of a training image is moved, down and across.
AUGMENTS = {"shifts": BY_ONE}
RULES = {
    "best": "the lowest mean log loss",
    "one-standard-error": "the smallest C within one standard error of the lowest mean log loss",
}


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """What is to be told apart, and how the test part is drawn.

    Raises
    ------
    ParameterError
        For a value out of range, and values that do not go together.
    """

    source: str = option_of(
        "mnist-5k",
        "The images: mnist-5k (inside the package), mnist, openml:NAME, a folder of class folders "
        "or IDX files, or a .csv, .npz, .npy or .parquet file.",
        argument=True,
    )
    reading: Reading = field(default=Reading())
    positive: str | None = option_of(
        None, "The label to tell from all others. Default: 2 of digits, else the second of two."
    )
    every_class: bool = option_of(False, "Tell every class from the others.", flag="all")
    test_size: float = option_of(
        0.2, "Share of the images kept for the test, if the source has none."
    )
    seed: int = option_of(0, "Seed of the split, the order and the folds.", min=0, max=2**32 - 1)
    pixel_max: int | None = option_of(
        None, "The pixel that is white, such as 16 or 1, where none is brighter. Default: 255."
    )

    def __post_init__(self) -> None:
        if self.positive is not None:
            object.__setattr__(self, "positive", str(self.positive))
        if self.positive is not None and self.every_class:
            raise ParameterError(
                "A positive label and all classes cannot both be asked for.",
                parameter="every_class",
            )
        white = self.pixel_max
        if white is not None and not (type(white) is int and 1 <= white <= BRIGHTEST):
            raise ParameterError(
                f"pixel_max={white!r}: give a whole number from 1 to {BRIGHTEST}.",
                parameter="pixel_max",
            )

    @property
    def pixel_scale(self) -> float | str:
        """What pixels are multiplied by: "auto" is 1/255."""
        return AUTO if self.pixel_max in (None, BRIGHTEST) else 1 / self.pixel_max


@dataclass(frozen=True, kw_only=True)
class RunOptions(TaskOptions):
    """What every run is asked for."""

    folds: int | None = option_of(
        None,
        "Folds of the cross-validation. Default: 10, or the training images of the smallest class; "
        "of a sweep a validation part, if there is one.",
    )
    engine: str = option_of(
        "auto", "What adds up over the images: auto, numba, tensorflow, dask or reference."
    )
    dask: str | None = option_of(
        None,
        "Fit on a Dask cluster: its scheduler's address, as tcp://HOST:8786; or local, which is "
        "one of this machine, as engine dask.",
        metavar="ADDRESS",
    )
    memory_limit: str | None = option_of(
        None, "What fits may hold beside the images, as in 2GB. Default: 512MB, or half the images."
    )
    class_weight: str | None = option_of(
        None,
        "How much an image of a class counts: balanced, for all classes alike, or NAME=WEIGHT,...; "
        "1 by default.",
    )
    features: str | Callable[..., Any] = option_of(
        "auto",
        "What to fit on: steps with + between, pixels, deskew, hog, patches or onnx:FILE, as in "
        "deskew+patches:filters=512. Default: patches for colour photographs, else pixels.",
        metavar="STEPS",
        parse=str,
    )
    augment: str | None = option_of(
        None,
        "Fit on copies of the training images, too, which no figure counts: shifts, four of each, "
        "by one pixel up, down, left and right.",
        metavar="shifts",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dask is not None:
            object.__setattr__(self, "engine", engine_on(self.dask, self.engine))
        if isinstance(self.features, str) and self.features != AUTO:
            from imlogit.features.chain import Chain  # loads compiled steps

            object.__setattr__(self, "features", str(Chain.parse(self.features)))
        if self.makes_features and self.pixel_scale != AUTO:
            raise ParameterError(
                f"pixel_max={self.pixel_max} is for pixels, and features={self.features_text!r} "
                "take white to be 255: give one of them.",
                parameter="pixel_max",
            )
        if self.augment is not None and self.augment not in AUGMENTS:
            raise ParameterError(
                f"augment={self.augment!r} is not known.{nearest(self.augment, AUGMENTS)} Give "
                f"{' or '.join(AUGMENTS)}.",
                parameter="augment",
            )
        if self.memory_limit is not None:
            try:
                parse_bytes(self.memory_limit)
            except ValueError as error:
                raise ParameterError(f"memory_limit={error}", parameter="memory_limit") from None

    @property
    def makes_features(self) -> bool:
        """Whether something else than the pixels is fitted on."""
        steps = self.features.split("+") if isinstance(self.features, str) else [""]
        return any(step not in (PIXELS, AUTO) for step in steps)

    @property
    def n_copies(self) -> int:
        """How many copies of each training image are fitted on."""
        return 0 if self.augment is None else len(AUGMENTS[self.augment])

    @property
    def features_text(self) -> str:
        """The features as they are written; of a function its name."""
        found = self.features
        name = getattr(found, "__name__", type(found).__name__)
        return found if isinstance(found, str) else f"python:{name}"


@dataclass(frozen=True, kw_only=True)
class TrainOptions(RunOptions):
    """What a training run is asked for."""

    C: float = option_of(1.0, "Inverse of the penalty's strength; inf for none.")
    precision: float | None = option_of(
        None, "Choose the threshold that reaches this precision, with 95% confidence if one does."
    )
    recall: float | None = option_of(
        None, "Choose the threshold that reaches this recall, with 95% confidence if one does."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.C > 0:
            raise ParameterError(f"C={self.C}: give a positive number, or inf.", parameter="C")
        if None not in (self.precision, self.recall):
            both = "A precision and a recall cannot both be asked for: give one."
            raise ParameterError(both, parameter="recall")
        if self.wanted is not None and not 0 < self.wanted[1] <= 1:
            name, value = self.wanted
            what = "give a number over 0 and at most 1."
            raise ParameterError(f"{name}={value}: {what}", parameter=name)

    @property
    def wanted(self) -> tuple[str, float] | None:
        """The figure that a threshold is to be chosen for, and how high it is to be."""
        for name in ("precision", "recall"):
            value: float | None = getattr(self, name)
            if value is not None:
                return name, value
        return None


@dataclass(frozen=True, kw_only=True)
class SweepOptions(RunOptions):
    """What a sweep is asked for; a text for ``Cs`` becomes its values."""

    Cs: Sequence[float] | str = option_of(
        "1e-4:1e2:20",
        "Values of C: FIRST:LAST:COUNT, spaced evenly in log C, or C,C,...",
        parse=parse_cs,
        join=",",
    )
    rule: str = option_of(
        "best", "How to choose C: best, or one-standard-error for a simpler model."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "Cs", grid_from(self.Cs))
        if self.rule not in RULES:
            raise ParameterError(
                f"rule={self.rule!r} is not known.{nearest(self.rule, RULES)} Choose one of "
                f"{', '.join(RULES)}.",
                parameter="rule",
            )

    @property
    def values(self) -> tuple[float, ...]:
        """The values of C: what ``Cs`` became."""
        assert isinstance(self.Cs, tuple)
        return self.Cs


def flag_of(option: Field[Any]) -> str:
    """Return how the command line calls an option."""
    name: str = option.metadata.get("flag", option.name)
    return "--" + name.lower().replace("_", "-")


def option_words(options: Any, without: Collection[str] = (), *, all_: bool = False) -> list[str]:
    """Return what a command line says of some options, word by word.

    Parameters
    ----------
    options : TaskOptions or Reading
    without : collection of str
        Names that are left out.
    all_ : bool, default=False
        Say what is as by default, too.
    """
    words: list[str] = []
    for option in fields(options):
        value = getattr(options, option.name)
        said = value is not None and value is not False and (all_ or value != option.default)
        if option.name in without or not said:
            continue
        words.append(flag_of(option))
        if callable(value):
            words.append(options.features_text)
        elif isinstance(value, tuple):
            words.append(option.metadata.get("join", "x").join(map(repr, value)))
        elif value is not True:
            words.append(str(value))
    return words


def takes(
    kind: type[TaskOptions],
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Let a job take its images as any source, and its options as one value or as keywords.

    Parameters
    ----------
    kind : type
        Of the options. What `Reading` has are keywords, too.
    """

    def decorate(job: Callable[..., Result]) -> Callable[..., Result]:
        own = [*inspect.signature(job).parameters][2:]

        @functools.wraps(job)
        def called(
            images: Any = None,
            options: TaskOptions | None = None,
            *,
            progress: Any = None,
            **given: Any,
        ) -> Result:
            how = {name: given.pop(name) for name in own if name in given}
            if options is not None and given:
                raise ParameterError("Give options as one value or as keywords, not as both.")
            if options is not None and images is not None and not _is_name(images):
                return job(images, options, **how)
            chosen = _options_of(kind, given) if options is None else options
            source = chosen.source if images is None else images
            image_set = images_of(source, chosen.reading, progress)
            named = os.fspath(source) if _is_name(source) else image_set.name
            return job(image_set, replace(chosen, source=named), **how)

        called.__signature__ = _signature(job, kind)  # type: ignore[attr-defined]
        return called

    return decorate


def _is_name(images: Any) -> bool:
    return isinstance(images, (str, os.PathLike))


def _options_of(kind: type[TaskOptions], given: dict[str, Any]) -> TaskOptions:
    reading = {
        option.name: given.pop(option.name) for option in fields(Reading) if option.name in given
    }
    return kind(**given, reading=Reading(**reading))


def images_of(images: Any, reading: Reading, progress: Any) -> ImageSet:
    """Return images as they are, or read from their source.

    Raises
    ------
    KindError
        For what is neither images nor the name of a source.
    ParameterError
        For images with options of reading: they are read already.
    """
    from imlogit.data.sources import given_images

    advice = " For arrays there are LogisticRegression and cross_validate."
    return given_images(images, reading, progress, "images", advice)


def _signature(job: Callable[..., Any], kind: type[TaskOptions]) -> inspect.Signature:
    """Return the signature of a job with all its options as keywords."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    left_out = ("source", "reading")
    options = [
        inspect.Parameter(option.name, keyword, default=option.default, annotation=option.type)
        for option in (*fields(kind), *fields(Reading))
        if option.name not in left_out
    ]
    _, _, *own = inspect.signature(job).parameters.values()
    progress = inspect.Parameter("progress", keyword, default=None)
    ends = [progress, *(one.replace(kind=keyword) for one in own)]
    images = inspect.Parameter(
        "images", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=kind.source
    )
    returned = inspect.signature(job).return_annotation
    return inspect.Signature([images, *options, *ends], return_annotation=returned)
