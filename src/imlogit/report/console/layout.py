"""How wide the columns of a table are, and what of it is shown, where room is short."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.cells import cell_len, chop_cells

from imlogit.report.table import Cell, Column, Rows, Table, Wrap, plain_text
from imlogit.system.text import printable_text

INDENT = 2
GAP = 2
# Names and sentences are not set narrower than this while there is a column to leave out.
LEAST_NAME = 12
LEAST_SENTENCE = 24
LEAST_OF_ALL = 3
# So that both ends have a letter that is two cells wide.
LEAST_OF_ENDS = 4
ELLIPSES = ("…", "...")
RULES = ("─", "-")


@dataclass(frozen=True)
class Letters:
    """What an encoding has letters for."""

    encoding: str

    def printable(self, text: str) -> str:
        r"""Return a text as it will be printed: what there are no letters for as ``\u732b``."""
        shown = printable_text(text)
        try:
            return shown.encode(self.encoding, "backslashreplace").decode(self.encoding)
        except LookupError:  # an encoding that Python does not know
            return shown.encode("ascii", "backslashreplace").decode()

    @property
    def ellipsis(self) -> str:
        """What stands for letters that are left out."""
        return self._first_of(ELLIPSES)

    @property
    def rule(self) -> str:
        """What a line is made of."""
        return self._first_of(RULES)

    def _first_of(self, texts: tuple[str, str]) -> str:
        return texts[0] if self.printable(texts[0]) == texts[0] else texts[1]


def fit(table: Table, room: int, letters: Letters) -> tuple[Table, list[int]]:
    """Return a table in the longest form that fits, and how wide its columns are.

    Parameters
    ----------
    table : Table
    room : int
        How wide a line may be.
    letters : Letters
    """
    while True:
        widest, least, smallest = _widths(table, letters)
        if _length(least) <= room:
            return table, _shared_out(least, widest, room)
        if table.shorter is not None:
            table = table.shorter
        elif (last := max(column.drop for column in table.columns)) > 0:
            table = _without(table, last)
        else:
            return table, _shared_out(smallest, widest, room)


def lines_of(cell: Cell, column: Column, width: int, letters: Letters) -> list[str]:
    """Return the lines of a cell, none of them wider than its column."""
    lines = _lines(cell, column, letters)
    if column.wrap is Wrap.NEVER:
        return lines
    if column.wrap is Wrap.NAME:
        return [shortened(line, width, letters.ellipsis) for line in lines]
    return [part for line in lines for part in between_words(line, width)]


def heading_lines(column: Column, width: int, letters: Letters) -> list[str]:
    """Return the lines of a column's heading: its words are never broken, nor those of a name."""
    return [
        shortened(line, width, letters.ellipsis)
        for line in between_words(letters.printable(column.name), width, whole=True)
    ]


def shortened(text: str, width: int, ellipsis: str = ELLIPSES[0]) -> str:
    """Return a text of at most so many cells, its middle left out if it is longer."""
    if cell_len(text) <= width:
        return text
    room = width - cell_len(ellipsis)
    if room < LEAST_OF_ENDS:
        return _start(text, room) + ellipsis if room > 1 else _start(text, width)
    start = _start(text, room - room // 2)
    ends = (text[place:] for place in range(1, len(text)) if cell_len(text[place]))
    return start.rstrip() + ellipsis + next(end for end in ends if cell_len(end) <= room // 2)


def _start(text: str, width: int) -> str:
    """Return as many of a text's first letters as there is room for, at least one."""
    fitting = (place for place in range(1, len(text)) if cell_len(text[:place]) <= width)
    return text[: max(fitting, default=1)]


def between_words(text: str, width: int, *, whole: bool = False) -> list[str]:
    """Return lines of words; a word that is wider than the line is broken unless it is kept whole.

    Blanks within a line stay as they are.
    """
    lines = [""]
    for word in text.split(" "):
        grown = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(grown) <= width or not lines[-1].strip():
            lines[-1] = grown
        else:
            lines.append(word)
        if cell_len(lines[-1]) > width and not whole:
            lines[-1:] = chop_cells(lines[-1], max(width, 1))
    return lines


def _widths(table: Table, letters: Letters) -> tuple[list[int], list[int], list[int]]:
    """Return how wide each column is at most, how narrow it may become, and how narrow at worst."""
    widest, least, smallest = [], [], []
    for place, column in enumerate(table.columns):
        cells = max(
            (
                cell_len(line)
                for row in table.rows + table.summary
                for line in _lines(row[place], column, letters)
            ),
            default=0,
        )
        words = letters.printable(column.name).split() if table.headed else []
        of_word = max(map(cell_len, words), default=0)
        whole = max(cells, cell_len(" ".join(words)))
        bound = {Wrap.NAME: LEAST_NAME, Wrap.WORDS: LEAST_SENTENCE}.get(column.wrap, cells)
        widest.append(whole)
        least.append(min(whole, max(bound, of_word)))
        smallest.append(max(cells if column.wrap is Wrap.NEVER else 0, min(whole, LEAST_OF_ALL)))
    return widest, least, smallest


def _lines(cell: Cell, column: Column, letters: Letters) -> list[str]:
    """Return the lines that a cell has before it is broken: only sentences have several."""
    text = plain_text(cell)
    lines = text.split("\n") if column.wrap is Wrap.WORDS else [text]
    return [letters.printable(line) for line in lines]


def _length(widths: list[int]) -> int:
    return INDENT + sum(widths) + GAP * (len(widths) - 1)


def _shared_out(least: list[int], widest: list[int], room: int) -> list[int]:
    """Return widths that use the room: each column gets a cell in turn until it has enough."""
    widths = list(least)
    wanting = [place for place, width in enumerate(widths) if width < widest[place]]
    left = room - _length(widths)
    while left > 0 and wanting:
        for place in wanting[:left]:
            widths[place] += 1
        left -= len(wanting[:left])
        wanting = [place for place in wanting if widths[place] < widest[place]]
    return widths


def _without(table: Table, drop: int) -> Table:
    """Return a table without the columns of one number."""
    stay = [place for place, column in enumerate(table.columns) if column.drop != drop]

    def kept(rows: Rows) -> Rows:
        return tuple(tuple(row[place] for place in stay) for row in rows)

    return replace(
        table,
        columns=tuple(table.columns[place] for place in stay),
        rows=kept(table.rows),
        summary=kept(table.summary),
    )
