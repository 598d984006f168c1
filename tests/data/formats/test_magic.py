"""What files are by their first bytes."""

import io
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import scipy.io

from imlogit.data.formats.magic import LOOKED_AT, image_format, kind_of

from helpers.image_files import COLOUR, encoded

FORMS = ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"]


def written(write):
    out = io.BytesIO()
    write(out)
    return out.getvalue()


def zipped(out):
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", b"b")


def tarred(out):
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))


@pytest.mark.parametrize("form", FORMS)
def test_the_formats_that_are_read(form):
    begin = encoded(COLOUR, form)[:LOOKED_AT]
    assert image_format(begin) == form
    assert kind_of(begin).words == f"a {form} image"


def of_mpeg(main, *others):
    brands = main + bytes(4) + b"".join(others)
    return (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands + b"\0\0\0\x08avif"


@pytest.mark.parametrize(
    ("begin", "form", "words"),
    [
        (of_mpeg(b"heic", b"mif1", b"heic"), "HEIF", "a HEIC image"),
        (of_mpeg(b"mif1", b"heic"), "HEIF", "a HEIC image"),
        (of_mpeg(b"mif1", b"avif", b"miaf"), "AVIF", "an AVIF image"),
        (of_mpeg(b"avif"), "AVIF", "an AVIF image"),
        (of_mpeg(b"isom", b"avc1"), None, "an MP4 video"),
        (of_mpeg(b"qt  "), None, "a QuickTime video"),
        (of_mpeg(b"crx ", b"isom"), None, "a camera's raw file"),
    ],
)
def test_containers_are_told_apart_by_their_brands(begin, form, words):
    assert image_format(begin) == form
    assert kind_of(begin).words == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a WAV sound"),
        (written(zipped), "a ZIP archive"),
        (written(tarred), "a tar archive"),
        (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
        (written(lambda out: scipy.io.savemat(out, {"x": [1]})), "a MATLAB file"),
        (written(lambda out: np.save(out, COLOUR)), "a NumPy array"),
        *((pickle.dumps([1], protocol), "a pickle") for protocol in (2, 3, 4, 5)),
        (b"<!DOCTYPE html><title>404</title>", "HTML text (a failed download?)"),
        (b"\n <html>", "HTML text (a failed download?)"),
        (b'<?xml version="1.0"?>\n<!-- a cat -->\n<svg width="3">', "an SVG drawing"),
        (b"<annotation><filename>1.jpg</filename>", "text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
        ("gr\u00fcn\n".encode(), "text"),
        ("\u00e4".encode() * LOOKED_AT, "text"),
        (b"x" + "\u00e4".encode() * LOOKED_AT, "text"),
        ("cat,1\n".encode("utf-16"), "text"),
        (b"BMX and other bicycles, and their riders", "text"),
    ],
)
def test_other_files_are_named(content, words):
    assert image_format(content) is None
    assert kind_of(content).words == words


@pytest.mark.parametrize("content", [b"", b"\1\2\3", b"\xff\xfe", b"text\0", b"\xe4 is a letter"])
def test_what_is_not_known_is_not_guessed(content):
    assert image_format(content) is None
    assert kind_of(content) is None
