"""The drawing pad of a page: a model that answers in the browser, from weights in the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.export.json_file import facts
from imlogit.export.plain_features import recipes
from imlogit.model.fields import SavedModel
from imlogit.model.head import Head, head_of
from imlogit.model.predict import check_takes_pixels, may_be_of_digits

if TYPE_CHECKING:
    from markupsafe import Markup

HERE = Path(__file__).parent
# In the order in which they need each other.
SCRIPTS = (
    "numbers.js",
    "prepare.js",
    "resample.js",
    "features.js",
    "model.js",
    "picture.js",
    "strokes.js",
    "view.js",
    "pad.js",
)
# As many weights are exact. At most so many are in a page, which has 3 MB for everything; what
# feature steps learnt takes of the same room, four bytes a weight.
MOST_EXACT = 20_000
MOST_WEIGHTS = 200_000
MOST_BARS = 10
FILE_CHANNELS = ((), (1,), (3,))


@dataclass(frozen=True)
class PadSection:
    """A part of a page in which a reader tries a model.

    Attributes
    ----------
    html : Markup
        One ``<section>`` with the id "pad" and a heading of the second level.
    style : str
        CSS. Colours are the page's custom properties `ink`, `paper`, `accent`, `line` and
        `muted`, where it has these.
    scripts : tuple of str
        Classic scripts to stand inline after the section, in this order.
    data : dict
        JSON values that the scripts read from the element with the id "model-data"; empty where
        there are no scripts.
    """

    html: Markup
    style: str
    scripts: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)


def pad_section(model: SavedModel) -> PadSection:
    """Return the pad for a model of digits, a loader of pictures for others that take pixels.

    A model that cannot be computed in a page has one sentence instead, which says why.

    Parameters
    ----------
    model : SavedModel

    Returns
    -------
    PadSection
    """
    style = _static("pad.css")
    sentence = _why_not(model)
    if sentence:
        return PadSection(_rendered(sentence=sentence), style)
    head = head_of(model)
    way = "digit" if may_be_of_digits(model) else "picture"
    height, width = head.shape[:2]
    n_classes = len(head.class_names)
    html = _rendered(
        way=way,
        height=height,
        width=width,
        n_classes=n_classes,
        n_more=max(0, n_classes - MOST_BARS),
        is_short=all(len(name) == 1 for name in head.class_names),
        threshold=head.threshold,
        positive=head.class_names[-1],
    )
    data = _data(head) | {
        "way": way,
        "fit": model.fit or Reading().fit,
        "against_rest": model.against_rest,
    }
    return PadSection(html, style, tuple(map(_static, SCRIPTS)), data)


def _why_not(model: SavedModel) -> str:
    """Return why a page cannot compute a model's answers; empty where it can."""
    try:
        check_takes_pixels(model)
    except DataError:
        return (
            "This model takes features, which cannot be computed from a picture in this page. "
            "predict answers for them."
        )
    channels = model.image_shape[2:] if model.image_shape else ()
    if channels not in FILE_CHANNELS:
        return (
            f"This model takes images of {channels[0]} channels, and pictures have 1 or 3. "
            "predict answers for them."
        )
    if model.coef.size > MOST_WEIGHTS:
        return (
            f"This model has {model.coef.size:,} weights, more than a page has room for. "
            "predict answers for any picture."
        )
    return "" if model.features is None else _why_no_features(model)


def _why_no_features(model: SavedModel) -> str:
    """Return why a page cannot make a model's features; empty where it can."""
    features = head_of(model).features
    for fitted in features.steps if features is not None else ():
        if fitted.recipe is None:
            return (
                f"This model makes features of a picture first, by the step {fitted.name}, which "
                "this page does not compute. predict answers for any picture."
            )
    steps = recipes(features) if features is not None else []
    n_bytes = sum(one.nbytes for step in steps for one in step.values() if _is_array(one))
    if n_bytes + 4 * model.coef.size > 4 * MOST_WEIGHTS:
        return (
            f"This model has {model.coef.size:,} weights, and its feature steps learnt more "
            "numbers: more than a page has room for. predict answers for any picture."
        )
    return ""


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _data(head: Head) -> dict[str, Any]:
    """Return the block of the JSON export, with the weights in base64."""
    dtype = "float64" if head.weights.size <= MOST_EXACT else "float32"
    steps = {} if head.features is None else {"features": _packed(recipes(head.features))}
    return (
        facts(head)
        | steps
        | {
            "scale": head.scale,
            "normalize": head.normalize,
            "intercept": head.intercept.tolist(),
            "weights": _in_base64(head.weights.astype(dtype)),
        }
    )


def _packed(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return recipes of feature steps with their arrays in base64, whole numbers as small."""
    return [
        {key: _in_base64(_narrowed(one)) if _is_array(one) else one for key, one in step.items()}
        for step in steps
    ]


def _narrowed(numbers: NDArray[Any]) -> NDArray[Any]:
    if numbers.dtype.kind != "i":
        return numbers
    most = np.abs(numbers).max(initial=0)
    return numbers.astype(np.int16 if most <= np.iinfo(np.int16).max else np.int32)


def _in_base64(numbers: NDArray[Any]) -> dict[str, Any]:
    little = numbers.astype(numbers.dtype.newbyteorder("<"))
    return {
        "dtype": numbers.dtype.name,
        "shape": list(numbers.shape),
        "base64": base64.b64encode(little.tobytes()).decode(),
    }


def _static(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


def _rendered(**values: Any) -> Markup:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    values = {"sentence": "", "way": None, "is_short": False} | values
    return Markup(environment.get_template("pad.html.j2").render(values))
