"""What becomes of errors: the user's in one line, ours with a traceback."""

import pytest

from imlogit.cli.app import run
from imlogit.cli.terminal import progress_bars, working
from imlogit.runs import examine


def test_an_error_that_can_be_mended_is_one_line_and_code_2(capsys):
    assert run(["train", "no-such-source"]) == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("imlogit: There is no source of images named 'no-such-source'")
    assert not said.out


@pytest.mark.parametrize("error", [ValueError("operands could not be broadcast"), KeyError("gap")])
def test_a_fault_of_ours_is_no_fault_of_the_users(monkeypatch, error):
    def broken(*_):
        raise error

    monkeypatch.setattr(examine, "compare", broken)
    with pytest.raises(type(error)):  # Python prints its traceback, and ends with code 1
        run(["compare", "one", "two"])


def test_debugging_shows_the_traceback_of_everything(monkeypatch, capsys):
    monkeypatch.setenv("IMLOGIT_DEBUG", "1")
    assert run(["train", "no-such-source"]) == 2
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert said.splitlines()[-1].startswith("imlogit: There is no source")


def test_options_of_reading_are_spelled_as_options(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("label,p0,p1\n1,2,3\n")
    assert run(["train", str(tmp_path / "a.csv")]) == 2
    assert "--shape HxW" in capsys.readouterr().err


def test_names_are_shown_as_they_are_while_a_terminal_waits(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress_bars() as (loading, _):
        loading("reading [/] :smile:", 1, 2)
    with working("writing [/] :smile:"):
        pass
    said = capsys.readouterr()
    assert "reading [/] :smile:" in said.err
    assert "writing [/] :smile:" in said.err
    assert not said.out


def test_too_little_memory_is_one_line(monkeypatch, capsys):
    def greedy(*_):
        raise MemoryError

    monkeypatch.setattr(examine, "compare", greedy)
    assert run(["compare", "one", "two"]) == 2
    assert "not enough memory (none is left). Give fewer" in capsys.readouterr().err
