"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

from typing import NamedTuple

# As many of a file's bytes as are looked at.
LOOKED_AT = 512


class Kind(NamedTuple):
    """What a file is.

    Attributes
    ----------
    words : str
        With an article, such as "a PDF document".
    advice : str
        What to do with it where images are looked for, without a full stop; or nothing.
    """

    words: str
    advice: str = ""


PICKLE = Kind("a pickle", "it is never unpickled, as that can run any code")
RAW = Kind("a camera's raw file", "convert it to TIFF, PNG or JPEG")
LFS_POINTER = Kind("a Git LFS pointer", "run `git lfs pull`")
HTML = Kind("HTML text (a failed download?)")
SVG = Kind("an SVG drawing")
TEXT = Kind("text")

# Of the formats of images that are read, by Pillow's names.
IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
# The sizes of the headers that follow the two letters of a BMP.
BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
BRANDS_OF_HEIF = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
BRANDS_OF_AVIF = frozenset({b"avif", b"avis"})
MOST_BRANDS = 32

# Of everything else: where the bytes lie, the bytes, and what begins so.
OTHERS: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"%PDF", Kind("a PDF document")),
    (0, b"%!PS", Kind("a PostScript drawing")),
    (0, b"\xc5\xd0\xd3\xc6", Kind("a PostScript drawing")),
    (0, b"8BPS", Kind("a Photoshop document")),
    (0, b"gimp xcf", Kind("a GIMP document")),
    (0, b"\0\0\1\0", Kind("an icon")),
    (0, b"icns", Kind("an icon")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", Kind("a JPEG XL image")),
    (0, b"\xff\x0a", Kind("a JPEG XL image")),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", Kind("a JPEG 2000 image")),
    (0, b"\xff\x4f\xff\x51", Kind("a JPEG 2000 image")),
    (0, b"\x76\x2f\x31\x01", Kind("an OpenEXR image")),
    (0, b"#?RADIANCE", Kind("a Radiance image")),
    (0, b"qoif", Kind("a QOI image")),
    (0, b"DDS ", Kind("a DDS texture")),
    (0, b"AT&TFORM", Kind("a DjVu document")),
    *((0, b"P%d" % n + end, Kind("a PNM image")) for n in range(1, 8) for end in (b"\n", b" ")),
    (128, b"DICM", Kind("a DICOM image")),
    (0, b"SIMPLE  =", Kind("a FITS image")),
    (0, b"FUJIFILMCCD-RAW", RAW),
    (0, b"IIRO", RAW),
    (0, b"IIRS", RAW),
    (0, b"MMOR", RAW),
    (0, b"IIU\0", RAW),
    (0, b"\0MRM", RAW),
    (0, b"FOVb", RAW),
    (4, b"ftypcrx ", RAW),
    (4, b"ftypqt  ", Kind("a QuickTime video")),
    (4, b"ftypM4A ", Kind("an M4A sound")),
    (4, b"ftyp", Kind("an MP4 video")),
    (4, b"moov", Kind("a QuickTime video")),
    (8, b"WAVE", Kind("a WAV sound")),
    (8, b"AVI ", Kind("an AVI video")),
    (8, b"AIFF", Kind("an AIFF sound")),
    (0, b"\x1a\x45\xdf\xa3", Kind("a Matroska or WebM video")),
    (0, b"\0\0\1\xba", Kind("an MPEG video")),
    (0, b"FLV\1", Kind("a Flash video")),
    (0, b"OggS", Kind("an Ogg sound or video")),
    (0, b"fLaC", Kind("a FLAC sound")),
    (0, b"ID3", Kind("an MP3 sound")),
    (0, b"\xff\xfb", Kind("an MP3 sound")),
    (0, b"MThd", Kind("a MIDI sound")),
    (0, b"PK\3\4", Kind("a ZIP archive")),
    (0, b"PK\5\6", Kind("a ZIP archive")),
    (0, b"Rar!\x1a\7", Kind("a RAR archive")),
    (0, b"7z\xbc\xaf\x27\x1c", Kind("a 7z archive")),
    (0, b"\x1f\x8b", Kind("a gzip archive")),
    (0, b"BZh", Kind("a bzip2 archive")),
    (0, b"\xfd7zXZ\0", Kind("an xz archive")),
    (0, b"\x28\xb5\x2f\xfd", Kind("a Zstandard archive")),
    (257, b"ustar", Kind("a tar archive")),
    (0, b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file")),
    (512, b"\x89HDF\r\n\x1a\n", Kind("an HDF5 file")),
    (0, b"MATLAB ", Kind("a MATLAB file")),
    (0, b"\x93NUMPY", Kind("a NumPy array")),
    (0, b"PAR1", Kind("a Parquet file")),
    (0, b"ARROW1", Kind("an Arrow file")),
    (0, b"SQLite format 3\0", Kind("an SQLite database")),
    (0, b"\x80\2", PICKLE),
    (0, b"\x80\3", PICKLE),
    (0, b"\x80\4", PICKLE),
    (0, b"\x80\5", PICKLE),
    (0, b"\0\5\x16\7", Kind("what macOS notes of another file")),
    (0, b"\0\5\x16\0", Kind("what macOS notes of another file")),
    (0, b"\0\0\0\1Bud1", Kind("what macOS notes of a folder")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind("an Office document")),
    (0, b"\x7fELF", Kind("a program")),
    (0, b"MZ", Kind("a program")),
    (0, b"version https://git-lfs.github.com/spec/", LFS_POINTER),
)


def image_format(begin: bytes) -> str | None:
    """Return the format of an image by its first bytes; None for what is no image that is read.

    Parameters
    ----------
    begin : bytes
        `LOOKED_AT` of them are enough.

    Returns
    -------
    str or None
        As Pillow calls it, "HEIF" for HEIC.
    """
    if begin[:4] == b"RIFF":
        return "WEBP" if begin[8:12] == b"WEBP" else None
    if begin[4:8] == b"ftyp":
        return _of_brands(begin)
    if begin[:2] == b"BM":
        return "BMP" if int.from_bytes(begin[14:18], "little") in BMP_HEADERS else None
    return next((name for magic, name in IMAGES if begin.startswith(magic)), None)


def _of_brands(begin: bytes) -> str | None:
    """Return which kind of image a container of MPEG's holds: its own brand, or one more."""
    end = min(int.from_bytes(begin[:4], "big"), 8 + 4 * MOST_BRANDS, len(begin))
    main = begin[8:12]
    others = {begin[place : place + 4] for place in range(16, end, 4)}
    if main in BRANDS_OF_AVIF or (main in BRANDS_OF_HEIF and others & BRANDS_OF_AVIF):
        return "AVIF"
    return "HEIF" if main in BRANDS_OF_HEIF else None


def kind_of(begin: bytes) -> Kind | None:
    """Return what a file is by its first bytes, or None where that is not known.

    Parameters
    ----------
    begin : bytes
        `LOOKED_AT` of them, and eight more, are enough.
    """
    form = image_format(begin)
    if form is not None:
        return Kind(f"{'an' if form == 'AVIF' else 'a'} {form.replace('HEIF', 'HEIC')} image")
    found = (kind for place, magic, kind in OTHERS if begin.startswith(magic, place))
    return next(found, None) or _of_text(begin[:LOOKED_AT])


def _of_text(begin: bytes) -> Kind | None:
    """Return which kind of text this is; None where it is none."""
    text = _text(begin)
    if text is None:
        return None
    start = text.lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return HTML
    if start.startswith("<") and "<svg" in start:
        return SVG
    return TEXT if start else None


def _text(begin: bytes) -> str | None:
    if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
        return begin.decode("utf-16", "replace") if len(begin) > 2 else None
    try:
        text = begin.decode()
    except UnicodeDecodeError as error:
        if len(begin) < LOOKED_AT or error.start < len(begin) - 3:
            return None
        text = begin[: error.start].decode()  # a character is cut in two where looking ended
    return text if all(char.isprintable() or char.isspace() for char in text) else None
