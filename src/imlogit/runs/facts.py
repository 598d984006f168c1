"""What is read of a run's metrics.json, each value checked: a run may be a stranger's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from imlogit.data.reading import Reading
from imlogit.errors import ImlogitError
from imlogit.model.rules import MOST_CLASSES, MOST_LETTERS, MOST_VERSIONS, is_text

PROBE = "imlogit.probe"
SCHEMAS = ("imlogit.metrics", "imlogit.sweep", PROBE)
MOST_PATH, MOST_CODES = 4096, 100
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class RunFacts:
    """What is known of a finished run.

    Attributes
    ----------
    interrupted : bool
    classes : tuple of str
        What the classes are called, in the order of the model's.
    data_name, data_sha256 : str
        Of the images, or of a probe's embeddings.
    source : str
        Where they were read from.
    reading : Reading
        How.
    no_estimate : tuple of str
        Codes of checks that take the ground from the test part's figures.
    versions, machine : dict of str to str
        The libraries, and what else the last bits of figures depend on; empty where a run does not
        say.
    has_images : bool
        Whether the run is about images, and not a probe of embeddings.
    multi_label : bool
        Whether rows have any number of labels.
    """

    interrupted: bool
    classes: tuple[str, ...]
    data_name: str
    data_sha256: str
    source: str
    reading: Reading
    no_estimate: tuple[str, ...]
    versions: dict[str, str]
    machine: dict[str, str]
    has_images: bool = True
    multi_label: bool = False

    @classmethod
    def of(cls, metrics: Any) -> RunFacts:
        """Return the facts that metrics.json holds.

        Parameters
        ----------
        metrics : object
            What JSON says.

        Raises
        ------
        ValueError
            Names the field, and what it may be.
        """
        demand(isinstance(metrics, dict), "it", "an object")
        demand(metrics.get("schema") in SCHEMAS, "schema", f"one of {', '.join(SCHEMAS)}")
        of_embeddings = metrics["schema"] == PROBE  # which leave nothing where interrupted
        interrupted = metrics.get("interrupted", False if of_embeddings else None)
        demand(isinstance(interrupted, bool), "interrupted", "true or false")
        data, options = metrics.get("data"), metrics.get("options", {})
        for name, value in (("data", data), ("options", options)):
            demand(isinstance(value, dict), name, "an object")
        name, sha256 = data.get("name"), data.get("sha256")
        demand(is_text(name), "data.name", f"text of at most {MOST_LETTERS:,} characters")
        is_digest = isinstance(sha256, str) and _DIGEST.fullmatch(sha256) is not None
        demand(is_digest, "data.sha256", "64 hexadecimal digits in small letters")
        source = options.get("source", name)
        what = f"text of at most {MOST_PATH:,} characters"
        demand(is_text(source, MOST_PATH), "options.source", what)
        return cls(
            interrupted=interrupted,
            classes=_classes(metrics.get("classes")),
            data_name=name,
            data_sha256=sha256,
            source=source,
            reading=_reading(options.get("reading", {})),
            no_estimate=_codes(metrics.get("no_estimate")),
            versions=_texts("versions", metrics.get("versions")),
            machine=_texts("machine", metrics.get("machine")),
            has_images=not of_embeddings,
            multi_label=metrics.get("multi_label") is True,
        )


def _classes(value: Any) -> tuple[str, ...]:
    good = isinstance(value, list) and 2 <= len(value) <= MOST_CLASSES
    good = good and all(map(is_text, value)) and len(set(value)) == len(value)
    what = f"2 to {MOST_CLASSES:,} different texts of at most {MOST_LETTERS:,} characters"
    demand(good, "classes", what)
    return tuple(value)


def _codes(value: Any) -> tuple[str, ...]:
    """Return codes of checks; runs of older versions have none."""
    found = [] if value is None else value
    good = isinstance(found, list) and len(found) <= MOST_CODES and all(map(is_text, found))
    demand(good, "no_estimate", f"at most {MOST_CODES} texts")
    return tuple(found)


def _reading(value: Any) -> Reading:
    demand(isinstance(value, dict), "options.reading", "an object")
    try:
        return Reading.of(value)
    except ImlogitError as error:
        raise ValueError(f"options.reading: {str(error).rstrip('.')}") from None


def _texts(name: str, value: Any) -> dict[str, str]:
    """Return texts by name; runs of older versions have none."""
    found = {} if value is None else value
    good = isinstance(found, dict) and len(found) <= MOST_VERSIONS
    good = good and all(is_text(one) for pair in found.items() for one in pair)
    demand(good, name, f"at most {MOST_VERSIONS} texts by name")
    return dict(found)


def demand(good: bool, name: str, what: str) -> None:
    """Raise a ValueError that names a field, and what it must be, unless it is good."""
    if not good:
        raise ValueError(f"{name} must be {what}")
