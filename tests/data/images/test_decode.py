"""One image file: what each kind becomes, and what hostile ones are answered with."""

import io
import os
import pickle
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from imlogit.data.images.decode import (
    BadImageError,
    is_image_name,
    looks_like_image,
    pixels_of,
    read_bytes,
)
from imlogit.data.reading import Reading

from helpers.engines import ALL_REQUIRED
from helpers.image_files import (
    COLOUR,
    GREY,
    can_make,
    encoded,
    gif_on_canvas,
    heic_stand_in,
    png,
    tiff,
    write,
)

# Pillow's, which readers of many images keep back.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning"),
    pytest.mark.filterwarnings("ignore:Corrupt EXIF data"),
    pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin"),
]
READING = Reading()
ORIENTATION = 0x0112
XMP, WHITE_OR_BLACK, KIND_OF_PAGE, DNG_VERSION = 700, 262, 254, 50706
HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf"
AVIF = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"
# What turns an image back that a camera stored in each of EXIF's orientations.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: lambda a: np.rot90(a),
}


def read(pixels, form="PNG", reading=READING, **how):
    return pixels_of(encoded(pixels, form, **how), reading)


def replaced(content, place, by):
    return content[:place] + by + content[place + len(by) :]


class TestKinds:
    @pytest.mark.parametrize("form", ["PNG", "BMP", "GIF"])
    def test_grey_is_kept_value_for_value(self, form):
        np.testing.assert_array_equal(read(GREY, form), GREY)

    @pytest.mark.parametrize(("form", "how"), [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": 1})])
    def test_colour_is_kept_value_for_value(self, form, how):
        np.testing.assert_array_equal(read(COLOUR, form, **how), COLOUR)

    def test_a_jpeg_is_close(self):
        smooth = np.linspace(0, 255, 256).reshape(16, 16).astype(np.uint8)
        found = read(smooth, "JPEG", quality=95)
        assert found.shape == (16, 16)
        assert np.abs(found.astype(int) - smooth).max() <= 6

    def test_16_bits_are_scaled_not_clipped(self):
        deep = (GREY.astype(np.uint16) * 257)[:, ::-1].copy()
        np.testing.assert_array_equal(read(deep), GREY[:, ::-1])

    @pytest.mark.parametrize("depth", [np.uint8, np.uint16])
    def test_a_transparent_grey_is_white_whatever_its_depth(self, depth):
        step = np.iinfo(depth).max // 255
        image = (np.array([[0, 4, 117, 255]]) * step).astype(depth)
        found = read(image, "PNG", transparency=0)
        np.testing.assert_array_equal(found, [[255, 4, 117, 255]])

    def test_two_levels(self):
        found = read(Image.fromarray(GREY > 100))
        np.testing.assert_array_equal(found, np.where(GREY > 100, 255, 0))

    def test_a_palette_of_colours_and_of_greys(self):
        palette = Image.fromarray(COLOUR).quantize(32)
        np.testing.assert_array_equal(read(palette), np.asarray(palette.convert("RGB")))
        grey = Image.fromarray(np.stack([GREY] * 3, axis=2)).quantize(64)
        assert read(grey).shape == GREY.shape

    @pytest.mark.parametrize("form", ["JPEG", "TIFF"])
    def test_cmyk_is_grey_where_all_of_it_is(self, form):
        grey = Image.fromarray(np.full((8, 8, 3), 200, np.uint8)).convert("CMYK")
        np.testing.assert_allclose(read(grey, form), np.full((8, 8), 200), atol=4)
        black_only = Image.new("CMYK", (8, 8), (0, 0, 0, 100))
        np.testing.assert_allclose(read(black_only, form), np.full((8, 8), 155), atol=4)
        red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
        np.testing.assert_allclose(read(red, form), np.full((8, 8, 3), (255, 0, 0)), atol=4)

    @pytest.mark.parametrize(
        ("stored", "colour"),
        [((105, 128, 128, 255), 150), ((179, 171, 1, 255), (255, 0, 0)), ((200, 128, 128, 0), 0)],
    )
    def test_the_jpeg_that_photoshop_writes_for_print(self, stored, colour):
        """YCCK, with the inks inverted: what Pillow writes as CMYK, said to be that."""
        inks = Image.new("CMYK", (16, 16), tuple(255 - value for value in stored))
        content = bytearray(encoded(inks, "JPEG", quality=100))
        content[content.index(b"Adobe") + 11] = 2
        found = pixels_of(bytes(content), READING)
        assert found.shape == ((16, 16) if isinstance(colour, int) else (16, 16, 3))
        np.testing.assert_allclose(found, np.broadcast_to(colour, found.shape), atol=3)

    @pytest.mark.parametrize("packed", [None, "tiff_lzw", "tiff_adobe_deflate"])
    @pytest.mark.parametrize("pixels", [GREY, COLOUR], ids=["grey", "colour"])
    def test_tiff_is_kept_value_for_value(self, pixels, packed):
        np.testing.assert_array_equal(read(pixels, "TIFF", compression=packed), pixels)
        if pixels is GREY:
            deep = GREY.astype(np.uint16) * 257
            np.testing.assert_array_equal(read(deep, "TIFF", compression=packed), GREY)

    def test_the_simplest_tiff(self):
        np.testing.assert_array_equal(pixels_of(tiff({}, GREY.tobytes()), READING), GREY)

    def test_the_first_page_of_a_tiff(self):
        pages = [Image.fromarray(GREY), Image.fromarray(COLOUR)]
        found = read(pages[0], "TIFF", save_all=True, append_images=pages[1:])
        np.testing.assert_array_equal(found, GREY)

    def test_a_deep_tiff_whose_zero_is_white(self):
        deep = GREY.astype(np.uint16) * 257
        found = read(deep, "TIFF", tiffinfo={WHITE_OR_BLACK: 0})
        np.testing.assert_array_equal(found, 255 - GREY)

    def test_the_12_bits_of_a_microscope(self):
        line = bytes.fromhex("000800ffffff")
        content = tiff({256: 4, 257: 1, 278: 1, 258: 12}, line)
        np.testing.assert_array_equal(pixels_of(content, READING), [[0, 128, 255, 255]])

    def test_a_tiff_is_turned_once(self):
        """Editors say which side is up twice, in a tag and in XMP."""
        said = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
        found = read(GREY, "TIFF", tiffinfo={ORIENTATION: 6, XMP: said})
        np.testing.assert_array_equal(found, UPRIGHT[6](GREY))

    @pytest.mark.skipif("avif" not in features.modules, reason="this Pillow knows no AVIF")
    def test_avif_is_close(self):
        if not features.check("avif"):
            pytest.skip("this Pillow was built without AVIF")
        flat = np.full((16, 16, 3), (200, 30, 90), np.uint8)
        found = read(flat, "AVIF", quality=90)
        assert found.shape == flat.shape
        assert np.abs(found.astype(int) - flat).max() <= 6

    def test_heic_is_read_by_a_library_of_its_own(self, monkeypatch):
        page = Image.fromarray(COLOUR)
        monkeypatch.setitem(sys.modules, "pillow_heif", heic_stand_in(page))
        np.testing.assert_array_equal(pixels_of(HEIC, READING), COLOUR)
        with pytest.raises(BadImageError, match="max_megapixels=1 allows it"):
            pixels_of(HEIC, Reading(max_megapixels=20e-6))

    @pytest.mark.skipif(
        not (ALL_REQUIRED or find_spec("pillow_heif")), reason="needs pillow-heif, not installed"
    )
    def test_heic_in_truth(self):
        import pillow_heif

        flat = Image.new("RGB", (32, 16), (200, 30, 90))
        out = io.BytesIO()
        pillow_heif.from_pillow(flat).save(out, quality=95)
        found = pixels_of(out.getvalue(), READING)
        assert found.shape == (16, 32, 3)
        assert np.abs(found.astype(int) - (200, 30, 90)).max() <= 6
        with pytest.raises(BadImageError, match="damaged"):
            pixels_of(out.getvalue()[:200], READING)

    def test_16_bit_grey_with_alpha_stays_grey(self):
        samples = [[(257 * 10, 65535), (257 * 200, 65535), (257 * 10, 0)]]
        np.testing.assert_array_equal(pixels_of(png(samples, 16, 4), READING), [[10, 200, 255]])

    def test_grey_that_says_that_it_is_colour_stays_colour(self):
        assert read(Image.new("RGBA", (3, 3), (9, 9, 9, 255))).shape == (3, 3, 3)
        assert read(np.full((3, 3, 3), 9, np.uint8), "JPEG").shape == (3, 3, 3)

    def test_16_bit_colour_is_scaled_not_clipped(self):
        found = pixels_of(png(COLOUR.astype(int) * 257, 16, 2), READING)
        np.testing.assert_array_equal(found, COLOUR)
        one, clear = (257 * 10, 65535, 300), (257 * 20, 0, 300)
        found = pixels_of(png([[one, clear]], 16, 2, clear), READING)
        np.testing.assert_array_equal(found, [[(10, 255, 1), (255, 255, 255)]])

    @pytest.mark.parametrize("depth", [1, 2, 4, 8])
    def test_shallow_grey_is_spread_over_all_levels(self, depth):
        most = 2**depth - 1
        samples = np.array([[0, most, most // 2, 0]])
        step = 255 // most
        np.testing.assert_array_equal(pixels_of(png(samples, depth, 0), READING), samples * step)
        for clear in {0, most // 2, most}:
            found = pixels_of(png(samples, depth, 0, clear), READING)
            expected = np.where(samples == clear, 255, samples * step)
            np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize(("level", "shape"), [(0, (6, 8)), (200, (6, 8, 3))])
    def test_a_gif_that_does_not_fill_its_canvas_lies_on_white(self, level, shape):
        frame = Image.new("P", (3, 2), 1)
        frame.putpalette([level, 0, 0, 40, 40, 40 + level // 4])
        frame.putpixel((0, 0), 0)
        found = pixels_of(gif_on_canvas(frame, (8, 6), (4, 1)), READING)
        expected = np.full((6, 8, 3), 255)
        expected[1:3, 4:7] = 40, 40, 40 + level // 4
        expected[1, 4] = level, 0, 0
        np.testing.assert_array_equal(found, expected[..., 0] if level == 0 else expected)
        assert found.shape == shape

    @pytest.mark.parametrize("mode", ["LA", "RGBA"])
    def test_alpha_is_laid_over_white(self, mode):
        image = Image.new(mode, (4, 2), (0, 0) if mode == "LA" else (0, 0, 0, 0))
        image.putpixel((0, 0), (10, 255) if mode == "LA" else (10, 10, 10, 255))
        found = read(image)
        assert found.shape == ((2, 4) if mode == "LA" else (2, 4, 3))
        assert (found[0, 0] == 10).all()
        assert (found[1] == 255).all()

    def test_a_transparent_colour_of_a_palette_is_white(self):
        image = Image.new("P", (4, 4), 1)
        image.putpalette([255, 0, 0, 0, 0, 255])
        assert (read(image, "PNG", transparency=1) == 255).all()

    def test_half_transparent_black_is_middle_grey(self):
        found = read(Image.new("RGBA", (3, 3), (0, 0, 0, 128)))
        assert set(found.ravel().tolist()) == {127}

    @pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
    def test_only_the_first_frame(self, form):
        frames = [Image.new("RGB", (6, 6), colour) for colour in ("red", "blue")]
        how = {"save_all": True, "append_images": frames[1:]}
        if form == "WEBP":
            how["lossless"] = True
        found = read(frames[0], form, **how)
        np.testing.assert_array_equal(found, np.full((6, 6, 3), (255, 0, 0)))

    @pytest.mark.parametrize("turn", UPRIGHT)
    @pytest.mark.parametrize("form", ["PNG", "WEBP"])
    def test_the_right_side_is_up(self, turn, form):
        exif = Image.Exif()
        exif[ORIENTATION] = turn
        how = {"lossless": True} if form == "WEBP" else {}
        found = read(Image.fromarray(COLOUR), form, exif=exif, **how)
        expected = np.stack([UPRIGHT[turn](COLOUR[..., c]) for c in range(3)], axis=2)
        np.testing.assert_array_equal(found, expected)

    def test_damaged_exif_data_do_not_cost_the_image(self):
        content = encoded(GREY, "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
        np.testing.assert_array_equal(pixels_of(content, READING), GREY)

    def test_size_and_grey(self):
        found = read(COLOUR, reading=Reading(size=(3, 2), grey=True))
        assert found.shape == (3, 2)
        # reduced with antialiasing: the mean stays
        assert abs(found.mean() - np.asarray(Image.fromarray(COLOUR).convert("L")).mean()) < 3


@pytest.mark.parametrize(
    ("name", "known"),
    [("a.PNG", True), ("b.jpeg", True), ("c.tif", True), ("png", False), ("d.png.txt", False)],
)
def test_names_of_images(name, known):
    assert is_image_name(name) is known


@pytest.mark.parametrize(
    ("name", "content", "is_image"),
    [
        ("00001", encoded(GREY), True),
        ("00001", encoded(GREY, "JPEG"), True),
        ("photo", HEIC, True),
        ("README", b"BMX are bicycles, and this is a text", False),
        ("empty", b"", False),
        ("c.tiff", b"whatever it is", True),
        ("notes.txt", encoded(GREY), False),
        ("img.0001", encoded(GREY), False),
    ],
)
def test_only_a_file_without_an_ending_is_looked_into(tmp_path, name, content, is_image):
    path = write(tmp_path / name, content)
    assert looks_like_image(path, name) is is_image
    if "." in name:
        path.unlink()
        assert looks_like_image(path, name) is is_image


def test_what_cannot_be_looked_into_is_no_image(tmp_path):
    (tmp_path / "folder").mkdir()
    assert not looks_like_image(tmp_path / "folder", "folder")
    assert not looks_like_image(tmp_path / "gone", "gone")
    if can_make(getattr(os, "mkfifo", None), tmp_path / "pipe"):
        assert not looks_like_image(tmp_path / "pipe", "pipe")


class TestHostile:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "empty"),
            (b"\1\2\3", r"^not an image of a known format \(PNG, .*HEIC\)$"),
            (b"hello", "^text, not an image of a known format"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "^an SVG drawing, not an image"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "^a PostScript drawing, not"),
            (b"RIFF\x24\0\0\0WAVEfmt ", "^a WAV sound, not an image of a known format"),
            (encoded(GREY, "PPM"), "^a PNM image, not an image of a known format"),
            (b"version https://git-lfs.github.com/spec/v1\noid x", "Git LFS pointer.*git lfs pull"),
            (pickle.dumps([1, 2]), "^a pickle, not an image: it is never unpickled"),
            (tiff({KIND_OF_PAGE: 1}, GREY.tobytes()), "^a camera's raw file, not an image: conv"),
            (tiff({DNG_VERSION: 1}, GREY.tobytes()), "^a camera's raw file, not an image: conve"),
            (encoded(GREY.astype(np.float32), "TIFF"), "^its pixels are fractions"),
            (encoded(GREY.astype(np.int32), "TIFF"), "scale is not known"),
            (encoded(GREY)[:-30], "^damaged"),
            (encoded(GREY)[:20], "^damaged"),
            (encoded(GREY, "JPEG")[:-80], "^damaged"),
        ],
    )
    def test_no_image_is_refused_with_the_reason(self, content, message):
        with pytest.raises(BadImageError, match=message):
            pixels_of(content, READING)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (tiff({258: 10}, bytes(48)), "^a kind of TIFF that is not supported"),
            (replaced(encoded(COLOUR, "BMP"), 30, b"\4"), "^a kind of BMP that is not supported"),
        ],
    )
    def test_a_sound_file_that_is_not_supported_is_not_called_damaged(self, content, message):
        with pytest.raises(BadImageError, match=message):
            pixels_of(content, READING)

    def test_heic_without_its_library(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "pillow_heif", None)
        with pytest.raises(BadImageError, match=r'HEIC image.*pip install "imlogit\[heif\]"$'):
            pixels_of(HEIC, READING)

    def test_avif_without_support(self, monkeypatch):
        monkeypatch.delitem(features.modules, "avif", raising=False)
        with pytest.raises(BadImageError, match=r'an AVIF image.*pip install "pillow>=11\.3"$'):
            pixels_of(AVIF, READING)

    def test_tiles_larger_than_any_image_are_refused_before_they_are_decoded(self):
        huge = tiff({322: 100_000, 323: 100_000}, GREY.tobytes())
        with pytest.raises(BadImageError, match="tiles of 10,000,000,000 pixels"):
            pixels_of(huge, READING)

    def test_a_wrong_suffix_is_no_harm(self, tmp_path):
        path = tmp_path / "photo.png"
        path.write_bytes(encoded(GREY, "BMP"))
        np.testing.assert_array_equal(pixels_of(read_bytes(path, READING), READING), GREY)

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
    def test_cut_at_every_37th_byte(self, form, rng):
        noise = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        content = encoded(noise, form)
        for end in range(0, min(1000, len(content) - 1), 37):
            with pytest.raises(BadImageError, match=r"empty|damaged|not an image"):
                pixels_of(content[:end], READING)

    @pytest.mark.parametrize(
        ("side", "message"),
        [(10_000, "10,000 x 10,000.*max_megapixels=100"), (20_000, "more than 25 megapixels")],
    )
    def test_a_bomb_is_refused_before_it_is_decoded(self, side, message):
        bomb = encoded(Image.new("1", (side, side)))
        assert len(bomb) < 100_000
        began = time.process_time()
        with pytest.raises(BadImageError, match=message):
            pixels_of(bomb, READING)
        assert time.process_time() - began < 1

    def test_one_by_a_hundred_thousand(self):
        strip = np.zeros((1, 100_000), np.uint8)
        assert read(strip).shape == (1, 100_000)
        assert read(strip, reading=Reading(size=(28, 28))).shape == (28, 28)

    def test_limits_can_be_raised_and_lowered(self):
        with pytest.raises(BadImageError, match=r"max_megapixels=1 allows it"):
            read(GREY, reading=Reading(max_megapixels=20e-6))
        with pytest.raises(BadImageError, match="max_megabytes=1 allows it"):
            read(GREY, reading=Reading(max_megabytes=20e-6))
        assert read(GREY, reading=Reading(max_megapixels=31e-6)).shape == (6, 5)

    @pytest.mark.parametrize("make", ["mkfifo", "mkdir"])
    def test_what_is_no_file_is_not_waited_for(self, tmp_path, make):
        path = tmp_path / "x.png"
        if not can_make(getattr(os, make, None), path):
            pytest.skip(f"this system has no {make}")
        with pytest.raises(BadImageError, match=r"not a regular file|cannot be read"):
            read_bytes(path, READING)

    @pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
    def test_a_device(self):
        with pytest.raises(BadImageError, match="not a regular file"):
            read_bytes("/dev/zero", READING)

    def test_a_file_that_is_not_there_or_too_large(self, tmp_path):
        with pytest.raises(BadImageError, match="No such file"):
            read_bytes(tmp_path / "gone.png", READING)
        large = tmp_path / "large.png"
        with large.open("wb") as file:
            file.truncate(65_000_000)
        with pytest.raises(
            BadImageError, match=r"65 MB are more than 64 \(max_megabytes=65 allows it"
        ):
            read_bytes(large, READING)

    @given(content=st.binary(max_size=400))
    @settings(max_examples=200, deadline=2000)
    def test_any_bytes(self, content):
        result_or_error(content)

    @given(data=st.data())
    @settings(max_examples=300, deadline=2000)
    def test_any_mutation(self, data):
        content = bytearray(data.draw(st.sampled_from(VALID)))
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        end = data.draw(st.integers(0, len(content)))
        result_or_error(bytes(content[:end] if data.draw(st.booleans()) else content))


VALID = [encoded(COLOUR, form) for form in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")] + [
    encoded(COLOUR, "TIFF", compression="tiff_lzw"),
    encoded(Image.fromarray(COLOUR).quantize(8)),
    encoded(GREY.astype(np.uint16) * 257),
]


def result_or_error(content):
    try:
        found = pixels_of(content, READING)
    except BadImageError as refused:
        said = str(refused)
    else:
        said = "read"
        assert found.dtype == np.uint8
        assert found.ndim in (2, 3)
    assert said.isprintable()
    assert said
