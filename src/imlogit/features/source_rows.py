"""Features of a source's images, made once: for a run, or before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Pixels
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.split import Split, split
from imlogit.errors import ParameterError
from imlogit.features.chain import Chain, FittedChain
from imlogit.features.kept import make_rows, rows_in_memory
from imlogit.features.python_function import function_chain
from imlogit.features.step import NoFeaturesError


class FetchedFeatures(NamedTuple):
    """Features of a source, which are kept now.

    Attributes
    ----------
    image_set : ImageSet
    chain : FittedChain
    rows : ndarray, shape (n, n_features)
        Mapped; in memory where they cannot be kept.
    kept : bool
    """

    image_set: ImageSet
    chain: FittedChain
    rows: NDArray[Any]
    kept: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "source": self.image_set.name,
            "sha256": self.image_set.sha256,
            "features": str(self.chain),
            "images": len(self.rows),
            "n_features": self.chain.n_features,
            "dtype": self.rows.dtype.name,
            "bytes": self.rows.nbytes,
            "kept": self.kept,
        }


def fit_features(features: str | Callable[..., Any], images: Pixels, seed: int) -> FittedChain:
    """Return steps that were fitted to training images, or a function in their place.

    Raises
    ------
    DataError
        For images that a step cannot work with.
    """
    if not isinstance(features, str):
        return function_chain(features, images)
    return Chain.parse(features).fit(images, seed=seed)


def fetch_features(
    image_set: ImageSet,
    features: str,
    *,
    test_size: float = 0.2,
    seed: int = 0,
    progress: Progress | None = None,
) -> FetchedFeatures:
    """Make the features that a run of these options takes, so that they are kept for it.

    Parameters
    ----------
    image_set : ImageSet
    features : str
        Steps, as a run takes them.
    test_size, seed
        Of the run: steps learn from its training images.
    progress : callable, optional
        As in `imlogit.load`.

    Raises
    ------
    DataError
        For images that a step cannot work with.
    ParameterError
        For steps that there are not, and for pixels.
    """
    if Chain.parse(features).is_pixels:
        raise ParameterError(
            "features='pixels' are the images themselves: name other steps.", parameter="features"
        )
    parts = split(image_set, test_size, seed)
    chain = fit_features(features, np.asarray(image_set.images[parts.train]), seed)
    rows = _source_rows(chain, image_set, progress)
    if rows is not None:
        return FetchedFeatures(image_set, chain, rows, True)
    made = rows_in_memory(chain, image_set.images, image_set.name, progress)
    return FetchedFeatures(image_set, chain, made, False)


def rows_of_parts(
    chain: FittedChain, image_set: ImageSet, parts: Split, progress: Progress | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the features of training and test images, each in its order.

    Raises
    ------
    NoFeaturesError
        Names an image of which a step makes no numbers.
    """
    rows = _source_rows(chain, image_set, progress)
    if rows is not None:
        return rows[parts.train], rows[parts.test]
    train, test = (_part_rows(chain, image_set, own, progress) for own in (parts.train, parts.test))
    return train, test


def _source_rows(
    chain: FittedChain, image_set: ImageSet, progress: Progress | None
) -> NDArray[Any] | None:
    try:
        return make_rows(chain, image_set.images, image_set.name, progress)
    except NoFeaturesError as error:
        raise error.named(image_set.where(error.row)) from None


def _part_rows(
    chain: FittedChain, image_set: ImageSet, own: NDArray[Any], progress: Progress | None
) -> NDArray[Any]:
    try:
        return rows_in_memory(chain, image_set.images[own], image_set.name, progress)
    except NoFeaturesError as error:
        raise error.named(image_set.where(int(own[error.row]))) from None
