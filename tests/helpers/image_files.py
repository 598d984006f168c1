"""Image files as people have them, made by Pillow."""

import io
import os
import struct
import zlib

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


def png(samples, depth, kind, clear=None):
    """Return the PNG of rows of samples (h, w) or (h, w, c), of depths that Pillow does not write.

    `kind` is PNG's colour type, `clear` the samples of what is transparent.
    """
    samples = np.asarray(samples)
    height, width = samples.shape[:2]
    form = ">u2" if depth == 16 else "u1"
    rows = samples.reshape(height, -1).astype(form).view("u1").reshape(height, -1)
    if depth < 8:
        bits = np.unpackbits(rows[..., None], axis=2)[..., -depth:]
        rows = np.packbits(bits.reshape(height, -1), axis=1)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes()))]
    if clear is not None:
        chunks.insert(1, (b"tRNS", np.array(clear, ">u2").tobytes()))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (*chunks, (b"IEND", b""))
    )


def tiff(tags, strip=b""):
    """Return the TIFF of one page with these tags, whatever they say, and one strip."""
    tags = {256: 5, 257: 6, 258: 8, 259: 1, 262: 1, 277: 1, 278: 6, 279: len(strip), **tags}
    tags[273] = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + strip


def gif_on_canvas(frame, canvas, corner):
    """Return the GIF of a frame that lies at a corner (x, y) of a larger canvas (w, h)."""
    content = bytearray(encoded(frame, "GIF"))
    content[6:10] = struct.pack("<HH", *canvas)
    colours = 3 * 2 ** ((content[10] & 7) + 1)
    descriptor = content.index(b",", 13 + colours)
    content[descriptor + 1 : descriptor + 5] = struct.pack("<HH", *corner)
    return bytes(content)


def heic_stand_in(reads):
    """Return a module that stands for pillow-heif: it opens every HEIC image as `reads`."""

    class HeifImageFile:
        def __new__(cls, fp):
            assert fp.read(12)[4:] == b"ftypheic"
            return reads.copy()

    return type("pillow_heif", (), {"HeifImageFile": HeifImageFile})


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
