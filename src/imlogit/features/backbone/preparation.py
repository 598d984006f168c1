"""How images become what a network takes: size, layout, mean and deviation, and who says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Pixels
from imlogit.errors import DataError
from imlogit.features.backbone.network import Network, backbone_error
from imlogit.features.backbone.outputs import GraphTensor
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import read_regular
from imlogit.system.text import by

CONFIG = "preprocessor_config.json"
MOST_CONFIG_BYTES = 2**20
WHITE = 255.0
NCHW, NHWC, AUTO = "NCHW", "NHWC", "auto"
RGB, BGR = "rgb", "bgr"
MOST_SIDE, MOST_MEAN = 4096, 16.0
ASKED, OF_FILE, FIXED, UNSAID = "as asked", "the file's metadata", "the file", "not said"
# ONNX's types of elements that images may be: float, uint8, float16.
TYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.float32),
    2: np.dtype(np.uint8),
    10: np.dtype(np.float16),
}
# Of ONNX's own metadata of images: what black and white are.
RANGES = {
    "NominalRange_0_255": (0.0, 1 / WHITE),
    "Normalized_0_1": (0.0, 1.0),
    "Normalized_1_1": (0.5, 0.5),
}
Numbers = tuple[float, ...]


class Wish(NamedTuple):
    """What a person asked for, as texts; empty where nothing was."""

    size: str = ""
    mean: str = ""
    std: str = ""
    layout: str = AUTO
    order: str = AUTO


@dataclass(frozen=True)
class Preparation:
    """How images become what a network takes.

    Parameters
    ----------
    layout : {"NCHW", "NHWC"}
    channels : int or None
        1 or 3; None where those of the images are taken.
    size : tuple of int or None
        (height, width); None where nothing says it.
    mean, std : tuple of float
        One number, or one for each channel, of pixels / 255.
    order : {"rgb", "bgr"}
    dtype : dtype
        Of the network's input; bytes are taken as they are.
    said : mapping of str to str
        Who says size and mean.
    """

    layout: str
    channels: int | None
    size: tuple[int, int] | None
    mean: Numbers
    std: Numbers
    order: str
    dtype: np.dtype[Any]
    said: Mapping[str, str]

    def table(self, channels: int) -> NDArray[Any]:
        """Return what each of 256 pixels becomes, for each channel in the order of the images."""
        pixels = np.arange(256)
        if self.dtype == np.uint8:
            return np.broadcast_to(pixels.astype(np.uint8), (channels, 256))
        mean, std = (np.broadcast_to(one, channels)[:, None] for one in (self.mean, self.std))
        ordered = (pixels / WHITE - mean) / std
        return (ordered[::-1] if self.order == BGR else ordered).astype(self.dtype)

    def feed(self, images: Pixels, table: NDArray[Any]) -> NDArray[Any]:
        """Return images (n, h, w, c) of the network's size as it takes them."""
        n, height, width, channels = images.shape
        first = self.layout == NCHW
        shape = (n, channels, height, width) if first else images.shape
        out = np.empty(shape, self.dtype)
        for channel in range(channels):
            to = channels - 1 - channel if self.order == BGR else channel
            np.take(table[channel], images[..., channel], out=out[:, to] if first else out[..., to])
        return out


def preparation_of(network: Network, given: GraphTensor, wish: Wish) -> Preparation:
    """Return how images become what a network takes.

    What is asked for counts, then what the file says of itself, then the file
    ``preprocessor_config.json`` beside it.

    Raises
    ------
    DataError
        For an input that takes no images, for what is said twice and differently, and for a
        layout that nothing tells.
    """
    shape = given.shape
    if given.kind not in TYPES or shape is None or len(shape) != 4:
        raise backbone_error(
            network.path,
            f"its input {given.name!r} is {given.kind_name} {given}, and images are four sides of "
            "float, float16 or uint8",
        )
    config = {} if wish.size and wish.mean and wish.std else _read_config(network)
    layout = _layout(network, given, wish.layout)
    sides = shape[2:] if layout == NCHW else shape[1:3]
    channels = shape[1] if layout == NCHW else shape[3]
    size, size_said = _size(network, sides, wish.size, config)
    mean, std, mean_said = _normalisation(network, wish, config)
    n_channels = channels if isinstance(channels, int) and channels > 0 else None
    if n_channels not in (None, 1, 3):
        raise backbone_error(network.path, f"it takes {channels} channels, and images have 1 or 3")
    if n_channels is not None and {len(mean), len(std)} - {1, n_channels}:
        raise backbone_error(
            network.path, f"its mean and deviation are not of {n_channels} channels"
        )
    dtype = TYPES[given.kind]
    if dtype == np.uint8:
        if wish.mean or wish.std:
            raise backbone_error(
                network.path, "it takes bytes as they are: leave mean and deviation out"
            )
        mean, std, mean_said = (0.0,), (1 / WHITE,), FIXED
    order = wish.order
    if order == AUTO:
        bgr = network.metadata.get("Image.BitmapPixelFormat", "").lower().startswith("bgr")
        order = BGR if bgr else RGB
    said = {"size": size_said, "mean": mean_said}
    return Preparation(layout, n_channels, size, mean, std, order, dtype, said)


def _layout(network: Network, given: GraphTensor, wished: str) -> str:
    shape = given.shape or ()
    likely = [name for name, at in ((NCHW, 1), (NHWC, 3)) if shape[at] in (1, 3)]
    if wished != AUTO:
        return wished
    if len(likely) != 1:
        raise backbone_error(
            network.path,
            f"its input {given.name!r} is {given}, which does not tell where the channels are: "
            "say so as onnx:FILE,layout=NCHW or onnx:FILE,layout=NHWC",
        )
    return likely[0]


def _size(
    network: Network, sides: tuple[Any, ...], wished: str, config: Mapping[str, Any]
) -> tuple[tuple[int, int] | None, str]:
    """Return the size that images are brought to, and who says it."""
    fixed = tuple(one if isinstance(one, int) and one > 0 else None for one in sides)
    wishes: tuple[tuple[str, Any], ...] = (
        (ASKED, _size_in(network, wished, "its size as asked")),
        (FIXED, fixed if None not in fixed else None),
        (OF_FILE, _size_in(network, _first(network.metadata, ("size", "input_size", "imgsz")))),
        (CONFIG, _size_of_config(network, config)),
    )
    for said, size in wishes:
        if size is None:
            continue
        if any(own not in (None, side) for own, side in zip(fixed, size, strict=True)):
            wanted = " x ".join("any" if one is None else str(one) for one in fixed)
            raise backbone_error(
                network.path, f"it takes images of {wanted}, and {by(size)} is said"
            )
        if not all(1 <= side <= MOST_SIDE for side in size):
            raise backbone_error(network.path, f"images of {by(size)}: from 1 to {MOST_SIDE:,}")
        return (int(size[0]), int(size[1])), said
    return None, UNSAID


def _size_in(network: Network, text: str, what: str = "its size") -> tuple[int, ...] | None:
    if not text:
        return None
    found = re.fullmatch(r"\D*(\d{1,5})(?:\D+(\d{1,5}))?\D*", text)
    if found is None:
        raise backbone_error(network.path, f"{what} is {text!r}: give 224 or 224x160")
    return int(found[1]), int(found[2] or found[1])


def _size_of_config(network: Network, config: Mapping[str, Any]) -> tuple[int, ...] | None:
    cut = config.get("crop_size") if config.get("do_center_crop", True) else None
    size = cut or config.get("size")
    if isinstance(size, dict):
        edge = size.get("shortest_edge")
        size = [size.get("height", edge), size.get("width", edge)]
    if size is None:
        return None
    sides = size if isinstance(size, list) else [size, size]
    if len(sides) != 2 or not all(type(one) is int for one in sides):
        raise backbone_error(network.path, f"the size in {CONFIG} is none")
    return tuple(sides)


def _normalisation(
    network: Network, wish: Wish, config: Mapping[str, Any]
) -> tuple[Numbers, Numbers, str]:
    """Return the mean and deviation of pixels / 255, and who says them."""
    own = network.metadata
    spread = RANGES.get(own.get("Image.NominalPixelRange", ""))
    for said, mean, std, factor in (
        (ASKED, wish.mean, wish.std, 1 / WHITE),
        (
            OF_FILE,
            _first(own, ("mean", "image_mean")),
            _first(own, ("std", "image_std")),
            own.get("rescale_factor"),
        ),
        (OF_FILE, *((str(spread[0]), str(spread[1])) if spread else ("", "")), 1 / WHITE),
        (CONFIG, *_of_config(config), _factor_of(config)),
    ):
        if mean or std:
            found = _numbers(network, mean or "0"), _numbers(network, std or "1")
            return *_of_unit_pixels(network, *found, factor), said
    return (0.0,), (1.0,), UNSAID


def _of_config(config: Mapping[str, Any]) -> tuple[str, str]:
    if not config.get("do_normalize", True):
        return ("0", "1") if "do_rescale" in config or "rescale_factor" in config else ("", "")
    mean, std = config.get("image_mean"), config.get("image_std")
    return "" if mean is None else str(mean), "" if std is None else str(std)


def _factor_of(config: Mapping[str, Any]) -> Any:
    return config.get("rescale_factor") if config.get("do_rescale", True) else 1.0


def _of_unit_pixels(
    network: Network, mean: Numbers, std: Numbers, factor: Any
) -> tuple[Numbers, Numbers]:
    """Return mean and deviation of pixels / 255, of those of pixels times a factor.

    Without a factor, numbers over 1 are of pixels up to 255.
    """
    if factor is None:
        factor = 1.0 if max(*mean, *std) > 1 else 1 / WHITE
    try:
        unit = 1 / (float(factor) * WHITE)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        raise backbone_error(network.path, f"its rescale_factor is {factor!r}") from None
    scaled = tuple(tuple(one * unit for one in part) for part in (mean, std))
    sound = all(abs(one) <= MOST_MEAN for one in scaled[0])
    if not sound or not all(1e-6 <= one <= 1e6 for one in scaled[1]):
        raise backbone_error(
            network.path,
            f"the mean {list(mean)} and deviation {list(std)} are none of pixels / 255",
        )
    return scaled[0], scaled[1]


def _numbers(network: Network, text: str) -> Numbers:
    words = re.split(r"[\s,:;\[\]()]+", text.strip(" \t[]()"))
    try:
        found = tuple(map(float, words))
    except ValueError:
        found = ()
    if len(found) not in (1, 3) or not np.isfinite(found).all():
        raise backbone_error(
            network.path,
            f"{text!r} is no mean or deviation: give one number or three, as in 0.485:0.456:0.406",
        )
    return found


def _first(metadata: Mapping[str, str], keys: tuple[str, ...]) -> str:
    return next((metadata[key] for key in keys if metadata.get(key)), "")


def _read_config(network: Network) -> dict[str, Any]:
    """Return what the file beside a network says; nothing where there is none."""
    place = network.path.parent / CONFIG
    try:
        found = parse(read_regular(place, MOST_CONFIG_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError, DataError) as error:
        raise backbone_error(
            network.path, f"{CONFIG} beside it cannot be read ({error}): mend or remove it"
        ) from None
    if not isinstance(found, dict):
        raise backbone_error(network.path, f"{CONFIG} beside it is no JSON object")
    return found
