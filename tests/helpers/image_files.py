"""Image files as people have them, made by Pillow."""

import io
import os

import numpy as np
from PIL import Image

from imlogit.data.readers.listing import place_at

GREY = np.arange(6 * 5, dtype=np.uint8).reshape(6, 5) * 8
COLOUR = np.stack([GREY, 255 - GREY, GREY // 2], axis=2)


def encoded(pixels, form="PNG", **how):
    """Return an array, or a Pillow image, as the bytes of a file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def write(path, content):
    """Write bytes, or an array as PNG, into folders that are made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else encoded(content))
    return path


def write_class_folders(root, images, classes, suffix=".png"):
    """Write images (n, h, w[, c]) into a folder for each class, named by their number."""
    for number, (image, name) in enumerate(zip(images, classes, strict=True)):
        write(root / str(name) / f"{number:05d}{suffix}", image)
    return root


def is_accepted(reader, path):
    """Whether something lies at a path that a reader of files takes."""
    place = place_at(path)
    return place is not None and reader.SOURCE.accepts(place)


def can_make(make, path):
    """Whether this system lets a test make something (a pipe, a link) at a path."""
    try:
        make(path)
    except (AttributeError, NotImplementedError, OSError):
        return False
    return os.path.lexists(path)
