"""The page of a probe's run: what it found, in one file without pictures."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlogit.errors import DataError
from imlogit.evaluation.scores import TEST, Scores, score
from imlogit.report.console.label_tables import (
    certificates_table,
    label_tables,
    verdict_on_labels,
)
from imlogit.report.console.tables import class_table, confused_table
from imlogit.report.table import Table, columns, facts_table, numbers, plain_text
from imlogit.runs.facts import PROBE
from imlogit.runs.predictions import Predictions
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import read_regular
from imlogit.system.text import counted

HERE = Path(__file__).parent
MOST_BYTES, MOST_COMMAND_BYTES = 2**26, 2**16
WORDS = {
    "accuracy": "top-1 accuracy",
    "balanced_accuracy": "mean per class accuracy",
    "top_5_accuracy": "top-5 accuracy",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}
SHOT_WORDS = ("accuracy", "balanced_accuracy", "log_loss")
# A matrix of more classes is left to the list of the largest confusions.
MOST_CLASSES = 30


def probe_page_in(folder: Path) -> str | None:
    """Return the page of a probe's folder, the same for the same files; None for other folders.

    Raises
    ------
    DataError
        For a folder of a probe whose files are not whole.
    """
    try:
        metrics = parse(read_regular(folder / "metrics.json", MOST_BYTES))
    except (OSError, ValueError):
        return None  # that it is no run is said by whoever reads runs
    if not isinstance(metrics, dict) or metrics.get("schema") != PROBE:
        return None
    from jinja2 import TemplateError

    predictions = folder / "predictions.safetensors"
    kept = Predictions.read(predictions) if predictions.exists() else None
    wrong = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, TemplateError)
    try:
        command = read_regular(folder / "command.txt", MOST_COMMAND_BYTES).decode("utf-8").strip()
        return ProbePage(metrics, kept, command).html()
    except (*wrong, OSError) as error:
        raise DataError(
            f"{folder}: its files are not those of a whole probe ({error!r}). Make it again."
        ) from None


@dataclass(frozen=True)
class ProbePage:
    """What a probe's folder holds, as sections of tables.

    Parameters
    ----------
    metrics : dict
    predictions : Predictions or None
        None with few shots.
    command : str
    """

    metrics: dict[str, Any]
    predictions: Predictions | None
    command: str

    @property
    def multi_label(self) -> bool:
        """Whether rows have any number of labels; older runs do not say."""
        return self.metrics.get("multi_label") is True

    def html(self) -> str:
        """Return the page."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            autoescape=True,
            loader=FileSystemLoader(HERE / "templates"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["plain"] = plain_text
        style = (HERE / "static" / "page.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode()
        return environment.get_template("probe.html.j2").render(
            name=self.metrics["data"]["name"],
            size=self.size(),
            verdict=self.verdict(),
            void=[one["sentence"] for one in self.metrics["checks"] if one["void"]],
            checks=self.metrics["checks"],
            sections=[one for one in self.sections() if one[1]],
            command=self.command,
            sha256=self.metrics["data"]["sha256"],
            style=style,
            style_hash=f"'sha256-{digest}'",
        )

    def size(self) -> str:
        """Return what the rows are, in a line."""
        data, n_classes = self.metrics["data"], len(self.metrics["classes"])
        return (
            f"{data['name']}: {data['n_train']:,} training and {data['n_test']:,} test rows of "
            f"{data['n_features']:,} features, {n_classes:,} "
            + ("labels, any number a row" if self.multi_label else "classes")
        )

    def verdict(self) -> str:
        """Return what a person is to know first."""
        if self.multi_label:
            return f"Test {verdict_on_labels(self.metrics['test'])}"
        base = f"always giving the most frequent class: {self.metrics['base_rate']:.4f}"
        if self.metrics["test"] is None:
            last = self.metrics["shots"][-1]
            mean = sum(last["accuracy"]) / len(last["accuracy"])
            return f"Accuracy {mean:.4f} with {counted(last['shots'], 'shot')}; {base}."
        accuracy = self.metrics["test"]["values"]["accuracy"]
        return f"Test accuracy {accuracy['value']:.4f} ({_interval(accuracy)}); {base}."

    def sections(self) -> list[tuple[str, list[Table]]]:
        """Return the tables under their headings."""
        metrics = self.metrics
        versions = metrics["versions"]
        return [
            ("Protocol", [facts_table("What was done", metrics["protocol"])]),
            ("Scores", self.scores()),
            ("Confusion", self.confusion()),
            ("Values of C", self.values_of_C()),
            ("Certificate", self.certificates()),
            ("Versions", [facts_table("Libraries", versions)] if versions else []),
        ]

    def certificates(self) -> list[Table]:
        """Return what is proved of the fit and, of several labels, of each of them."""
        whole = self.metrics["certificate"]
        found = [] if whole is None else [_certificate(whole)]
        if self.multi_label:
            found.append(certificates_table(self.metrics))
        return found

    def scores(self) -> list[Table]:
        """Return the figures of the test part, or of each number of shots."""
        test = self.metrics["test"]
        if test is None:
            return [_shots(self.metrics["shots"])]
        if self.multi_label:
            return label_tables(test)
        values = test["values"] | {"top_5_accuracy": test["top_5_accuracy"]}
        rows = [
            (words, _figure(one["value"]), _interval(one))
            for name, words in WORDS.items()
            if (one := values.get(name)) is not None
        ]
        rows.append(("base rate", _figure(self.metrics["base_rate"]), ""))
        title = counted(test["n"], "test row")
        found = [Table(title, (*columns("figure"), *numbers("value", "95% interval")), tuple(rows))]
        if self.predictions is not None:
            found.append(class_table(self._test(self.predictions), self.metrics["classes"]))
        return found

    def confusion(self) -> list[Table]:
        """Return which classes are taken for which."""
        if self.predictions is None or self.multi_label:
            return []
        test, names = self._test(self.predictions), self.metrics["classes"]
        found = [confused_table(test, names)]
        if len(names) <= MOST_CLASSES:
            rows = tuple(
                (name, *map(str, row))
                for name, row in zip(names, test.confusion.tolist(), strict=True)
            )
            title = "Rows are the true classes, columns the answers"
            found.insert(0, Table(title, (*columns("true"), *numbers(*names)), rows))
        return found

    def values_of_C(self) -> list[Table]:  # noqa: N802 - the field's name
        """Return the penalty as each way of writing has it, and what held-out rows said."""
        penalties, path = self.metrics["penalties"], self.metrics["path"]
        found = []
        if penalties:
            written = {words: f"{value:.6g}" for words, value in penalties.items()}
            found.append(facts_table("The penalty that was fitted", written))
        if path:
            ranked = ("average_precision",) if self.multi_label else ()
            names = (*ranked, "accuracy", "log_loss")
            rows = tuple(
                (f"{one['C']:.4g}", *(_figure(one[name]) for name in names), _gap(one))
                for one in path
            )
            shown = ("C", *names, "relative_gap")
            headings = numbers(*(name.replace("_", " ") for name in shown))
            found.append(Table("Held-out rows", headings, rows))
        return found

    def _test(self, kept: Predictions) -> Scores:
        return score(kept.test_codes, kept.test_probabilities, ("accuracy",), origin=TEST)


def _shots(shots: list[dict[str, Any]]) -> Table:
    rows = tuple(
        (
            f"{one['shots']:,}",
            f"{len(one['accuracy']):,}",
            *(_figure(sum(one[name]) / len(one[name])) for name in SHOT_WORDS),
        )
        for one in shots
    )
    headings = numbers("shots", "draws", *(WORDS[name] for name in SHOT_WORDS))
    return Table("Few shots of each class, means over the draws", headings, rows)


def _certificate(facts: Mapping[str, Any]) -> Table:
    shown = {
        "status": str(facts["status"]),
        "objective F": _figure(facts["objective"]),
        "relative gap, (F - F*) / F is at most": _gap(facts),
        "asked for": f"{facts['tol']:.1e}",
    }
    return facts_table("Certificate of the fit", shown)


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(one: Mapping[str, Any]) -> str:
    return "" if one["low"] is None else f"{one['low']:.4f} to {one['high']:.4f}"


def _gap(facts: Mapping[str, Any]) -> str:
    value = facts["relative_gap"]
    return "none" if value is None else f"{value:.1e}"
