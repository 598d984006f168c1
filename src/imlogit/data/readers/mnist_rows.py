"""The proof that rows are the published ones, and their way back into the published order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imlogit.arrays import Pixels
from imlogit.data.cache.entries import Pins
from imlogit.data.image_set import ImageSet
from imlogit.data.labelled_set import digest, label_digest
from imlogit.errors import DataError

PUBLISHED = Path(__file__).with_name("mnist_rows.npy")
IMAGE_SHAPES = ((28, 28), (28, 28, 1))
# So many images are looked at, and more than half of them must be published ones.
N_LOOKED_AT = 16
ROW_HASH_BYTES = 4
DIGITS = tuple("0123456789")
RowHashes = npt.NDArray[np.uint32]


def row_hashes(images: Pixels, labels: npt.NDArray[np.uint8]) -> RowHashes:
    """Hash each image together with its label: BLAKE2b, four bytes, read as little-endian.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, ...)
    labels : ndarray of uint8, shape (n,)

    Returns
    -------
    ndarray of uint32, shape (n,)
        Short enough to be shipped for every image of MNIST, whose 70,000 are all different. They
        find a row's place; that the result is right is proved by SHA-256.
    """
    rows = np.column_stack((images.reshape(len(images), -1), labels))
    hashes = b"".join(blake2b(row, digest_size=ROW_HASH_BYTES).digest() for row in rows)
    return np.frombuffer(hashes, "<u4").astype(np.uint32, copy=False)


def is_of_mnist(images: ImageSet) -> bool:
    """Whether these are images of MNIST with their digits, all or some, in whatever order or form.

    By a few of them, of which some may have been changed or have other labels.
    """
    names = images.class_names
    if images.image_shape not in IMAGE_SHAPES or not set(names) <= set(DIGITS):
        return False
    some = np.unique(np.linspace(0, len(images) - 1, N_LOOKED_AT).astype(np.intp))
    digits = np.array(names, dtype=np.uint8)[images.labels[some]]
    return bool(np.isin(row_hashes(images.images[some], digits), _hashes(PUBLISHED)).mean() > 0.5)


def _hashes(published: Path) -> RowHashes:
    hashes: RowHashes = np.load(published, allow_pickle=False).astype(np.uint32)
    return hashes


def proved(
    images: Pixels, labels: npt.NDArray[np.uint8], pins: Pins, published: Path
) -> tuple[Pixels, npt.NDArray[np.uint8], bool]:
    """Return the rows in the published order, or refuse them.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, h, w)
    labels : ndarray of uint8, shape (n,)
    pins : Pins
        The hashes of the published pixels and labels.
    published : Path
        A ``.npy`` file with the published rows' hashes in their order; read only if the rows
        differ.

    Returns
    -------
    images, labels, moved : ndarray, ndarray, bool
        `moved` is True if the rows came in another order and were put back.

    Raises
    ------
    DataError
        If the rows are not the published ones: how many are missing, how many foreign.
    """
    if Pins(digest(images), label_digest(labels)) == pins:
        return images, labels, False
    expected = _hashes(published)
    found = row_hashes(images, labels)
    if not np.array_equal(np.sort(found), np.sort(expected)):
        raise DataError(_difference(found.tolist(), expected.tolist()))
    place = np.empty(len(expected), dtype=np.intp)
    place[np.argsort(expected, kind="stable")] = np.argsort(found, kind="stable")
    images, labels = images[place], labels[place]
    if Pins(digest(images), label_digest(labels)) != pins:
        raise DataError("the rows look like the published ones, but their SHA-256 does not match")
    return images, labels, True


def _difference(found: Sequence[int], expected: Sequence[int]) -> str:
    foreign = Counter(found) - Counter(expected)
    missing = Counter(expected) - Counter(found)
    text = (
        f"{len(found):,} rows instead of {len(expected):,}: {missing.total():,} of the published "
        f"rows are missing, {foreign.total():,} are foreign or altered"
    )
    if foreign:
        text += (
            f", the first of them row {next(i for i, row in enumerate(found) if row in foreign):,}"
        )
    return text
