"""MNIST, all 70,000 images: 60,000 to train on and 10,000 to test with.

They are asked for at several places, because each has been down or wrong at some time. It does
not matter which one answers: what it gives must have the pinned SHA-256.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imlogit.arrays import Pixels
from imlogit.data.cache import entries
from imlogit.data.formats.idx import read_idx
from imlogit.data.image_set import ImageSet
from imlogit.data.network.download import Patience, Remote, from_mirrors, offline
from imlogit.data.progress import Progress
from imlogit.data.readers.mnist_rows import DIGITS, PUBLISHED, proved
from imlogit.data.readers.source import NamedSource
from imlogit.errors import DataError, DownloadError
from imlogit.system.leftovers import scratch_folder
from imlogit.system.text import reason

NAME = "mnist"
# The published names, in the order of the rows: the training part first.
IDX_FILES = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)


@dataclass(frozen=True)
class Facts:
    """What is known of the published data, and where they are asked for."""

    n: int
    n_train: int
    image_shape: tuple[int, int]
    pins: entries.Pins
    row_hashes: Path
    remotes: tuple[Remote, ...]
    mirrors: tuple[str, ...]
    max_openml_bytes: int
    patience: Patience = field(default_factory=Patience)


MNIST = Facts(
    n=70_000,
    n_train=60_000,
    image_shape=(28, 28),
    pins=entries.Pins(
        images="5b92582eb909c82a9bfefcd44acbe9233be3eb5b419a44cf211022ad2bf4bf96",
        labels="818800b46032126b329f9306cb69a6842cc53ea30318374769bb6f46cc861467",
    ),
    row_hashes=PUBLISHED,
    remotes=(
        Remote("train-images-idx3-ubyte.gz", 9_912_422, "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        Remote(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        Remote(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        Remote(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    max_openml_bytes=256_000_000,  # the unpacked ARFF has some 125 MB
)


class NotAskedError(DataError):
    """A source that was not asked, and why."""


class _Rows(NamedTuple):
    images: Pixels
    labels: npt.NDArray[np.uint8]
    origin: str


def load_mnist(progress: Progress | None = None, facts: Facts = MNIST) -> ImageSet:
    """Return MNIST from the cache, from ``$IMLOGIT_DATA/mnist``, from OpenML or from a mirror.

    Parameters
    ----------
    progress : callable, optional
        Told of every piece of a download that arrives.
    facts : Facts
        What the data must be, and where to ask for them.

    Returns
    -------
    ImageSet
        Memory-mapped where it was read from the cache.

    Raises
    ------
    DownloadError
        If no source had the data: one line for each.
    """
    return entries.cached(NAME, facts.pins, lambda: _fetch(progress, facts))


def _fetch(progress: Progress | None, facts: Facts) -> ImageSet:
    failures = []
    for place, ask in ROUTES:
        try:
            rows = ask(facts, progress)
            images, labels, moved = proved(rows.images, rows.labels, facts.pins, facts.row_hashes)
        except NotAskedError as error:
            failures.append(f"{place}: {error}")
        except DataError as error:
            failures.append(f"{place}: {error}")
            if ask is _from_folder:  # the user's own files: not to be passed over in silence
                warnings.warn(f"{place} was not used: {error}", UserWarning, stacklevel=6)
        else:
            note = " (rows put back into the published order)" if moved else ""
            return ImageSet(
                images=images,
                labels=labels.astype(np.intp),
                class_names=DIGITS,
                n_train=facts.n_train,
                name=NAME,
                origin=rows.origin + note,
                sha256=facts.pins.images,
            )
    raise DownloadError(
        "MNIST could not be loaded. Asked in turn:\n"
        + "".join(f"  {failure}\n" for failure in failures)
        + "Set IMLOGIT_DATA to a folder whose subfolder 'mnist' holds the four IDX files, or use "
        "the embedded sample 'mnist-5k', which needs no network."
    )


def _from_folder(facts: Facts, progress: Progress | None) -> _Rows:
    home = os.environ.get("IMLOGIT_DATA")
    if not home:
        raise NotAskedError("IMLOGIT_DATA is not set.")
    folder = Path(home).expanduser() / NAME
    if not folder.is_dir():
        raise NotAskedError(f"{folder} is not a folder.")
    paths = [_local_file(folder, stem) for pair in IDX_FILES for stem in pair]
    return _from_idx(paths, facts, "IDX files in $IMLOGIT_DATA/mnist")


def _local_file(folder: Path, stem: str) -> Path:
    """Find a file under the names that archives and browsers have given it."""
    for name in (stem, stem.replace("-idx", ".idx")):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.exists():
                return path
    raise DataError(f"{folder} holds no {stem}, gzipped or not.")


def _from_openml(facts: Facts, progress: Progress | None) -> _Rows:
    if offline():
        raise NotAskedError("not asked, because IMLOGIT_OFFLINE is set.")
    from imlogit.data.network import (
        openml_api,  # its urllib.request would double the time of `import imlogit`
    )

    n_pixels = facts.image_shape[0] * facts.image_shape[1]
    found, redirected = openml_api.fetch_table(
        {"name": "mnist_784", "version": 1},
        {**dict.fromkeys(range(n_pixels), "uint8"), n_pixels: "str"},
        max_bytes=facts.max_openml_bytes,
        patience=facts.patience,
        progress=progress,
    )
    digits = [str(digit).strip("'") for digit in found.target]  # ARFF may put them in quotes
    images, labels = _bytes(found.data, "pixels"), _bytes(digits, "labels")
    if images.ndim != 2 or images.shape[1] != n_pixels or labels.shape != (len(images),):
        raise DataError(f"it gave pixels {images.shape} and labels {labels.shape}")
    return _Rows(
        images.reshape(-1, *facts.image_shape),
        labels,
        f"scikit-learn fetch_openml, mnist_784 version 1{redirected}",
    )


def _bytes(values: Any, what: str) -> npt.NDArray[np.uint8]:
    """Convert what ``fetch_openml`` gave to bytes; nothing is wrapped or rounded."""
    given = np.asarray(values)
    if given.dtype == np.uint8:
        return np.ascontiguousarray(given)
    try:
        numbers = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"its {what} are not all numbers: {reason(error)}") from error
    as_bytes = np.clip(np.nan_to_num(numbers), 0, 255).astype(np.uint8)
    if not np.array_equal(as_bytes, numbers):
        raise DataError(f"its {what} are not all whole numbers from 0 to 255")
    return as_bytes


def _from_mirrors(facts: Facts, progress: Progress | None) -> _Rows:
    if offline():
        raise NotAskedError("not asked, because IMLOGIT_OFFLINE is set.")
    try:
        with scratch_folder() as home:
            got = [
                from_mirrors(remote, facts.mirrors, home, facts.patience, progress)
                for remote in facts.remotes
            ]
            hosts = " and ".join(dict.fromkeys(host for _, host in got))
            return _from_idx([path for path, _ in got], facts, f"IDX files from {hosts}")
    except OSError as error:  # no room for the files
        raise DataError(reason(error)) from error


def _from_idx(paths: Sequence[Path], facts: Facts, origin: str) -> _Rows:
    """Read training images, training labels, test images and test labels, in this order."""
    most = facts.n * facts.image_shape[0] * facts.image_shape[1]
    images = [read_idx(path, 3, most) for path in paths[0::2]]
    labels = [read_idx(path, 1, facts.n) for path in paths[1::2]]
    for rows, digits, path in zip(images, labels, paths[0::2], strict=True):
        if rows.shape[1:] != facts.image_shape:
            raise DataError(f"{path} holds images of {rows.shape[1:]}, not {facts.image_shape}.")
        if len(rows) != len(digits):
            raise DataError(
                f"{path} holds {len(rows):,} images, but its labels file {len(digits):,} labels."
            )
    return _Rows(np.concatenate(images), np.concatenate(labels), origin)


# In this order; each gives the rows, or raises DataError.
ROUTES: tuple[tuple[str, Callable[[Facts, Progress | None], _Rows]], ...] = (
    ("$IMLOGIT_DATA/mnist", _from_folder),
    ("OpenML, by scikit-learn's fetch_openml", _from_openml),
    ("The IDX mirrors", _from_mirrors),
)

SOURCE = NamedSource.known(
    NAME,
    "all 70,000 images of MNIST, 11 MB to download once",
    lambda told: load_mnist(told),
    "60,000 and 10,000",
)
