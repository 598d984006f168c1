"""Tables of images as text, and reading them back."""

import numpy as np

from imlogit.data.readers import csv_table
from imlogit.data.reading import Reading

RNG = np.random.default_rng(5)
# More than the rows that are looked at first.
IMAGES = RNG.integers(0, 256, (24, 4, 4)).astype(np.uint8)
LABELS = [str(label) for label in RNG.integers(0, 3, len(IMAGES))]
PIXELS = [f"pixel{i}" for i in range(16)]
HEADER = ["label", *PIXELS]


def rows_of(images=IMAGES, labels=LABELS, *, write=str):
    """Return the fields of each row, the label first."""
    flat = images.reshape(len(images), -1).tolist()
    return [[label, *map(write, row)] for label, row in zip(labels, flat, strict=True)]


def text_of(rows, header=None, separator=","):
    """Return a table as text."""
    lines = rows if header is None else [header, *rows]
    return "".join(separator.join(map(str, line)) + "\n" for line in lines)


def read_table(folder, content, name="digits.csv", progress=None, **reading):
    """Read a content from a file of this name."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return csv_table.SOURCE.read(path, Reading(**reading), progress)


def assert_is(found, images=IMAGES, labels=LABELS):
    """Assert that an ImageSet holds these images with these labels, in their order."""
    np.testing.assert_array_equal(found.images, images)
    assert [found.class_names[code] for code in found.labels] == list(labels)
