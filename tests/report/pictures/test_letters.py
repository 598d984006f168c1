"""Names, whatever their letters: in a font that has them, or escaped."""

import matplotlib as mpl
import pytest
from matplotlib.text import Text

from imlogit.report.pictures import letters
from imlogit.report.pictures.page import Page

from helpers.awkward_names import NAMES


@pytest.fixture
def fonts(monkeypatch):
    """Have only matplotlib's own font, and others of given names and letters."""

    def installed(**others):
        for one in (letters.font_of, letters._fonts, letters._letters_of):
            one.cache_clear()
        own = next(path for name, path in letters._fonts() if name == letters.OWN_FONT)
        listed = ((letters.OWN_FONT, own), *((name, name) for name in others))
        has = letters._letters_of
        monkeypatch.setattr(letters, "_fonts", lambda: listed)
        monkeypatch.setattr(
            letters, "_letters_of", lambda path: set(map(ord, others.get(path, ""))) or has(path)
        )

    yield installed
    letters.font_of.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_matplotlib_draws_the_letters_of_a_name(name):
    text, is_formula = Text(text=letters.plain(name))._preprocess_math(letters.plain(name))
    assert (text, is_formula) == (name, False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exactly twenty chars", "exactly twenty chars"),
        ("n01440764 tench, Tinca tinca", "n01440764 ten… tinca"),
        ("猫" * 10, "猫" * 10),
        ("猫" * 11, "猫" * 6 + "…" + "猫" * 3),
        ("two\nlines", r"two\nlines"),
        ("犬", r"\u72ac"),
        ("🐈 Grüße, Ελλάδα", r"\U0001f408 Grüße, Ελλάδα"),
    ],
)
def test_short(fonts, name, expected):
    fonts(Cats="猫")
    assert letters.short(name, 25 if name.startswith("🐈") else 20) == expected


def test_each_letter_has_the_first_font_that_has_it(fonts):
    fonts(Cats="猫", Pets="猫犬")
    assert letters.fonts_of("cat") == [letters.OWN_FONT]
    assert letters.fonts_of("a 猫 犬") == [letters.OWN_FONT, "Cats", "Pets"]
    assert letters.fonts_of("犬") == [letters.OWN_FONT, "Pets"]


def test_fonts_without_letters_of_their_own_are_left_out():
    letters._fonts.cache_clear()
    names = [name for name, _ in letters._fonts()]
    assert names[0] == letters.OWN_FONT
    assert not {name for name in names if "Last Resort" in name or name.startswith("cm")}
    assert "DejaVu Serif" in names


def test_an_installed_font_draws_what_our_own_does_not_have():
    # a letter that is in STIX alone, of the fonts that come with matplotlib
    stix = dict(letters._fonts())["STIXGeneral"]
    letter = next(
        chr(code)
        for code in sorted(letters._letters_of(stix))
        if chr(code).isalpha() and letters.font_of(chr(code)) == "STIXGeneral"
    )
    page = Page(300, 100, f"a {letter}")
    page.as_png()
    assert page.figure.texts[0].get_fontfamily() == [letters.OWN_FONT, "STIXGeneral"]
    assert mpl.rcParams["font.family"] == ["sans-serif"]
