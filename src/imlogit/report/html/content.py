"""What a page is about: a run, as its folder holds it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from imlogit.data.image_set import ImageSet
from imlogit.evaluation.scores import Scores
from imlogit.model.fields import SavedModel
from imlogit.report.pictures.curves import Part, parts_of
from imlogit.runs.predictions import Numbers, Predictions
from imlogit.runs.record import MOST_BYTES, open_record
from imlogit.runs.sweep import SweepResult
from imlogit.runs.train import TrainResult
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import read_regular


@dataclass(frozen=True, eq=False)
class RunContent:
    """A run, whether it has just ended or was read back: the page is the same.

    Attributes
    ----------
    metrics : dict
        As ``metrics.json`` has them.
    images : ImageSet
    model : SavedModel
    predictions : Predictions
    pooled, test : Scores
    command : str
    """

    metrics: dict[str, Any]
    images: ImageSet
    model: SavedModel
    predictions: Predictions
    pooled: Scores
    test: Scores
    command: str

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called."""
        return tuple(self.metrics["classes"])

    @cached_property
    def parts(self) -> list[Part]:
        """The test images and those that folds held out, with what was said of them."""
        return parts_of(self.predictions, self.pooled, self.test)

    @cached_property
    def answers(self) -> Numbers:
        """What the model says of each test image."""
        from imlogit.core.links import codes_of_probabilities

        return np.asarray(
            codes_of_probabilities(self.predictions.test_probabilities, self.model.threshold)
        )

    def file_of(self, row: int) -> str:
        """Return what an image is called."""
        names = self.predictions.names
        return names[row] if len(names) else f"row {row}"


def content_of(run: TrainResult | SweepResult) -> RunContent | None:
    """Return what a page says of a run; None of a sweep that was interrupted."""
    if run.model is None or run.predictions is None or run.pooled is None or run.test is None:
        return None
    return RunContent(
        run.metrics,
        run.task.image_set,
        run.model,
        run.predictions,
        run.pooled,
        run.test,
        run.command(),
    )


def content_in(folder: Path, source: str | None = None, progress: Any = None) -> RunContent:
    """Read back from a run's folder what a page says of it.

    Raises
    ------
    DataError
        For a folder that holds no finished run, and images that are not kept any more.
    """
    record = open_record(folder)
    kept = record.predictions
    return RunContent(
        parse(read_regular(record.folder / "metrics.json", MOST_BYTES)),
        record.images(source, progress=progress),
        record.model,
        kept,
        kept.pooled_scores(),
        kept.test_scores(record.model.threshold),
        record.command,
    )
