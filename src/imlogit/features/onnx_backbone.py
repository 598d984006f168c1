"""The step that lets a network of any make look at images, as it is: a frozen backbone."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Pixels
from imlogit.data.images.decode import fitted
from imlogit.errors import DataError
from imlogit.features.backbone.network import Network, backbone_error, brief, read_network
from imlogit.features.backbone.outputs import GraphTensor, choose_output, ending_in, input_of
from imlogit.features.backbone.preparation import (
    AUTO,
    BGR,
    NCHW,
    NHWC,
    RGB,
    Preparation,
    Wish,
    preparation_of,
)
from imlogit.features.opaque import OpaqueStep, refuse_unfinite
from imlogit.features.parameters import Plain, choice, free_text, whole
from imlogit.features.step import Files, NoFeaturesError, Step
from imlogit.system.onnx_runtime import onnx_runtime
from imlogit.system.text import by, printable
from imlogit.system.threads import CALLS_EACH, Team

# Images a call: enough for a product of matrices, few enough that one image does not wait for many.
BATCH, GPU_BATCH, MOST_BATCH = 8, 64, 4096
GPU = "CUDAExecutionProvider"
# A thread comes back for more after about so long: between two calls an interrupt is answered.
CALL_SECONDS = 0.1
MOST_CALLS = 16
MOST_FEATURES = 2**20
# Of onnxruntime's severities, what ends the process: errors are raised as well.
FATAL = 4


@dataclass(frozen=True)
class OnnxStep(Step):
    """What a network in an ONNX file says of images, of one of its outputs."""

    name: ClassVar[str] = "onnx"
    positional: ClassVar[str] = "file"

    file: str = free_text("the network's file")
    output: str = free_text("which output; by default the last pooled vector")
    size: str = free_text("what images are brought to, as in 224 or 224x160")
    mean: str = free_text("of pixels / 255: one number, or three as in 0.485:0.456:0.406")
    std: str = free_text("the deviation, likewise")
    layout: str = choice(AUTO, (AUTO, NCHW, NHWC), "where the channels are")
    order: str = choice(AUTO, (AUTO, RGB, BGR), "of the colours")
    batch: int = whole(0, 0, MOST_BATCH, "images a call; 0 is 8, or 64 on a GPU")
    sha256: str = free_text("the file's, if another is to be refused")

    def at(self, place: str | os.PathLike[str] | None) -> Self:
        """Return the step with its file at a place.

        Raises
        ------
        DataError
            Where none is given.
        """
        if place is None:
            raise DataError(
                f"its backbone {printable(self.file)} is not beside it: give the file with "
                f"backbone=... (SHA-256 {self.sha256})",
                parameter="backbone",
            )
        return replace(self, file=os.fspath(place))

    def check_shape(self, image_shape: tuple[int, ...]) -> None:
        """Refuse images that are neither grey nor in colour.

        Raises
        ------
        DataError
        """
        if image_shape[2:] not in ((), (1,), (3,)):
            raise DataError(
                f"a backbone takes grey images or those of three colours, and these are "
                f"{by(image_shape)}"
            )

    def restore(
        self, input_shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]
    ) -> FittedOnnx:
        """Return the network, ready to be run.

        Raises
        ------
        DataError
            For a file that cannot be run, is another than the step names, or does not say enough.
        MissingExtraError
            Without onnx and onnxruntime.
        """
        network = read_network(self.file, self.sha256)
        given = input_of(network)
        preparation = preparation_of(network, given, self._wish())
        channels = preparation.channels or (1 if input_shape[2:] in ((), (1,)) else 3)
        if preparation.size is None:
            raise backbone_error(
                network.path,
                "it takes images of any size and does not say which it was trained on: say so as "
                "onnx:FILE,size=224",
            )
        if {len(preparation.mean), len(preparation.std)} - {1, channels}:
            raise backbone_error(
                network.path, f"its mean and deviation are not of {channels} channels"
            )
        preparation = replace(preparation, channels=channels)
        session = _open(network, choose_output(network, self.output), given, preparation, self)
        return FittedOnnx(self, input_shape, arrays, session)

    def _wish(self) -> Wish:
        return Wish(self.size, self.mean, self.std, self.layout, self.order)


@dataclass(frozen=True, eq=False)
class Session:
    """A network that runs.

    Parameters
    ----------
    path : Path
    data_files : tuple of str
        Its files of weights, below its folder.
    sha256 : str
    given, output : str
        What goes in and out of it.
    preparation : Preparation
        With the size and the number of channels.
    batch : int
        How many images it takes at a time, always.
    runner : onnxruntime.InferenceSession
    """

    path: Path
    data_files: tuple[str, ...]
    sha256: str
    given: str
    output: str
    preparation: Preparation
    batch: int
    runner: Any = field(repr=False)

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU runs it."""
        return bool(self.runner.get_providers()[0] == GPU)

    @cached_property
    def trial(self) -> tuple[int, float]:
        """How many features it makes of an image, and in how many seconds a batch."""
        how = self.preparation
        height, width = how.size or (1, 1)
        channels = how.channels or 1
        sides = (channels, height, width) if how.layout == NCHW else (height, width, channels)
        began = time.perf_counter()
        made = self.run(np.zeros((self.batch, *sides), how.dtype))
        return made.shape[1], time.perf_counter() - began

    def run(self, feed: NDArray[Any]) -> NDArray[Any]:
        """Return the features (batch, d) of a whole batch.

        Raises
        ------
        DataError
            For what onnxruntime refuses, and for an output that is not one vector an image.
        """
        try:
            (found,) = self.runner.run([self.output], {self.given: feed})
        except Exception as error:
            raise backbone_error(self.path, f"it cannot be run ({brief(error)})") from None
        if not isinstance(found, np.ndarray) or found.dtype.kind != "f":
            kind = getattr(found, "dtype", type(found).__name__)
            raise backbone_error(self.path, f"its output {self.output!r} is {kind}, no numbers")
        vectors = found.ndim >= 2 and len(found) == self.batch and found[0].size == found.shape[1]
        if not vectors or not 1 <= found.shape[1] <= MOST_FEATURES:
            raise backbone_error(
                self.path,
                f"its output {printable(self.output)!r} is of shape {found.shape} for "
                f"{self.batch} images, not one vector each: name another as onnx:FILE,output=NAME",
            )
        return found.reshape(self.batch, -1)


def _open(
    network: Network,
    output: GraphTensor,
    given: GraphTensor,
    preparation: Preparation,
    step: OnnxStep,
) -> Session:
    """Return a network that runs up to an output, each call on one thread."""
    runtime = onnx_runtime("The feature step onnx")
    options = runtime.SessionOptions()
    options.log_severity_level = FATAL
    # the bits are the same for any number of threads: each works on images of its own
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    gpu = [GPU] if GPU in runtime.get_available_providers() else []
    try:
        runner = runtime.InferenceSession(
            ending_in(network, output), options, providers=[*gpu, "CPUExecutionProvider"]
        )
    except Exception as error:
        raise backbone_error(network.path, f"onnxruntime cannot load it ({brief(error)})") from None
    fixed = given.shape[0] if given.shape else None
    usual = GPU_BATCH if runner.get_providers()[0] == GPU else BATCH
    batch = fixed if isinstance(fixed, int) and fixed > 0 else step.batch or usual
    if batch > MOST_BATCH:
        raise backbone_error(
            network.path, f"it takes {batch:,} images a call, and at most {MOST_BATCH:,} are made"
        )
    if step.batch not in (0, batch):
        raise backbone_error(
            network.path, f"it takes {batch} images a call: leave batch={step.batch} out"
        )
    return Session(
        network.path,
        network.data_files,
        network.sha256,
        given.name,
        output.name,
        preparation,
        batch,
        runner,
    )


@dataclass(frozen=True, eq=False)
class FittedOnnx(OpaqueStep):
    """A network for images of one shape.

    Parameters
    ----------
    step, input_shape, arrays
        As of `FittedStep`.
    session : Session
    """

    step: OnnxStep
    session: Session

    dtype: ClassVar[np.dtype[Any]] = np.dtype(np.float32)
    chunk_rows: ClassVar[int] = 256

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.session.trial  # refused now, not when a run is half done

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how a copy is made: the same file is opened again, for what runs has no copy."""
        step = replace(self.step, sha256=self.session.sha256)
        return step.restore, (self.input_shape, dict(self.arrays))

    @property
    def code(self) -> str:
        """Whose products these are: others round otherwise."""
        runtime = onnx_runtime("The feature step onnx")
        return f"onnxruntime {runtime.__version__} {self.session.runner.get_providers()[0]}"

    def __str__(self) -> str:
        return replace(self.step, file=self.session.path.name, sha256="").text

    @property
    def files(self) -> Files:
        """The network's file and those of its weights."""
        return Files(self.session.path, self.session.data_files)

    @property
    def content(self) -> bytes:
        """The network up to the output that is taken, as it is in its file now.

        Raises
        ------
        DataError
            Where the file is another by now.
        """
        network = read_network(self.session.path, self.session.sha256)
        return ending_in(network, GraphTensor(self.session.output, 0, None))

    @property
    def remarks(self) -> dict[str, str]:
        """What of the network is taken, and who says how images are prepared for it."""
        session, how = self.session, self.session.preparation
        taken = f"{printable(session.path.name)}, of which {printable(session.output)!r} is taken"
        said = {"backbone": f"{taken}; images as {by(how.size or ())} (said by {how.said['size']})"}
        if how.dtype != np.uint8:
            mean, std = (" ".join(f"{one:.4g}" for one in part) for part in (how.mean, how.std))
            said["backbone"] += f", of mean {mean} and deviation {std} ({how.said['mean']})"
        return said

    @property
    def parameters(self) -> dict[str, Plain]:
        """What a model file keeps: no folder, and whatever was taken, whoever said it."""
        session, how = self.session, self.session.preparation
        bytes_ = how.dtype == np.uint8
        return {
            "file": session.path.name,
            "output": session.output,
            "size": by(how.size or (), "x"),
            "mean": "" if bytes_ else ":".join(map(repr, how.mean)),
            "std": "" if bytes_ else ":".join(map(repr, how.std)),
            "layout": how.layout,
            "order": how.order,
            "batch": session.batch,
            "sha256": session.sha256,
        }

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(features,)."""
        return (self.session.trial[0],)

    def transform(self, images: Pixels, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return what the network says of images, a batch of them in each thread at a time."""
        self.check(images)
        made = np.empty((len(images), *self.output_shape), self.dtype) if out is None else out
        batch = self.session.batch

        def work(first: int, last: int) -> None:
            for start in range(first * batch, min(last * batch, len(images)), batch):
                rows = slice(start, start + batch)
                try:
                    self.fill(images[rows], made[rows])
                except NoFeaturesError as error:
                    raise error.after(start) from None

        n_batches = -(-len(images) // batch)
        with Team() as team:
            if self.session.on_gpu:
                team.size = 1
            each = round(CALL_SECONDS / max(self.session.trial[1], 1e-9))
            together = team.size * CALLS_EACH * min(max(each, 1), MOST_CALLS)
            for start in range(0, n_batches, together):
                some = range(start, min(start + together, n_batches))
                team.share(lambda a, b, some=some: work(some[0] + a, some[0] + b), len(some))  # type: ignore[misc]
        return made

    def fill(self, images: Pixels, out: NDArray[Any]) -> None:
        """Write what the network says of a batch of images, or fewer."""
        feed = self._feed(images)
        missing = self.session.batch - len(images)
        if missing:  # a batch is always whole, so that an image's bits do not depend on others
            feed = np.concatenate([feed, np.zeros((missing, *feed.shape[1:]), feed.dtype)])
        found = self.session.run(feed)[: len(images)]
        with np.errstate(over="ignore"):
            np.copyto(out, found, casting="same_kind")
        refuse_unfinite(out, "the backbone")

    def _feed(self, images: Pixels) -> NDArray[Any]:
        how = self.session.preparation
        channels = how.channels or 1
        same = images.shape[1:3] == how.size and (1, *self.input_shape[2:])[-1] == channels
        if not same:
            images = np.stack([_conformed(one, how.size, channels) for one in images])
        return how.feed(images.reshape(*images.shape[:3], channels), self._table)

    @cached_property
    def _table(self) -> NDArray[Any]:
        return self.session.preparation.table(self.session.preparation.channels or 1)


def _conformed(image: Pixels, size: tuple[int, int] | None, channels: int) -> Pixels:
    """Return an image in the size and the colours that a network takes."""
    from PIL import Image

    picture = Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image)
    pixels: Pixels = np.asarray(
        fitted(picture.convert("L" if channels == 1 else "RGB"), size, False)
    )
    return pixels
