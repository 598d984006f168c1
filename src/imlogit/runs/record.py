"""A run directory, read back: the model, its predictions, and the images that they are of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imlogit.data.cache import notes
from imlogit.data.image_set import ImageSet
from imlogit.data.progress import Progress
from imlogit.data.reading import Reading
from imlogit.data.sources import read
from imlogit.errors import DataError
from imlogit.model.fields import SavedModel
from imlogit.model.persist import FILE_NAME, open_model
from imlogit.runs.predictions import Predictions
from imlogit.system.regular_file import read_regular
from imlogit.system.text import nearest_path

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
    model : SavedModel
    predictions : Predictions
    """

    folder: Path
    metrics: dict[str, Any]
    model: SavedModel
    predictions: Predictions

    @property
    def names(self) -> tuple[str, ...]:
        """What the classes are called, in the order of the model's."""
        return tuple(self.metrics["classes"])

    @property
    def reading(self) -> Reading:
        """How the run read its images."""
        return Reading.of(self.metrics["options"]["reading"])

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
            For images that are not those of the run.
        """
        images = read(source, self.reading, progress) if source else self._found(progress)
        if images.sha256 != self.metrics["data"]["sha256"]:
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
        data = self.metrics["data"]
        try:
            source = self.metrics["options"]["source"]
            return notes.by_images(data["sha256"]) or read(source, self.reading, progress)
        except DataError as error:
            raise DataError(
                f"{self.folder}: the images of {data['name']!r} are not kept any more. Give their "
                f"source with source=... ({error})",
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
    metrics = _metrics(folder)
    model = open_model(folder)
    predictions = Predictions.read(folder / "predictions.safetensors")
    sides = {len(model.classes), len(metrics["classes"]), predictions.test_probabilities.shape[1]}
    if len(sides) > 1 or predictions.train_probabilities.shape[1] not in sides:
        raise DataError(f"{folder}: its files are not of one run. Run it again.")
    return Record(folder, metrics, model, predictions)


def _metrics(folder: Path) -> dict[str, Any]:
    place = folder / "metrics.json"
    guess = "" if folder.exists() else nearest_path(folder)
    wrong = DataError(
        f"{folder}: this is no finished run of imlogit.{guess} Give a folder that `imlogit train` "
        "or `imlogit sweep` wrote."
    )
    try:
        metrics = json.loads(read_regular(place, MOST_BYTES))
        data, options = metrics["data"], metrics.setdefault("options", {})
        known = metrics["schema"] in SCHEMAS and isinstance(metrics["interrupted"], bool)
        texts = [data["name"], data["sha256"], options.setdefault("source", data["name"])]
        known = known and all(isinstance(one, str) for one in (*texts, *metrics["classes"]))
        known = known and isinstance(options.setdefault("reading", {}), dict)
        complete = not metrics["interrupted"] or (folder / FILE_NAME).exists()
    except (FileNotFoundError, NotADirectoryError):
        raise wrong from None
    except OSError as error:
        why = error.strerror or error
        raise DataError(
            f"{place}: cannot be read ({why}). May it be read, and is it a file?"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise wrong from None
    if not (known and complete and isinstance(metrics["classes"], list)):
        raise wrong
    return dict(metrics)
