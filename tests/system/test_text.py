"""Texts for people: how long ago, how large, and what was meant."""

import pytest

from imlogit.system.text import (
    ago,
    bytes_in_words,
    nearest,
    nearest_path,
    printable_lines,
    reason,
    spreadsheet_text,
)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "just now"),
        (59.9, "just now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (3 * 86_400 + 5, "3 days ago"),
        (4e8, "4,629 days ago"),
    ],
)
def test_how_long_ago(seconds, said):
    assert ago(seconds) == said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("minst-5k", "mnist-5k"),
        ("MNIST", "mnist"),
        ("zebra x", "zebra\\nx"),
        ("cats", None),
        ("", None),
        ("x" * 5000, None),
        (None, None),
    ],
)
def test_what_was_meant(name, meant):
    said = nearest(name, ["mnist", "mnist-5k", "zebra\nx", "", "Other"])
    assert said == ("" if meant is None else f" Did you mean '{meant}'?")


def test_nothing_is_known():
    assert nearest("mnist", []) == ""


def test_a_name_in_a_folder(tmp_path, monkeypatch):
    for name in ("model.imlogit", ".modle.imlogit"):
        (tmp_path / name).touch()
    meant = tmp_path / "model.imlogit"
    assert nearest_path(tmp_path / "modle.imlogit") == f" Did you mean '{meant}'?"
    assert nearest_path(tmp_path / "gone" / "model.imlogit") == nearest_path("a\0b") == ""
    monkeypatch.chdir(tmp_path)
    assert nearest_path("modl.imlogit/") == " Did you mean 'model.imlogit'?"


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (2 * 10**10, "20 GB"), (3 * 10**15, "3000 TB")],
)
def test_how_large(size, said):
    assert bytes_in_words(size) == said


HOSTILE = "\x1b]0;title\x07 \x9b2J \x00 \u202e \u2066 \udcff"


def test_lines_fit_to_be_printed():
    said = printable_lines(f"first\n{HOSTILE}\nlast\r")
    assert said.replace("\n", "").isprintable()
    assert (said.count("\n"), said.endswith("\nlast\\r")) == (2, True)
    joined = "Zürich 猫 می\u200cخواهم 👩\u200d🔬 1\xa0000\n"
    assert printable_lines(joined) == joined


def test_what_a_server_says_is_printable():
    assert reason(OSError(HOSTILE)).isprintable()


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        ("\t=1", "\\t=1"),
        ("\r=1", "\\r=1"),
        ("-1", "-1"),
        ("+1.5e-3", "+1.5e-3"),
        ("-\u0661", "'-\u0661"),
        ("cat", "cat"),
        ("", ""),
    ],
)
def test_a_cell_is_no_formula(text, cell):
    assert spreadsheet_text(text) == cell
