"""Tables of labels of which a row has any number, of what `LabelFigures.to_dict` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imlogit.report.table import Column, Table, Wrap, columns, numbers
from imlogit.system.text import counted, first_of, printable

WORDS = {
    "roc_auc": "mean ROC AUC",
    "f1": "macro F1",
    "accuracy": "mean accuracy",
    "log_loss": "mean log loss",
}
FIGURES = ("average_precision", "roc_auc")
UNDEFINED = "undefined"


def label_tables(found: Mapping[str, Any]) -> list[Table]:
    """Return the means over the labels, and the figures of each beside its base rate."""
    return [_means(found), _each(found)]


def verdict_on_labels(found: Mapping[str, Any]) -> str:
    """Return what a person is to know first."""
    precision = found["mean_average_precision"]
    return (
        f"mean average precision {_figure(precision)} ({_interval(precision)}); the base rate, the "
        f"mean share of rows with a label: {found['base_rate']:.4f}."
    )


def certificates_table(metrics: Mapping[str, Any]) -> Table:
    """Return what is proved of each label's column, of what metrics.json says of a probe."""
    rows = tuple(
        (printable(name), str(one["status"]), _number(one["objective"]), _gap(one["relative_gap"]))
        for name, one in zip(metrics["classes"], metrics["certificates"], strict=True)
    )
    key = (Column("label", wrap=Wrap.NAME), *columns("status"))
    return Table("Certificate of each label", (*key, *numbers("objective F", "relative gap")), rows)


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.4f}"


def _gap(value: float | None) -> str:
    return "none" if value is None else f"{value:.1e}"


def _means(found: Mapping[str, Any]) -> Table:
    precision = found["mean_average_precision"]
    rows = (
        ("mean average precision", _figure(precision), _interval(precision)),
        *((words, _figure(found["values"][name]), "") for name, words in WORDS.items()),
        ("all labels of a row right", _figure(found["exact"]), ""),
        ("base rate of the precision", f"{found['base_rate']:.4f}", ""),
    )
    n_labels = len(found["by_label"]) - len(found["undefined"])
    part = f"{found['origin']} row" if found["origin"] else "row"
    title = f"{counted(found['n'], part)}, means over {counted(n_labels, 'label')}"
    headings = (*columns("figure"), *numbers("value", "95% interval"))
    return Table(title, headings, rows, notes=_note(found["undefined"]))


def _note(names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    shown = first_of([printable(name) for name in names])
    return (f"Without figures, as no row has them or every row: {shown}.",)


def _each(found: Mapping[str, Any]) -> Table:
    labels, title = found["by_label"], "Each label"
    key = (Column("label", wrap=Wrap.NAME), *numbers("rows", drop=1), *numbers("base rate"))
    begin = [
        (printable(one["label"]), f"{one['n']:,}", f"{one['base_rate']:.4f}") for one in labels
    ]
    figures = [[one["values"].get(name) for name in FIGURES] for one in labels]
    shorter = tuple(
        (*first, *map(_merged, both)) for first, both in zip(begin, figures, strict=True)
    )
    rows = tuple(
        (*first, *(text for one in both for text in (_figure(one), _interval(one))))
        for first, both in zip(begin, figures, strict=True)
    )
    wide = numbers("average precision", "95% interval", "ROC AUC", "95% interval")
    narrow = numbers("AP (95%)", "ROC AUC (95%)")
    return Table(title, (*key, *wide), rows, shorter=Table(title, (*key, *narrow), shorter))


def _figure(one: Mapping[str, Any] | None) -> str:
    return UNDEFINED if one is None or one["value"] is None else f"{one['value']:.4f}"


def _interval(one: Mapping[str, Any] | None) -> str:
    return "" if one is None or one["low"] is None else f"{one['low']:.4f} to {one['high']:.4f}"


def _merged(one: Mapping[str, Any] | None) -> str:
    """Return a figure and its interval as one short text."""
    if one is None or one["low"] is None:
        return _figure(one)
    return f"{one['value']:.3f} ({one['low']:.2f}-{one['high']:.2f})"
