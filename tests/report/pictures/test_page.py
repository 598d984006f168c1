"""Pages: texts that fit, images in frames."""

import numpy as np
import pytest

from imlogit.report.pictures.page import FRAME, Page, fitting, framed, width_of

from helpers.pictures import cut_texts_of, rgb_of


@pytest.mark.parametrize("name", ["w" * 300, "猫" * 90, "العربية " * 40, "a$b$c" * 80, "l"])
def test_a_page_is_as_wide_as_its_title(name):
    page = Page(50, 80, name, f"note {name}")
    assert not cut_texts_of(page)
    assert page.width <= 1000


@pytest.mark.parametrize("room", [50, 70, 200])
@pytest.mark.parametrize("bold", [False, True])
def test_a_name_is_cut_to_its_room_and_not_shorter(room, bold):
    name = "WMij" * 30
    found = fitting(name, room, bold=bold)
    assert width_of([found], bold=bold) <= room < width_of([name], bold=bold)
    assert width_of([found], bold=bold) > room - 30
    assert found.startswith("W")
    assert found.endswith("j")


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (28, 28), (200, 30), (40, 900), (64, 64, 3)])
@pytest.mark.parametrize("value", [255, 0])
def test_images_have_frames_on_a_white_page(shape, value):
    image = np.full(shape, value, np.uint8)
    canvas = framed([image, image], 160, 70)
    assert canvas.shape == (70, 160, 3)
    assert (canvas[[0, -1], [0, -1]] != value).any() or value == 255
    for half in (canvas[:, :80], canvas[:, 80:]):
        rows, columns = np.nonzero((half == FRAME).all(axis=2))
        top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
        inside = half[top + 1 : bottom, left + 1 : right]
        assert inside.size
        assert (inside == value).all()
        edges = half[top], half[bottom], half[:, left], half[:, right]
        assert min((edge == FRAME).all(axis=1).sum() for edge in edges) >= 3


def test_what_is_painted_is_there_pixel_for_pixel(rng):
    pixels = rng.integers(0, 256, (30, 20, 3), np.uint8)
    page = Page(100, 90, "t")
    page.paint(40, 50, pixels)
    assert np.array_equal(rgb_of(page.as_png())[50:80, 40:60], pixels)


def test_letters_without_a_font_are_said(monkeypatch):
    monkeypatch.setattr("imlogit.report.pictures.letters.font_of", lambda _: None)
    page = Page(300, 80, "猫")
    page.as_png()
    assert page.figure.texts[0].get_text() == r"\u732b"
    assert "no font" in page.figure.texts[-1].get_text()
    assert not cut_texts_of(page)
