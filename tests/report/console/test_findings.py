"""Findings as they are printed: errors first, severity in words and colour."""

import io

import pytest
from rich.console import Console

from imlogit.checks.finding import Finding, Findings, Severity, Status
from imlogit.report.console.findings import print_failed


def finding(code, severity, status=Status.FAILED):
    return Finding(code, severity, status, f"About {code}.", "Do something.")


FOUND = Findings(
    (
        finding("a-note", Severity.NOTE),
        finding("a-warning", Severity.WARNING),
        finding("an-open-one", Severity.WARNING, Status.UNDECIDED),
        finding("an-error", Severity.ERROR),
        finding("a-pass", Severity.ERROR, Status.PASSED),
    )
)


def printed(**how):
    console = Console(file=io.StringIO(), width=80, **how)
    print_failed(console, FOUND)
    return console.file.getvalue()


def test_errors_come_first_and_severity_is_named():
    text = printed()
    rows = [line.split()[:2] for line in text.splitlines() if "About" in line]
    assert rows == [
        ["error", "an-error"],
        ["warning", "a-warning"],
        ["undecided", "an-open-one"],
        ["note", "a-note"],
    ]
    summary = "5 checks: 1 passed, 3 failed (1 error, 1 warning, 1 note), 1 undecided, 0 do not"
    assert summary in text
    assert [one.code for one in FOUND.failed] == ["an-error", "a-warning", "a-note"]


@pytest.mark.parametrize("no_color", [False, True])
def test_colour_underlines_the_words_where_it_is_wanted(no_color):
    text = printed(force_terminal=True, color_system="standard", no_color=no_color)
    assert ("\x1b[1;31m" in text) is not no_color
    assert "error" in text
