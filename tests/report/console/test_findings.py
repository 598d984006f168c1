"""The findings of checks as tables, and the table of checks itself."""

from pathlib import Path

from imlogit.report.console.findings import checks_table

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_of_checks_lists_every_check_as_it_is():
    lines = (DOCS / "checks.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| code | severity | fails where |") + 2
    rows = [f"| `{code}` | {severity} | {where} |" for code, severity, where in checks_table().rows]
    assert lines[start : start + len(rows)] == rows
    assert not lines[start + len(rows)]
