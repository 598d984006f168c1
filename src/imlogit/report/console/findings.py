"""The findings of checks, as `imlogit check` prints them and as runs mention them."""

from __future__ import annotations

from rich.console import Console

from imlogit.checks.finding import Finding, Findings, Severity, Status
from imlogit.report.console.printing import print_table, print_words
from imlogit.report.table import Cell, Column, Marked, Table, Wrap, columns, plain_text

MOST_ROWS_NAMED = 5


def print_findings(console: Console, findings: Findings) -> None:
    """Print every check with its outcome, then what to do about those that did not pass."""
    print_table(console, findings_table(findings))
    print_failed(console, findings)


def print_failed(console: Console, findings: Findings) -> None:
    """Print the checks that failed or are undecided and what to do, and how many there were."""
    if findings.worth_reading:
        print_table(console, advice_table(findings))
    print_words(console, summary(findings))
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
            Marked(_severity(finding), finding.severity),
            finding.code,
            "\n".join([f"{finding.sentence} {finding.advice}", *_rows(finding)]),
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


def summary(findings: Findings) -> str:
    """Return how many checks passed and failed, and how badly, as a sentence."""
    counts = {status: sum(f.status is status for f in findings) for status in Status}
    undecided = counts[Status.UNDECIDED]
    return (
        f"{len(findings)} checks: {counts[Status.PASSED]} passed, {counts[Status.FAILED]} failed"
        f"{_how_badly(findings)}, "
        f"{f'{undecided} undecided, ' if undecided else ''}"
        f"{counts[Status.NOT_APPLICABLE]} "
        f"{'does' if counts[Status.NOT_APPLICABLE] == 1 else 'do'} not apply."
    )


def _outcome(finding: Finding) -> Cell:
    if finding.status not in (Status.FAILED, Status.UNDECIDED):
        return str(finding.status)
    return Marked(f"{finding.status} ({finding.severity})", finding.severity)


def _severity(finding: Finding) -> str:
    return "undecided" if finding.status is Status.UNDECIDED else str(finding.severity)


def _how_badly(findings: Findings) -> str:
    """Return how many of the failed checks are of each severity, in brackets."""
    counts = {one: sum(f.severity is one for f in findings.failed) for one in Severity}
    said = [f"{n} {one}{'s' if n > 1 else ''}" for one, n in counts.items() if n]
    return f" ({', '.join(said)})" if said else ""


def _changed(cell: Cell, text: str) -> Cell:
    return cell._replace(text=text) if isinstance(cell, Marked) else text


def _limits(finding: Finding) -> str:
    if not finding.limits:
        return ""
    return f" [{', '.join(f'{name} {value:g}' for name, value in finding.limits.items())}]"


def _rows(finding: Finding) -> list[str]:
    lines = [f"{one.called}: {one.words}" for one in finding.exhibits[:MOST_ROWS_NAMED]]
    rest = finding.n_affected - len(lines)
    return [*lines, f"and {rest:,} more"] if lines and rest > 0 else lines
