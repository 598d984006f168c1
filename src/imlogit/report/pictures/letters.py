"""Names as pictures show them: in fonts that have their letters, escaped where none has, short."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells

from imlogit.system.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontEntry

# Longer names would squeeze the pictures beside them.
NAME_WIDTH = 20
# Comes with matplotlib, and has the letters of Latin, Greek, Cyrillic, Arabic and Hebrew.
OWN_FONT = "DejaVu Sans"
# Of the many fonts of a machine, those that have most letters are looked into first.
LIKELY = (
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR"),
    *("Source Han Sans", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("Hiragino Sans", "Hiragino Sans GB", "PingFang HK", "PingFang SC", "Apple SD Gothic Neo"),
    *("Yu Gothic", "Meiryo", "MS Gothic", "Microsoft YaHei", "SimHei", "Malgun Gothic"),
    *("IPAexGothic", "IPAGothic", "Arial Unicode MS", "Unifont"),
    *("Noto Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Symbola"),
)
MOST_FONTS = 200
# These have one glyph for all letters, coloured ones that stay blank, or symbols in their places.
NO_FONTS = ("last resort", "lastresort", "adobe blank", "color emoji", "nonunicode", "stixsize")

ESCAPE = re.compile(r"\\(u[0-9a-f]{4}|U[0-9a-f]{8})")


def short(name: str, most: int = NAME_WIDTH) -> str:
    """Return a name on one line, without the middle of a long one.

    Letters that no font has are escaped: drawn, they would all be the same box.

    Parameters
    ----------
    name : str
    most : int
        How wide it may be, in letters; Chinese characters and their like are two wide.
    """
    name = legible(printable(name))
    if cell_len(name) <= most:
        return name
    end = most // 3
    start, rest = (chop_cells(*part)[0] for part in ((name, most - end - 1), (name[::-1], end)))
    return f"{start}…{rest[::-1]}"


def legible(text: str) -> str:
    """Return a text with the letters escaped that no font on this machine has."""
    if text.isascii():
        return text
    return "".join(
        char if char.isascii() or font_of(char) else char.encode("unicode_escape").decode()
        for char in text
    )


def plain(text: str) -> str:
    r"""Return text that matplotlib draws as it stands: else ``a$b$c`` is a formula.

    Every text in which there may be a name goes through here. Matplotlib takes back what is done
    to it here wherever the text holds no formula.
    """
    return text.replace("$", r"\$")


def find_fonts(figure: Figure) -> bool:
    """Have each text of a figure drawn in fonts that have its letters.

    Returns
    -------
    bool
        Whether letters are escaped, as there are no fonts that have them.
    """
    from matplotlib.text import Text

    escaped = False
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        escaped = escaped or ESCAPE.search(text.get_text()) is not None
        fonts = fonts_of(text.get_text())
        if len(fonts) > 1:
            text.set_fontfamily(fonts)
            # many others have no bold cut, which matplotlib would complain about
            text.set_fontweight("normal")
    return escaped


def fonts_of(text: str) -> list[str]:
    """Return matplotlib's own font, and others for the letters that it does not have."""
    return list(dict.fromkeys([OWN_FONT, *filter(None, map(font_of, text))]))


@cache
def font_of(char: str) -> str | None:
    """Return the name of an installed font that has a letter, or None."""
    return next((name for name, path in _fonts() if ord(char) in _letters_of(path)), None)


@cache
def _fonts() -> tuple[tuple[str, str], ...]:
    """Return fonts to look into, by name and file, our own first, of each name the usual cut."""
    from matplotlib.font_manager import fontManager

    def cut(entry: FontEntry) -> tuple[bool, bool, str]:
        usual = str(entry.weight) in ("400", "normal", "regular")
        return entry.style != "normal", not usual, entry.fname

    places: dict[str, str] = {}
    for entry in sorted(fontManager.ttflist, key=cut):
        name = entry.name.lower()
        if not any(word in name for word in NO_FONTS) and not name.startswith("cm"):
            places.setdefault(entry.name, entry.fname)
    first = [name for name in (OWN_FONT, *LIKELY) if name in places]
    names = dict.fromkeys([*first, *sorted(places)])
    return tuple((name, places[name]) for name in names)[:MOST_FONTS]


@cache
def _letters_of(path: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError):  # a font that was removed, or is damaged
        return frozenset()
