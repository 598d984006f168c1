"""JSON of any origin is read within bounds, and JSON that is printed does nothing to a terminal."""

import json
import tracemalloc

import pytest

from imlogit.system.plain_json import parse, to_printable_json


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 900 + "]" * 900,
        "[" + "{}," * 1000 + "1]",
        "[" + "1," * 1000 + "1]",
        '{"a": 1, "a": 2}',
        "1" * 5000,
        "",
        b"\xff",
    ],
)
def test_what_is_refused(text):
    with pytest.raises(ValueError):
        parse(text, most_structures=64, most_values=1000)


@pytest.mark.parametrize("text", ["[{,", "\\", '\\"[{,', "a\\\\"])
def test_brackets_in_texts_are_no_lists(text):
    content = {"name": [text * 500], "more": [text] * 50}
    assert parse(json.dumps(content), most_structures=3, most_values=60) == content


def test_counting_takes_little_memory():
    text = json.dumps(['[{,\\"' * 200_000])
    tracemalloc.start()
    try:
        parse(text, most_structures=1, most_values=1)
        assert tracemalloc.get_traced_memory()[1] < 12 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "name",
    ["Zürich 猫 🐈", "a\x1b[2Jb", "\x9b31m", "\x7f", "\u202egpj.exe", "\u2028", "\ud800", "a\nb\0"],
)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_what_is_printed_comes_back(name, ascii_only):
    text = to_printable_json({name: [name]}, indent=2, ascii_only=ascii_only)
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == {name: [name]}
    assert ("猫" in text) is ("猫" in name and not ascii_only)
