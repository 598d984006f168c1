"""What a page is about: a run, as its folder holds it, or an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.certificate import Certificate
from imlogit.data.image_set import ImageSet
from imlogit.errors import DataError
from imlogit.evaluation.scores import Scores
from imlogit.model.fields import SavedModel
from imlogit.report.html.report_facts import ReportFacts, read_report_facts
from imlogit.report.pictures.curves import Part, parts_of
from imlogit.runs.assess import SEEN, Assessment, LabelAssessment, Scope
from imlogit.runs.predictions import Numbers, Predictions
from imlogit.runs.record import open_record
from imlogit.runs.sweep import SweepResult
from imlogit.runs.train import TrainResult


@dataclass(frozen=True, eq=False)
class PageContent:
    """A run, whether it has just ended or was read back, or an evaluation of a model.

    Attributes
    ----------
    facts : ReportFacts
        What ``metrics.json`` says beside the rest.
    images : ImageSet
    model : SavedModel
    predictions : Predictions
    pooled : Scores or None
        None of an evaluation, which fits nothing.
    test : Scores
    command : str
    tested : str
        What the images are called that the model was tested on.
    cautions : tuple of str
        Why the figures are no estimate for new images; empty where they are.
    """

    facts: ReportFacts
    images: ImageSet
    model: SavedModel
    predictions: Predictions
    pooled: Scores | None
    test: Scores
    command: str
    tested: str = "test"
    cautions: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called."""
        return self.model.names

    @property
    def certificate(self) -> Certificate:
        """What is proved of the fit."""
        return self.facts.certificate or Certificate.from_dict(self.model.certificate)

    @property
    def versions(self) -> dict[str, str]:
        """The libraries that the model was fitted with."""
        return self.model.versions

    @cached_property
    def parts(self) -> list[Part]:
        """The test images and those that folds held out, with what was said of them."""
        tested, *others = parts_of(self.predictions, self.pooled, self.test)
        return [tested._replace(words=self.tested), *others]

    @property
    def judged(self) -> tuple[Numbers, Numbers, Floats] | None:
        """Rows, classes and probabilities of images by models that did not see them, or None.

        Training images that folds held out or, of an evaluation, what was tested.
        """
        kept = self.predictions
        held_out = kept.train_folds >= 0
        if held_out.any():
            return (kept.train_rows[held_out], *kept.held_out)
        if self.pooled is not None or self.cautions:
            return None
        return kept.test_rows, kept.test_codes, kept.test_probabilities

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


def content_of(run: TrainResult | SweepResult) -> PageContent | None:
    """Return what a page says of a run; None of a sweep that was interrupted."""
    if run.model is None or run.predictions is None or run.pooled is None or run.test is None:
        return None
    return PageContent(
        ReportFacts.of(run.metrics, len(run.task.image_set)),
        run.task.image_set,
        run.model,
        run.predictions,
        run.pooled,
        run.test,
        run.command(),
        cautions=tuple(one.sentence for one in run.checks.void),
    )


def content_of_evaluation(
    found: Assessment | LabelAssessment, model: SavedModel, command: str
) -> PageContent:
    """Return what a page says of a model that was scored on some images.

    Raises
    ------
    DataError
        For embeddings, of which there are none.
    """
    if isinstance(found, LabelAssessment) or not isinstance(found.image_set, ImageSet):
        raise DataError(
            "The page of an evaluation shows images, and embeddings have none: leave report=... "
            "out.",
            parameter="report",
        )
    empty = np.zeros(0, np.int64)
    kept = Predictions(
        train_rows=empty,
        train_codes=empty,
        train_folds=empty,
        train_probabilities=np.zeros((0, len(found.names))),
        test_rows=found.rows.astype(np.int64),
        test_codes=found.codes.astype(np.int64),
        test_probabilities=found.probabilities,
        names=found.image_set.names,
    )
    return PageContent(
        ReportFacts(),
        found.image_set,
        model,
        kept,
        None,
        found.scores,
        command,
        "test" if found.part is Scope.TEST else "all",
        (SEEN,) if found.seen else (),
    )


def content_in(folder: Path, source: str | None = None, progress: Any = None) -> PageContent:
    """Read back from a run's folder what a page says of it.

    Raises
    ------
    DataError
        For a folder that holds no finished run, images that are not kept any more, and values
        that a page cannot show.
    """
    record = open_record(folder)
    kept, images = record.predictions, record.images(source, progress=progress)
    facts = read_report_facts(record, len(images))
    return PageContent(
        facts,
        images,
        record.model,
        kept,
        kept.pooled_scores(),
        kept.test_scores(record.model.threshold),
        record.command,
        cautions=tuple(one.sentence for one in facts.checks.void),
    )
