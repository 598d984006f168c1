"""Classes named as people name folders, which rich and matplotlib would take for something else."""

import numpy as np

from imlogit.data.image_set import ImageSet

# each would be something else to rich, to matplotlib, or to both
NAMES = (
    "[red]x",
    "[/]",
    ":smile:",
    "a$b$c",
    r"$\frac{$",
    r"\$5$",
    "<script>",
    "猫と犬",
    "العربية",
    "_hidden",
    "x" * 30 + " y" * 15,
)


def striped_images(shape, names=NAMES, per_class=8, name="set"):
    """Noisy images, those of each class with a bright stripe of its own."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(names)), per_class)
    images = rng.integers(0, 120, (len(labels), *shape), dtype=np.uint8)
    for row, code in enumerate(labels):
        images[row, code % shape[0]] += 100
    return ImageSet(images, labels, names, len(labels), name, "made by hand")
