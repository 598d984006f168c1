"""A run directory, read back: the model, its predictions, and the images that they are of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlogit.data.cache import notes
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.sources import read
from imlogit.errors import DataError
from imlogit.model.fields import SavedModel
from imlogit.model.persist import FILE_NAME, open_model
from imlogit.runs.facts import RunFacts
from imlogit.runs.predictions import Predictions
from imlogit.system.plain_json import parse
from imlogit.system.regular_file import read_regular
from imlogit.system.text import nearest_path

# The figures of a thousand classes, twice.
MOST_BYTES = 2**26
MOST_COMMAND_BYTES = 2**16


@dataclass(frozen=True, eq=False)
class Record:
    """A finished run.

    Attributes
    ----------
    folder : Path
    facts : RunFacts
        What ``metrics.json`` says of it.
    model : SavedModel
    predictions : Predictions
    """

    folder: Path
    facts: RunFacts
    model: SavedModel
    predictions: Predictions

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called, in the order of the model's."""
        return self.facts.classes

    @property
    def command(self) -> str:
        """The command that makes it again; empty where the folder does not say."""
        try:
            text = read_regular(self.folder / "command.txt", MOST_COMMAND_BYTES)
            return text.decode("utf-8").strip()
        except (OSError, ValueError):
            return ""

    def images(self, source: str | None = None, *, progress: Progress | None = None) -> ImageSet:
        """Load the images that the run is about.

        Parameters
        ----------
        source : str, optional
            Where they are now; by default where they are kept, or the source that the run names.
        progress : callable, optional
            As in `imlogit.load`.

        Raises
        ------
        DataError
            For images that are not those of the run, and a run that has none.
        """
        if not self.facts.has_images:
            raise DataError(f"{self.folder}: this is a probe of embeddings, which has no pictures.")
        images = read(source, self.facts.reading, progress) if source else self._found(progress)
        if images.sha256 != self.facts.data_sha256:
            raise DataError(
                f"{self.folder}: the images of {images.name!r} are not those of the run. Give "
                "their source with source=...",
                parameter="source",
            )
        rows = (self.predictions.train_rows, self.predictions.test_rows)
        if any(len(part) and part.max() >= len(images) for part in rows):
            raise DataError(
                f"{self.folder}: the predictions name images that there are not. Run it again."
            )
        return images

    def _found(self, progress: Progress | None) -> ImageSet:
        """Return the images from where they are kept, or from a source of their name."""
        facts = self.facts
        try:
            kept = notes.by_images(facts.data_sha256)
            return kept or read(facts.source, facts.reading, progress)
        except DataError as error:
            raise DataError(
                f"{self.folder}: the images of {facts.data_name!r} are not kept any more. Give "
                f"their source with source=... ({error})",
                parameter="source",
            ) from error


def open_record(run: Any) -> Record:
    """Read a run directory.

    Parameters
    ----------
    run : path-like or Record
        A record is returned as it is.

    Raises
    ------
    DataError
        For a folder that holds no finished run, or files that do not belong together or cannot be
        read.
    ModelFileError
        If the model or the predictions are damaged.
    """
    if isinstance(run, Record):
        return run
    folder = Path(run)
    facts = _facts(folder)
    model = open_model(folder)
    predictions = Predictions.read(folder / "predictions.safetensors")
    if not _belong_together(facts, model, predictions):
        raise DataError(f"{folder}: its files are not of one run. Run it again.")
    return Record(folder, facts, model, predictions)


def _belong_together(facts: RunFacts, model: SavedModel, predictions: Predictions) -> bool:
    """Whether files name the same classes, as many as were predicted, of images of one size."""
    parts = (predictions.train_probabilities, predictions.test_probabilities)
    sides = {part.shape[1] for part in parts}
    size, shape = facts.reading.size, model.image_shape
    same_kind = (predictions.train_codes.ndim == 2) is facts.multi_label
    same_size = size is None or shape is None or size == shape[:2]
    return (
        facts.classes == model.names and sides == {len(facts.classes)} and same_size and same_kind
    )


def _facts(folder: Path) -> RunFacts:
    place = folder / "metrics.json"
    guess = "" if folder.exists() else nearest_path(folder)
    advice = "Give a folder that `imlogit train`, `sweep` or `probe` wrote."
    try:
        facts = RunFacts.of(parse(read_regular(place, MOST_BYTES)))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{folder}: this is no finished run of imlogit.{guess} {advice}") from None
    except OSError as error:
        why = error.strerror or error
        raise DataError(
            f"{place}: cannot be read ({why}). May it be read, and is it a file?"
        ) from None
    except ValueError as error:
        what = "it is no JSON" if isinstance(error, UnicodeDecodeError) else error
        raise DataError(
            f"{folder}: this is no finished run of imlogit (metrics.json: {what}). {advice}"
        ) from None
    if facts.interrupted and not (folder / FILE_NAME).exists():
        raise DataError(f"{folder}: this is no finished run of imlogit. {advice}")
    return facts
