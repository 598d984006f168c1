"""What a page takes from a run's metrics.json, each value checked: a run may be a stranger's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np

from imlogit.arrays import Floats
from imlogit.checks.finding import MOST_EXHIBITS, Exhibit, Finding, Findings, Severity, Status
from imlogit.core.certificate import Certificate
from imlogit.errors import DataError
from imlogit.estimators.logistic_cv import CPath
from imlogit.evaluation.cross_validation import SHOWN
from imlogit.model.rules import CERTIFICATE_RULES, MOST_FIGURE, MOST_LETTERS, is_text
from imlogit.runs.facts import MOST_CODES, demand
from imlogit.runs.grid import MOST_CS
from imlogit.runs.record import MOST_BYTES, Record
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import read_regular

Kind = TypeVar("Kind", bound=StrEnum)

PARTS = ("training", "test")
MOST_SEED = 2**32 - 1
# A sentence of a check may name some classes, of `MOST_LETTERS` each.
MOST_SENTENCE, MOST_SENTENCES = 100_000, 300_000
MOST_GAPS, MOST_FOLDS, MOST_IMAGES = 100_000, 100_000, 2**53
# Squares of losses stay far below the largest float64.
MOST_LOSS = 1e100
TOPS = {"accuracy": 1.0, "log_loss": MOST_LOSS}
_PROOF = ("status", "objective", "gap", "tol", "iterations", "passes", "max_gradient")
NO_CHECKS = Findings(())


@dataclass(frozen=True, eq=False)
class ReportFacts:
    """What a page says of a run beside its model, predictions and images.

    Attributes
    ----------
    seed : int
        What draws the random images that are shown.
    checks : Findings
        None of an evaluation, and of runs of versions that made none.
    certificate : Certificate or None
    gaps : tuple of float
        The relative gap before each step of the fit; empty where that is not known.
    cross_validation : dict or None
        What a page shows of `CrossValidation.to_dict`; None of a sweep.
    path : CPath or None
        What a sweep found of each C; ``scores`` are the negative log losses.
    n_copies : int
        So many copies of the training images were fitted on, too.
    """

    seed: int = 0
    checks: Findings = NO_CHECKS
    certificate: Certificate | None = None
    gaps: tuple[float, ...] = ()
    cross_validation: dict[str, Any] | None = None
    path: CPath | None = None
    n_copies: int = 0

    @classmethod
    def of(cls, metrics: Any, n_images: int) -> ReportFacts:
        """Return the facts that metrics.json holds; what older versions did not say is left out.

        Parameters
        ----------
        metrics : object
            What JSON says.
        n_images : int
            How many images there are, whose rows checks name.

        Raises
        ------
        ValueError
            Names the field, and what it may be.
        """
        found = _object(metrics, "it")
        options, data = (_object(found.get(name, {}), name) for name in ("options", "data"))
        proof = found.get("certificate")
        folds, path = found.get("cross_validation"), found.get("path")
        return cls(
            seed=_whole(options.get("seed", 0), "options.seed", MOST_SEED),
            checks=_findings(found.get("checks", []), n_images),
            certificate=None if proof is None else _certificate(proof),
            gaps=() if proof is None else _gaps(proof),
            cross_validation=None if folds is None else _cross_validation(folds),
            path=None if path is None else _path(path, found),
            n_copies=_whole(data.get("n_copies", 0), "data.n_copies", MOST_IMAGES),
        )


def read_report_facts(record: Record, n_images: int) -> ReportFacts:
    """Read what a page says of a run from its metrics.json.

    Raises
    ------
    DataError
        Names the field that is not as it must be.
    """
    try:
        content = read_regular(record.folder / "metrics.json", MOST_BYTES)
        return ReportFacts.of(parse(content), n_images)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{record.folder}: no page can be made of this run (metrics.json: {error}). Run it "
            "again."
        ) from None


def _findings(value: Any, n_images: int) -> Findings:
    checks = _list(value, "checks", 0, MOST_CODES)
    found = [_finding(one, f"checks[{k}]", n_images) for k, one in enumerate(checks)]
    letters = sum(len(one.sentence) + len(one.advice) for one in found)
    what = f"of texts with at most {MOST_SENTENCES:,} characters together"
    demand(letters <= MOST_SENTENCES, "checks", what)
    return Findings(tuple(found))


def _finding(value: Any, name: str, n_images: int) -> Finding:
    found = _object(value, name)
    exhibits = _list(found.get("exhibits", []), f"{name}.exhibits", 0, MOST_EXHIBITS)
    void = found.get("void", False)
    demand(isinstance(void, bool), f"{name}.void", "true or false")
    return Finding(
        code=_text(found.get("code"), f"{name}.code", MOST_LETTERS),
        severity=_one_of(Severity, found.get("severity"), f"{name}.severity"),
        status=_one_of(Status, found.get("status"), f"{name}.status"),
        sentence=_text(found.get("sentence"), f"{name}.sentence", MOST_SENTENCE),
        advice=_text(found.get("advice", ""), f"{name}.advice", MOST_SENTENCE),
        exhibits=tuple(
            Exhibit(tuple(_rows(one, f"{name}.exhibits[{k}]", n_images)), "")
            for k, one in enumerate(exhibits)
        ),
        void=void,
    )


def _rows(value: Any, name: str, n_images: int) -> Iterator[tuple[str, int]]:
    """Yield the part and the row of each image that an exhibit shows."""
    name = f"{name}.rows"
    for one in _list(
        _object(value, name.removesuffix(".rows")).get("rows"), name, 1, MOST_EXHIBITS
    ):
        good = isinstance(one, list) and len(one) == 2 and one[0] in PARTS
        good = good and type(one[1]) is int and 0 <= one[1] < n_images
        demand(good, name, f"pairs of {' or '.join(PARTS)} and a row of the {n_images:,} images")
        yield one[0], one[1]


def _certificate(value: Any) -> Certificate:
    """Return what is proved of the fit, by the rules of the model file."""
    found = _object(value, "certificate")
    for rule in CERTIFICATE_RULES:
        if rule.field.partition(".")[2] in _PROOF:
            good = rule.holds(rule.value({"certificate": found}), {}, (0, 0))
            demand(good, rule.field, rule.allowed)
    return Certificate.from_dict({name: found.get(name) for name in _PROOF})


def _gaps(proof: dict[str, Any]) -> tuple[float, ...]:
    return tuple(_numbers(proof.get("gaps", []), "certificate.gaps", (0, MOST_GAPS), MOST_FIGURE))


def _cross_validation(value: Any) -> dict[str, Any]:
    of = "cross_validation"
    found = _object(value, of)
    folds = _list(found.get("folds"), f"{of}.folds", 1, MOST_FOLDS)
    pooled = _object(found.get("pooled"), f"{of}.pooled")
    return {
        "folds": [_fold(one, f"{of}.folds[{k}]") for k, one in enumerate(folds)],
        "mean": _figures(found.get("mean"), f"{of}.mean"),
        "std": _figures(found.get("std"), f"{of}.std"),
        "pooled": {"base_rate": _number(pooled.get("base_rate"), f"{of}.pooled.base_rate", 1)},
    }


def _fold(value: Any, name: str) -> dict[str, Any]:
    found = _object(value, name)
    values = _object(found.get("values"), f"{name}.values")
    proof = _object(found.get("certificate"), f"{name}.certificate")
    gap = f"{name}.certificate.relative_gap"
    return {
        "n": _whole(found.get("n"), f"{name}.n", MOST_IMAGES),
        "values": {one: _figure(values.get(one), f"{name}.values.{one}", one) for one in SHOWN},
        "certificate": {"relative_gap": _maybe(proof.get("relative_gap"), gap, MOST_FIGURE)},
    }


def _figure(value: Any, name: str, of: str) -> dict[str, float | None]:
    """Return a figure with the ends of its interval, both or none."""
    found = _object(value, name)
    ends = ("value", "low", "high")
    figure = {end: _maybe(found.get(end), f"{name}.{end}", TOPS[of]) for end in ends}
    both = (figure["low"] is None) == (figure["high"] is None)
    demand(both, f"{name}.high", "a number where low is one, and null where that is")
    return figure


def _figures(value: Any, name: str) -> dict[str, float | None]:
    found = _object(value, name)
    return {one: _maybe(found.get(one), f"{name}.{one}", TOPS[one]) for one in SHOWN}


def _path(value: Any, metrics: dict[str, Any]) -> CPath:
    """Return what a sweep found of each C."""
    rows = [_object(one, f"path[{k}]") for k, one in enumerate(_list(value, "path", 1, MOST_CS))]
    for k, row in enumerate(rows):
        demand(
            _is_number(row.get("C"), sys.float_info.min, sys.float_info.max),
            f"path[{k}].C",
            "a finite number over 0",
        )
        _number(row.get("relative_gap"), f"path[{k}].relative_gap", MOST_FIGURE)
    Cs, gaps = ([float(row[name]) for row in rows] for name in ("C", "relative_gap"))
    for name in ("best", "chosen"):
        # 1 and true are equal
        demand(type(metrics.get(name)) in (int, float), name, "a C of path")
        demand(metrics[name] in Cs, name, "a C of path")
    best, chosen = (Cs.index(metrics[name]) for name in ("best", "chosen"))
    loss, accuracy = (_by_fold(rows, name) for name in ("log_loss", "accuracy"))
    demand(len(loss) == len(accuracy), "path[0].accuracy", f"{len(loss):,} numbers, as log_loss")
    return CPath(np.array(Cs), -loss, loss, accuracy, np.array(gaps), best, chosen)


def _by_fold(rows: list[dict[str, Any]], name: str) -> Floats:
    """Return a figure of each C, shape (n_folds, n_Cs)."""
    found = [
        _numbers(row.get(name), f"path[{k}].{name}", (1, MOST_FOLDS), TOPS[name])
        for k, row in enumerate(rows)
    ]
    for k, one in enumerate(found):
        good = len(one) == len(found[0])
        demand(good, f"path[{k}].{name}", f"{len(found[0]):,} numbers, as of the first C")
    return np.array(found, dtype=np.float64).T


def _object(value: Any, name: str) -> dict[str, Any]:
    demand(isinstance(value, dict), name, "an object")
    found: dict[str, Any] = value
    return found


def _list(value: Any, name: str, least: int, most: int) -> list[Any]:
    good = isinstance(value, list) and least <= len(value) <= most
    demand(good, name, f"a list of {least:,} to {most:,} values")
    found: list[Any] = value
    return found


def _text(value: Any, name: str, most: int) -> str:
    demand(is_text(value, most), name, f"text of at most {most:,} characters")
    return str(value)


def _whole(value: Any, name: str, most: int) -> int:
    good = type(value) is int and 0 <= value <= most
    demand(good, name, f"a whole number from 0 to {most:,}")
    return int(value)


def _number(value: Any, name: str, most: float) -> float:
    demand(_is_number(value, 0, most), name, f"a number from 0 to {most:g}")
    return float(value)


def _numbers(value: Any, name: str, counts: tuple[int, int], most: float) -> list[float]:
    found = _list(value, name, *counts)
    wrong = next((k for k, one in enumerate(found) if not _is_number(one, 0, most)), None)
    if wrong is not None:
        _number(found[wrong], f"{name}[{wrong}]", most)
    return list(map(float, found))


def _maybe(value: Any, name: str, most: float) -> float | None:
    good = value is None or _is_number(value, 0, most)
    demand(good, name, f"a number from 0 to {most:g}, or null")
    return None if value is None else float(value)


def _is_number(value: Any, least: float, most: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and least <= value <= most


def _one_of(kind: type[Kind], value: Any, name: str) -> Kind:
    words = [str(one) for one in kind]
    demand(isinstance(value, str) and value in words, name, f"one of {', '.join(words)}")
    return kind(value)
