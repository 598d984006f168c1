"""The findings of checks, as `imlogit check` prints them and as runs mention them."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from imlogit.checks.finding import Finding, Findings, Severity, Status
from imlogit.report.console.tables import new_table

# Colour only underlines what the words say.
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
# So many rows are named under a finding.
MOST_ROWS = 5


def print_findings(console: Console, findings: Findings) -> None:
    """Print every check with its outcome, then what to do about those that failed."""
    table = new_table("Checks")
    for heading in ("check", "outcome", "what was found"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(finding.code, _outcome(finding), Text(finding.sentence + _limits(finding)))
    console.print(table)
    print_failed(console, findings)


def print_failed(console: Console, findings: Findings) -> None:
    """Print the checks that failed and what to do, and how many there were."""
    if findings.failed:
        console.print(advice_table(findings, "What the checks found"))
    console.print(summary(findings))
    console.print()


def advice_table(findings: Findings, title: str) -> Table:
    """Return the checks that failed, each with advice and some of the rows that show it."""
    table = new_table(title)
    for heading in ("check", "finding"):
        table.add_column(heading, overflow="fold")
    for finding in findings.failed:
        said = [f"{finding.sentence} {finding.advice}", *_rows(finding)]
        table.add_row(Text(finding.code, STYLES[finding.severity]), Text("\n".join(said)))
    return table


def summary(findings: Findings) -> str:
    """Return how many checks passed and failed, as a sentence."""
    counts = {status: sum(f.status is status for f in findings) for status in Status}
    return (
        f"{len(findings)} checks: {counts[Status.PASSED]} passed, {counts[Status.FAILED]} failed, "
        f"{counts[Status.NOT_APPLICABLE]} do not apply."
    )


def _outcome(finding: Finding) -> Text:
    if not finding.failed:
        return Text(str(finding.status))
    return Text(f"failed ({finding.severity})", STYLES[finding.severity])


def _limits(finding: Finding) -> str:
    if not finding.limits:
        return ""
    return f" [{', '.join(f'{name} {value:g}' for name, value in finding.limits.items())}]"


def _rows(finding: Finding) -> list[str]:
    lines = [
        f"{' and '.join(f'{part} row {row}' for part, row in one.rows)}: {one.words}"
        for one in finding.exhibits[:MOST_ROWS]
    ]
    rest = finding.n_affected - len(lines)
    return [*lines, f"and {rest:,} more"] if lines and rest > 0 else lines
