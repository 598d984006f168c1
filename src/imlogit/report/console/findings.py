"""The findings of checks, as `imlogit check` prints them and as runs mention them."""

from __future__ import annotations

from rich.console import Console

from imlogit.checks.finding import Finding, Findings, Status
from imlogit.report.console.printing import print_table, print_words
from imlogit.report.table import Cell, Column, Marked, Table, Wrap, columns, plain_text


def print_findings(console: Console, findings: Findings) -> None:
    """Print every check with its outcome, then what to do about those that did not pass."""
    print_table(console, findings_table(findings))
    print_failed(console, findings)


def print_failed(console: Console, findings: Findings) -> None:
    """Print the checks that failed or are undecided and what to do, and how many there were."""
    if findings.worth_reading:
        print_table(console, advice_table(findings))
    print_words(console, findings.in_short())
    console.print()


def findings_table(findings: Findings) -> Table:
    """Return every check with its outcome."""
    rows = tuple(
        (finding.code, _outcome(finding), finding.sentence + _limits(finding))
        for finding in findings
    )
    merged = tuple(
        (code, _changed(outcome, f"{plain_text(outcome)}: {found}"))
        for code, outcome, found in rows
    )
    code, outcome = columns("check", "outcome", wrap=Wrap.NEVER)
    found = Column("what was found")
    return Table(
        "Checks", (code, outcome, found), rows, shorter=Table("Checks", (code, found), merged)
    )


def advice_table(findings: Findings) -> Table:
    """Return what failed or is undecided, each with advice and some of the rows that show it."""
    rows = tuple(
        (
            Marked(finding.how_bad, finding.severity),
            finding.code,
            finding.in_words(),
        )
        for finding in findings.worth_reading
    )
    merged = tuple(
        (code, _changed(how, f"{plain_text(how)}: {found}")) for how, code, found in rows
    )
    severity, check = columns("severity", "check", wrap=Wrap.NEVER)
    title, found = "What the checks found", Column("finding")
    return Table(
        title, (severity, check, found), rows, shorter=Table(title, (check, found), merged)
    )


def _outcome(finding: Finding) -> Cell:
    if finding.status not in (Status.FAILED, Status.UNDECIDED):
        return str(finding.status)
    return Marked(f"{finding.status} ({finding.severity})", finding.severity)


def _changed(cell: Cell, text: str) -> Cell:
    return cell._replace(text=text) if isinstance(cell, Marked) else text


def _limits(finding: Finding) -> str:
    if not finding.limits:
        return ""
    return f" [{', '.join(f'{name} {value:g}' for name, value in finding.limits.items())}]"
