"""What is fitted on where nothing was asked for: of colour photographs patches, else pixels.

docs/accuracy.md says what the rule was measured on.
"""

from __future__ import annotations

import numpy as np

from imlogit.arrays import Pixels
from imlogit.data.image_set import ImageSet

# Of smaller pictures hardly a place is left in each cell of the grid.
LEAST_SIDE = 16
# In half of all pictures in colour the channels of a pixel lie so many levels apart, or more, in
# the mean; so many training images are looked at.
LEAST_COLOUR, LOOKED_AT = 4, 100
SIZE, GRID = 6, 3
# Both are powers of two. More filters than a quarter of the training images gain nothing.
FEWEST_FILTERS, MOST_FILTERS = 32, 256
IMAGES_A_FILTER = 4
# Multiply-adds that take two cores three quarters of a minute. A fit to features that are no
# longer few takes more steps: by measure a fifth of their square for each image and regression.
MOST_PRODUCTS, PRODUCTS_A_SQUARE = 3.2e12, 0.2
# For each class one of all training images, and one of each of ten folds.
FITS = 11


def photograph_steps(image_set: ImageSet, n_train: int, n_classes: int) -> str | None:
    """Return the steps that suit images, as a text, if they are colour photographs.

    Parameters
    ----------
    image_set : ImageSet
    n_train : int
        How many of the images are fitted on.
    n_classes : int
        How many classes are told apart.

    Returns
    -------
    str or None
        None for other images, and for those that are read from several files as they are needed.
    """
    if image_set.in_shards or not has_colour(image_set):
        return None
    filters = _most_filters(image_set, n_train, n_classes)
    return f"patches:filters={filters},size={SIZE},grid={GRID}"


def has_colour(image_set: ImageSet) -> bool:
    """Whether images are pictures in colour: of three channels that are not mostly alike."""
    height, width, *channels = image_set.image_shape
    if channels != [3] or min(height, width) < LEAST_SIDE:
        return False
    rows = range(0, image_set.n_train, -(-image_set.n_train // LOOKED_AT))
    return bool(np.median([_apart(image_set.images[row]) for row in rows]) >= LEAST_COLOUR)


def _apart(image: Pixels) -> float:
    """Return how many levels the channels of an image's pixels lie apart, in the mean."""
    red, green, blue = np.moveaxis(image, -1, 0)
    most = np.maximum(np.maximum(red, green), blue)
    return float((most - np.minimum(np.minimum(red, green), blue)).mean())


def _most_filters(image_set: ImageSet, n_train: int, n_classes: int) -> int:
    """Return how many filters are worth their while, and take no longer than a minute."""
    height, width, channels = image_set.image_shape
    n_values = (height - SIZE + 1) * (width - SIZE + 1) * channels * SIZE**2
    n_columns = FITS * (1 if n_classes == 2 else n_classes)
    filters = FEWEST_FILTERS
    while 2 * filters <= min(n_train / IMAGES_A_FILTER, MOST_FILTERS):
        more = 2 * filters
        n_features = 2 * more * GRID**2
        fit = PRODUCTS_A_SQUARE * n_train * n_features**2 * n_columns
        if len(image_set) * n_values * more + fit > MOST_PRODUCTS:
            break
        filters = more
    return filters
