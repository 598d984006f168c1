"""What a check finds: passed, failed, undecided or not applicable, with evidence and advice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from imlogit.system.summarized import NotebookTable, Summarized

MOST_EXHIBITS = 100
# Of the rows that show what was found, so many are named where people read it.
MOST_NAMED = 5


class Status(StrEnum):
    """How a check ended; undecided where there is too little to see either way."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not applicable"


class Severity(StrEnum):
    """What a failed check means: figures that are wrong, or figures to take with care."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """Its place in a list that begins with what matters most."""
        return list(Severity).index(self)


class Exhibit(NamedTuple):
    """One image, or a pair, that shows what was found.

    Attributes
    ----------
    rows : tuple of (str, int)
        For each image the part that it is in, "training" or "test", and its row in the source.
    words : str
        What there is to see.
    names : tuple of str
        For each image its file in the source; none where images have no files.
    """

    rows: tuple[tuple[str, int], ...]
    words: str
    names: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """What the images are called: part and row, and the file where there is one."""
        files = self.names or ("",) * len(self.rows)
        return " and ".join(
            f"{part} row {row}" + (f" ({name})" if name else "")
            for (part, row), name in zip(self.rows, files, strict=True)
        )


class Outcome(NamedTuple):
    """What a check's function returns.

    Attributes
    ----------
    status : Status
    sentence : str
        What was found, with the figures; for a check that does not apply, why.
    advice : str
        What to do about it, where it failed or is undecided.
    exhibits : tuple of Exhibit
        Rows that show it.
    n_affected : int
        How many rows there are in all.
    severity : Severity or None
        Where it means something else than the check's failures do.
    void : bool
        Whether the figures of the test part are no estimate of anything then.
    """

    status: Status
    sentence: str
    advice: str = ""
    exhibits: tuple[Exhibit, ...] = ()
    n_affected: int = 0
    severity: Severity | None = None
    void: bool = False


def passed(sentence: str) -> Outcome:
    """Return that nothing is wrong, and what was looked at."""
    return Outcome(Status.PASSED, sentence)


def not_applicable(why: str) -> Outcome:
    """Return that there is nothing to look at."""
    return Outcome(Status.NOT_APPLICABLE, why)


def undecided(sentence: str, advice: str) -> Outcome:
    """Return what was seen, which shows neither a fault nor that there is none."""
    return Outcome(Status.UNDECIDED, sentence, advice)


def failed(
    sentence: str, advice: str, exhibits: tuple[Exhibit, ...] = (), n_affected: int = 0
) -> Outcome:
    """Return what is wrong, what to do, and the rows that show it."""
    return Outcome(Status.FAILED, sentence, advice, exhibits[:MOST_EXHIBITS], n_affected)


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes
    ----------
    code : str
        Stable; see ``docs/checks.md``.
    severity : Severity
        What it means if the check failed; of an undecided one a warning at most.
    status : Status
    sentence, advice : str
    limits : dict of str to float
        The thresholds that the check applied.
    exhibits : tuple of Exhibit
        Some of the rows that show it, at most `MOST_EXHIBITS`.
    n_affected : int
        How many rows, or pairs of rows, there are in all.
    void : bool
        Whether it takes the ground from the figures of the test part: they are no estimate then.
    """

    code: str
    severity: Severity
    status: Status
    sentence: str
    advice: str = ""
    limits: dict[str, float] = field(default_factory=dict)
    exhibits: tuple[Exhibit, ...] = ()
    n_affected: int = 0
    void: bool = False

    @property
    def failed(self) -> bool:
        """Whether something is wrong."""
        return self.status is Status.FAILED

    @property
    def how_bad(self) -> str:
        """Its severity, or that it is undecided."""
        return "undecided" if self.status is Status.UNDECIDED else str(self.severity)

    def in_words(self) -> str:
        """Return what was found, what to do, and a line for each of some rows that show it."""
        lines = [f"{one.called}: {one.words}" for one in self.exhibits[:MOST_NAMED]]
        rest = self.n_affected - len(lines)
        more = [f"and {rest:,} more"] if lines and rest > 0 else []
        return "\n".join([f"{self.sentence} {self.advice}", *lines, *more])

    def with_names(self, names: Sequence[str]) -> Finding:
        """Return the same with the names of rows of the source, where these have names."""
        if not len(names):
            return self
        exhibits = (
            one._replace(names=tuple(names[row] for _, row in one.rows)) for one in self.exhibits
        )
        return replace(self, exhibits=tuple(exhibits))

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, texts and numbers."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "status": str(self.status),
            "sentence": self.sentence,
            "advice": self.advice,
            "limits": dict(self.limits),
            "n_affected": self.n_affected,
            "void": self.void,
            "exhibits": [
                {"rows": [list(row) for row in one.rows], "words": one.words}
                | ({"files": list(one.names)} if one.names else {})
                for one in self.exhibits
            ],
        }


@dataclass(frozen=True, repr=False)
class Findings(Summarized):
    """The findings of all checks, in the order of the table of checks."""

    findings: tuple[Finding, ...]

    def __iter__(self) -> Any:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __getitem__(self, code: str) -> Finding:
        for finding in self.findings:
            if finding.code == code:
                return finding
        raise KeyError(f"no check has the code {code!r}; docs/checks.md lists them")

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Those that found something wrong, errors first."""
        return _by_severity(finding for finding in self.findings if finding.failed)

    @property
    def worth_reading(self) -> tuple[Finding, ...]:
        """Those that found something wrong, or could not tell whether there is; errors first."""
        open_ = (Status.FAILED, Status.UNDECIDED)
        return _by_severity(finding for finding in self.findings if finding.status in open_)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of those that found something wrong."""
        return tuple(finding.code for finding in self.failed)

    @property
    def ok(self) -> bool:
        """Whether no check of severity "error" failed."""
        return all(finding.severity is not Severity.ERROR for finding in self.failed)

    @property
    def void(self) -> tuple[Finding, ...]:
        """Those for which the figures of the test part are no estimate."""
        return tuple(finding for finding in self.failed if finding.void)

    def respelled(self, respell: Callable[[str], str]) -> Findings:
        """Return the same with sentences and advice as `respell` spells them."""
        return Findings(
            tuple(
                replace(one, sentence=respell(one.sentence), advice=respell(one.advice))
                for one in self.findings
            )
        )

    def with_names(self, names: Sequence[str]) -> Findings:
        """Return the same with the names of rows of the source, where these have names."""
        return Findings(tuple(finding.with_names(names) for finding in self.findings))

    def to_dict(self) -> list[dict[str, Any]]:
        """Return plain lists, texts and numbers."""
        return [finding.to_dict() for finding in self.findings]

    def no_estimate(self) -> tuple[str, ...]:
        """Return a sentence where figures are no estimate, and why; none where they are one."""
        return (no_estimate([one.sentence for one in self.void]),) if self.void else ()

    def in_short(self) -> str:
        """Return how many checks passed and failed, and how badly, as a sentence."""
        counts = self._counts()
        undecided, apart = counts[Status.UNDECIDED], counts[Status.NOT_APPLICABLE]
        return (
            f"{len(self)} checks: {counts[Status.PASSED]} passed, {counts[Status.FAILED]} failed"
            f"{self._how_badly()}, "
            f"{f'{undecided} undecided, ' if undecided else ''}"
            f"{apart} {'does' if apart == 1 else 'do'} not apply."
        )

    def _how_badly(self) -> str:
        """Return how many of the failed checks are of each severity, in brackets."""
        counts = {one: sum(f.severity is one for f in self.failed) for one in Severity}
        said = [f"{n} {one}{'s' if n > 1 else ''}" for one, n in counts.items() if n]
        return f" ({', '.join(said)})" if said else ""

    def _counts(self) -> dict[Status, int]:
        return {status: sum(f.status is status for f in self.findings) for status in Status}

    def _summary(self) -> dict[str, str]:
        return {"checks": f"{len(self)}", "failed": ", ".join(self.codes) or "none"}

    def _notebook_tables(self) -> tuple[NotebookTable, ...]:
        rows = [(one.code, one.how_bad, one.in_words()) for one in self.worth_reading]
        headings = ("check", "severity", "finding") if rows else ()
        return (NotebookTable("What the checks found", rows, headings, (self.in_short(),)),)

    def __str__(self) -> str:
        lines = [f"{f.severity} {f.code}: {f.sentence} {f.advice}" for f in self.worth_reading]
        summary = ", ".join(f"{n} {status}" for status, n in self._counts().items())
        return "\n".join([*lines, f"{len(self.findings)} checks: {summary}"])


def no_estimate(reasons: Sequence[str]) -> str:
    """Return that figures of a model are no estimate, for reasons that are sentences."""
    return (
        "These figures are no estimate of how often the model is right for images that it has not "
        f"seen: {' '.join(one[:1].lower() + one[1:] for one in reasons)}"
    )


def _by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: finding.severity.rank))
