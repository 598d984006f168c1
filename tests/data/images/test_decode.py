"""One image file: what each kind becomes, and what hostile ones are answered with."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imlogit.data.images.decode import BadImageError, is_image_name, pixels_of, read_bytes
from imlogit.data.reading import Reading

from helpers.image_files import COLOUR, GREY, can_make, encoded

# Pillow's, which readers of many images keep back.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning"),
    pytest.mark.filterwarnings("ignore:Corrupt EXIF data"),
]
READING = Reading()
ORIENTATION = 0x0112
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

    def test_cmyk_becomes_rgb(self):
        found = read(Image.fromarray(np.full((8, 8, 3), 200, np.uint8)).convert("CMYK"), "JPEG")
        assert found.shape == (8, 8, 3)
        assert np.abs(found.astype(int) - 200).max() <= 4

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

    @pytest.mark.parametrize("form", ["GIF", "WEBP"])
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
    [("a.PNG", True), ("b.jpeg", True), ("c.tif", False), ("png", False), ("d.png.txt", False)],
)
def test_names_of_images(name, known):
    assert is_image_name(name) is known


class TestHostile:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "empty"),
            (b"hello", "not an image of a known format"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image of a known format"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image of a known"),
            (encoded(GREY, "TIFF"), "not an image of a known format"),
            (encoded(GREY, "PPM"), "not an image of a known format"),
            (encoded(GREY)[:-30], "damaged"),
        ],
    )
    def test_no_image_is_refused_with_the_reason(self, content, message):
        with pytest.raises(BadImageError, match=message):
            pixels_of(content, READING)

    def test_a_wrong_suffix_is_no_harm(self, tmp_path):
        path = tmp_path / "photo.png"
        path.write_bytes(encoded(GREY, "BMP"))
        np.testing.assert_array_equal(pixels_of(read_bytes(path, READING), READING), GREY)

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
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


VALID = [encoded(COLOUR, form) for form in ("PNG", "JPEG", "GIF", "WEBP", "BMP")] + [
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
