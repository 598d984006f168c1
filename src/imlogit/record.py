"""A run directory, read back: the model, its predictions, and the images that it saw."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlogit.data import ImageSet, load
from imlogit.data.download import Progress
from imlogit.errors import DataError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.model import load_model
from imlogit.predictions import Predictions

SCHEMAS = ("imlogit.metrics", "imlogit.sweep")
MOST_BYTES = 2**28


@dataclass(frozen=True, eq=False)
class Record:
    """A finished run.

    Attributes
    ----------
    folder : Path
    metrics : dict
        ``metrics.json``.
    model : LogisticRegression
    predictions : Predictions
    images : ImageSet
    """

    folder: Path
    metrics: dict[str, Any]
    model: LogisticRegression
    predictions: Predictions
    images: ImageSet

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called, in the order of the model's."""
        return tuple(self.metrics["classes"])


def open_record(
    folder: Path, source: str | None = None, *, progress: Progress | None = None
) -> Record:
    """Read a run directory, and load the images that it was made of.

    Parameters
    ----------
    folder : Path
    source : str, optional
        Where the images are now; by default the source that the run names.
    progress : callable, optional
        As in `imlogit.load`.

    Raises
    ------
    DataError
        For a folder that holds no finished run, and for images that are not those of the run.
    ModelFileError
        If the model or the predictions are damaged.
    """
    metrics = _metrics(folder)
    model = load_model(folder / "model.imlogit")
    predictions = Predictions.read(folder / "predictions.safetensors")
    images = load(source or metrics["data"]["name"], progress=progress)
    if images.sha256 != metrics["data"]["sha256"]:
        raise DataError(
            f"{folder}: the images of {images.name!r} are not those of the run. Give their source "
            "with --source."
        )
    rows = (predictions.train_rows, predictions.test_rows)
    if any(len(part) and part.max() >= len(images) for part in rows):
        raise DataError(f"{folder}: the predictions name images that there are not. Run it again.")
    return Record(folder, metrics, model, predictions, images)


def _metrics(folder: Path) -> dict[str, Any]:
    place = folder / "metrics.json"
    wrong = DataError(
        f"{folder}: this is no finished run of imlogit. Give a folder that `imlogit train` or "
        "`imlogit sweep` wrote."
    )
    try:
        if place.stat().st_size > MOST_BYTES:
            raise wrong
        metrics = json.loads(place.read_bytes())
        known = metrics["schema"] in SCHEMAS and isinstance(metrics["data"]["name"], str)
        complete = not metrics["interrupted"] or (folder / "model.imlogit").exists()
    except (OSError, ValueError, KeyError, TypeError):
        raise wrong from None
    if not (known and complete and isinstance(metrics.get("classes"), list)):
        raise wrong
    return dict(metrics)
