"""Images in the terminal: what each renderer draws, which one is chosen, and that lines fit."""

import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from imlogit.data.image_set import ImageSet
from imlogit.errors import ParameterError
from imlogit.report.console.images import (
    ASCII,
    BRAILLE,
    HALF_BLOCKS,
    MOST_CLASSES,
    RAMP,
    ascii_ramp,
    braille,
    half_blocks,
    print_samples,
    renderer_for,
    tiled,
)

COLOUR = {"force_terminal": True, "color_system": "truecolor"}
PLAIN = {"force_terminal": False}
CHECKER = np.array([[255, 0], [0, 255]], np.uint8)


def a_console(width=80, encoding="utf-8", environ=None, **how):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    return Console(file=file, width=width, legacy_windows=False, _environ=environ or {}, **how)


def printed(console, image_set, **how):
    print_samples(console, image_set, **how)
    console.file.flush()
    return console.file.buffer.getvalue().decode(console.file.encoding)


def an_image_set(images, labels=None, names=("one",)):
    labels = np.zeros(len(images), int) if labels is None else np.asarray(labels)
    return ImageSet(images, labels, names, len(images), "some", "here")


def plain(lines):
    return [line.plain for line in lines]


def runs(line):
    return [(line.plain[span.start : span.end], span.style) for span in line.spans]


@pytest.fixture
def shades():
    """Thirty images of 28 x 28, each of one shade of its own, in three classes."""
    levels = np.arange(30, dtype=np.uint8) * 8
    images = np.broadcast_to(levels[:, None, None], (30, 28, 28)).copy()
    return an_image_set(images, np.arange(30) % 3, ("a", "b", "c"))


def test_half_blocks_are_two_pixels_each():
    (line,) = half_blocks(CHECKER)
    assert runs(line) == [("▀", "#ffffff on #000000"), ("▀", "#000000 on #ffffff")]


def test_half_blocks_of_colours_in_runs_below_them_nothing():
    red, blue = (255, 0, 0), (0, 0, 254)
    top, bottom = half_blocks(np.array([[red] * 3, [blue] * 3, [red, red, blue]], np.uint8))
    assert runs(top) == [("▀▀▀", "#ff0000 on #0000fe")]
    assert runs(bottom) == [("▀▀", "#ff0000"), ("▀", "#0000fe")]


def test_half_blocks_as_a_terminal_gets_them():
    shown = printed(a_console(**COLOUR), an_image_set(CHECKER[None]))
    white_on_black = "\x1b[38;2;255;255;255;48;2;0;0;0m▀\x1b[0m"
    black_on_white = "\x1b[38;2;0;0;0;48;2;255;255;255m▀\x1b[0m"
    assert shown.splitlines()[1] == white_on_black + black_on_white


def test_fewer_colours_where_the_terminal_has_fewer():
    console = a_console(force_terminal=True, color_system="256")
    # rich keeps the codes of a style from its first use, whatever the console of the next:
    # these two shades are in no other test
    image = np.array([[253], [2]], np.uint8)
    assert "\x1b[38;5;231;48;5;16m▀" in printed(console, an_image_set(image[None]))


@pytest.mark.parametrize(
    ("down", "across", "character"),
    [(*divmod(place, 2), character) for place, character in enumerate("⠁⠈⠂⠐⠄⠠⡀⢀")],
)
def test_every_dot_of_a_braille_character(down, across, character):
    image = np.zeros((4, 2), np.uint8)
    image[down, across] = 200
    assert plain(braille(image)) == [character]
    assert plain(braille(np.dstack([image] * 3))) == [character]


def test_braille_beyond_the_edge_is_dark():
    image = np.full((5, 3), 255, np.uint8)
    assert plain(braille(image)) == ["⣿⡇", "⠉⠁"]


def test_braille_of_two_close_levels_is_not_dithered():
    assert plain(braille(np.array([[90, 100]] * 4, np.uint8))) == ["⢸"]


def test_braille_of_many_levels_is_dithered():
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8), (32, 64))
    codes = np.array([[ord(char) - 0x2800 for char in line] for line in plain(braille(ramp))])
    dots = np.bitwise_count(codes).sum(axis=0) / (8 * len(codes))
    # the density of the dots follows the level, which a threshold cannot do
    assert np.abs(dots - ramp[0].reshape(-1, 2).mean(axis=1) / 255).max() < 0.15


@pytest.mark.parametrize(("level", "character"), [(0, "⠀"), (255, "⣿")])
def test_braille_of_a_single_level(level, character):
    assert plain(braille(np.full((4, 2), level, np.uint8))) == [character]


def test_ascii_is_two_rows_a_character():
    rows = np.array([[0, 255, 0, 128], [0, 255, 255, 128], [26, 51, 77, 231]], np.uint8)
    assert plain(ascii_ramp(rows)) == [" @=+", "..-@"]


def test_every_character_of_the_ramp():
    levels = np.array([[26 * place for place in range(10)]], np.uint8)
    assert plain(ascii_ramp(levels)) == [RAMP]
    assert plain(ascii_ramp(np.repeat(levels[:, :, None], 3, axis=2))) == [RAMP]


def test_pictures_stand_side_by_side():
    first, second = [Text("ab"), Text("cd")], [Text("ef"), Text("gh")]
    assert plain(tiled([first, second])) == ["ab ef", "cd gh"]
    assert tiled([]) == []


@pytest.mark.parametrize(
    ("renderer", "how"),
    [
        (HALF_BLOCKS, COLOUR),
        (HALF_BLOCKS, {"force_terminal": True, "color_system": "standard"}),
        (HALF_BLOCKS, {"force_terminal": True, "environ": {"TERM": "xterm-256color"}}),
        (HALF_BLOCKS, {**COLOUR, "encoding": "cp437"}),
        (BRAILLE, {**COLOUR, "environ": {"NO_COLOR": "1"}}),
        (BRAILLE, {"force_terminal": True, "environ": {"TERM": "dumb"}}),
        (BRAILLE, PLAIN),
        (BRAILLE, {"force_terminal": False, "color_system": "truecolor"}),
        (ASCII, {**COLOUR, "encoding": "latin-1"}),
        (ASCII, {**PLAIN, "encoding": "ascii"}),
        (ASCII, {**PLAIN, "encoding": "cp437"}),
    ],
)
def test_the_console_chooses_the_renderer(renderer, how):
    assert renderer_for(a_console(**how)) is renderer


def test_an_encoding_that_python_does_not_know():
    class Odd(io.StringIO):
        encoding = "no such"

    assert renderer_for(Console(file=Odd(), _environ={})) is ASCII


@pytest.mark.parametrize("how", [COLOUR, PLAIN, {**PLAIN, "encoding": "ascii"}])
@settings(deadline=None, max_examples=40)
@given(
    width=st.integers(10, 200),
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    channels=st.sampled_from([(), (1,), (2,), (3,), (4,), (5,)]),
)
def test_no_line_is_wider_than_the_console(how, width, shape, channels):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (9, *shape, *channels), dtype=np.uint8)
    image_set = an_image_set(images, [0] * 8 + [1], ("a name of several words 日本語", "x" * 30))
    lines = printed(a_console(width, **how), image_set).splitlines()
    assert max(Text.from_ansi(line).cell_len for line in lines) <= width


@pytest.mark.parametrize("width", [1, 2, 5, 13, 27])
@pytest.mark.parametrize("how", [COLOUR, PLAIN, {**PLAIN, "encoding": "ascii"}])
def test_a_narrow_console_gets_one_smaller_picture(how, width, shades):
    shown = printed(a_console(width, **how), shades)
    assert shown == printed(a_console(width, **how), shades, per_class=1)
    columns = Text.from_ansi(shown.splitlines()[-1]).cell_len
    assert columns == min(width, 28 // renderer_for(a_console(**how)).cell[1])


@pytest.mark.parametrize(
    ("shape", "how", "lines", "columns"),
    [
        ((8, 8), COLOUR, 4, 8),
        ((9, 8), COLOUR, 5, 8),
        ((8, 8), PLAIN, 2, 4),
        ((28, 28), PLAIN, 7, 14),
        ((64, 64), COLOUR, 16, 32),
        ((128, 128), PLAIN, 16, 32),
        ((30, 60), COLOUR, 8, 32),
        ((64, 64), {**PLAIN, "encoding": "ascii"}, 16, 32),
        ((1000, 10), COLOUR, 32, 1),
    ],
)
def test_large_images_are_reduced_and_small_ones_are_not_enlarged(shape, how, lines, columns):
    image_set = an_image_set(np.full((1, *shape), 255, np.uint8))
    drawn = printed(a_console(200, **how), image_set).splitlines()[1:]
    assert [Text.from_ansi(line).cell_len for line in drawn] == [columns] * lines


def test_reducing_smooths():
    fine = np.tile(CHECKER, (64, 64))[None]
    shown = printed(a_console(**COLOUR), an_image_set(fine)).splitlines()[9]
    # of black and white squares finer than the screen there remains an even grey
    assert {int(level) for level in re.findall(r";2;(\d+);", shown)} <= {127, 128}


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_other_numbers_of_channels_become_their_mean(channels):
    image = np.zeros((1, 1, 1, channels), np.uint8)
    image[..., 0] = 200
    grey = round(200 / channels)
    shown = printed(a_console(**COLOUR), an_image_set(image))
    assert f"\x1b[38;2;{grey};{grey};{grey}m▀" in shown


def test_as_many_as_fit(shades):
    assert printed(a_console(14 * 4 + 3), shades).splitlines()[1].count(" ") == 3
    assert printed(a_console(14 * 4 + 2), shades).splitlines()[1].count(" ") == 2
    assert printed(a_console(80), shades, per_class=2).splitlines()[1].count(" ") == 1
    # each class has ten images, and no more are drawn
    assert printed(a_console(200), shades).splitlines()[1].count(" ") == 9
    with pytest.raises(ParameterError, match="per_class=0 must be at least 1"):
        print_samples(a_console(), shades, per_class=0)


@pytest.mark.parametrize("seed", [0, 7])
def test_the_images_are_numpys_draw(shades, seed):
    lines = printed(a_console(90, **COLOUR), shades, seed=seed).splitlines()
    rng = np.random.default_rng(seed)
    for code in range(3):
        rows = rng.permutation(np.flatnonzero(shades.labels == code))[:3]
        line = lines[code * 15 + 1]
        drawn = [int(level) // 8 for level in re.findall(r"38;2;(\d+);", line)]
        assert drawn == rows.tolist()


def test_the_same_seed_gives_the_same_text(embedded):
    one, again = (printed(a_console(), embedded, seed=3) for _ in range(2))
    assert one == again
    assert one != printed(a_console(), embedded, seed=4)
    assert [line for line in one.splitlines() if line.isascii()] == [
        f"{digit} (500 images)" for digit in range(10)
    ]


@pytest.mark.parametrize("name", ["[red]:smile:", "[/]", "[bold", "https://a.b", "日本"])
@pytest.mark.parametrize("how", [COLOUR, PLAIN])
def test_headings_are_verbatim(name, how):
    heading = printed(a_console(**how), an_image_set(CHECKER[None], names=(name,))).splitlines()[0]
    bold = how is COLOUR
    assert heading == ("\x1b[1m" if bold else "") + f"{name} (1 image)" + ("\x1b[0m" * bold)


def test_headings_that_cannot_be_written_or_would_steer_the_terminal():
    image_set = an_image_set(CHECKER[None], names=("é\x1b[2J\n",))
    assert printed(a_console(), image_set).splitlines()[0] == r"é\x1b[2J\n (1 image)"
    shown = printed(a_console(encoding="ascii"), image_set)
    assert shown.splitlines()[0] == r"\xe9\x1b[2J\n (1 image)"


def test_a_class_without_images():
    image_set = an_image_set(CHECKER[None], names=("one", "none"))
    assert printed(a_console(), image_set).splitlines() == ["one (1 image)", "⠑", "none (0 images)"]


@pytest.mark.parametrize(
    ("more", "last"), [(0, None), (1, "and 1 more class"), (1234, "and 1,234 more classes")]
)
def test_many_classes(more, last):
    n = MOST_CLASSES + more
    images = np.full((n, 1, 1), 255, np.uint8)
    image_set = an_image_set(images, np.arange(n), tuple(map(str, range(n))))
    lines = printed(a_console(), image_set).splitlines()
    assert sum("(1 image)" in line for line in lines) == MOST_CLASSES
    assert lines[2 * MOST_CLASSES :] == ([last] if last else [])
