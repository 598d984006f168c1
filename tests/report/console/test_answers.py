"""Answers as a table: its columns stand below each other, whatever the names."""

from rich.cells import cell_len

from imlogit.model.predict import Answer
from imlogit.report.console.answers import Tally, table_lines


def test_columns_stand_below_each_other_where_letters_are_two_columns_wide():
    names = ("猫と犬.png", "two.png", "한국어의 그림.png")
    found = [
        Answer(name, label, probability=0.75)
        for name, label in zip(names, ("猫", "x", "dog"), strict=True)
    ]
    heading, _, *lines = list(table_lines(found, Tally()))[: 2 + len(names)]
    end_of_probability = cell_len(heading.rstrip("\n"))
    for line, one in zip(lines, found, strict=True):
        assert one.label is not None
        assert cell_len(line.rstrip("\n")) == end_of_probability
        assert cell_len(line[: line.rindex(one.label)]) == cell_len(
            heading[: heading.index("label")]
        )
