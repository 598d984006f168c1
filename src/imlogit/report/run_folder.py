"""Run directories: everything a training run leaves behind, written whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from imlogit.data.cache.walk import RUNS
from imlogit.errors import OutputError
from imlogit.model.fields import SavedModel
from imlogit.model.file import write as write_model
from imlogit.model.persist import BACKBONE, FILE_NAME, refuse_function
from imlogit.report.html.content import content_of
from imlogit.report.html.page import FILE_NAME as REPORT
from imlogit.report.html.page import page_of
from imlogit.report.pictures.confusion import confusion_figure
from imlogit.report.pictures.curves import (
    calibration_figure,
    parts_of,
    precision_recall_figure,
    roc_figure,
)
from imlogit.report.pictures.figures import sample_sheet, validation_curve, weight_sheet
from imlogit.report.pictures.page import WHITE
from imlogit.report.pictures.sheets import exhibit_sheet
from imlogit.runs.plan import Task
from imlogit.runs.sweep import SweepResult
from imlogit.runs.train import TrainResult
from imlogit.system.atomic import filling, probe, refuse_place, write_bytes
from imlogit.system.plain_json import to_printable_json
from imlogit.system.text import reason

MOST_RUNS = 100_000
CHECKPOINT = ".checkpoint"
# Options that change no optimum.
ANY_WAY = ("source", "engine", "memory_limit", "precision", "recall", "rule")
# What takes long to make, and can be made of the rest.
DRAWN = (".png", ".html")


def refuse_run_place(out: Path | None) -> None:
    """Refuse, before the work, a place where `write_run` could write nothing after it.

    Raises
    ------
    OutputError
    """
    refuse_place(out, "out", makes_folders=True)
    if out is None:
        probe(Path(RUNS, "run"), named=RUNS, makes_folders=True)


def checkpoint_place(task: Task, out: Path | None) -> Path:
    """Return where a run keeps the weights of its fits until these end.

    That is beside its folder, by a name that runs of the same images and options share, whatever
    adds up over the images, and no others do.
    """
    asked = {"data": task.image_set.sha256, "of": type(task.options).__name__}
    options = task.option_metrics()
    asked |= {name: value for name, value in options.items() if name not in ANY_WAY}
    digest = sha256(to_printable_json(asked).encode()).hexdigest()[:8]
    parent = out.parent if out is not None else Path(RUNS)
    return parent / f"{file_name(task.image_set.name)}-{digest}{CHECKPOINT}"


def write_run(
    run: TrainResult | SweepResult, out: Path | None = None, *, report: bool = True
) -> Path:
    """Write a run directory.

    Parameters
    ----------
    run : TrainResult or SweepResult
    out : Path, optional
        A folder that does not exist yet; by default ``imlogit-runs/NAME-N`` with the first free N.
    report : bool, default=True
        Write ``report.html``, too.

    Returns
    -------
    Path
        Where it was written: ``model.imlogit``, ``metrics.json``, ``predictions.safetensors``,
        pictures, with ``findings.png`` where failed checks name images, ``command.txt``, and of
        a sweep ``sweep.csv``; of a backbone a link to its file, or a copy. Without pictures where
        it was interrupted, and of a sweep without a model and predictions then.

    Raises
    ------
    OutputError
        If the folder exists or cannot be written; then nothing is left of it.
    """
    refuse_place(out, "out", makes_folders=True)
    if run.model is not None:
        refuse_function(run.model)
    images, options = run.task.image_set, run.task.options
    white = options.pixel_max or WHITE
    parent = out.parent if out is not None else Path(RUNS)
    contents = _of_sweep(run) if isinstance(run, SweepResult) else _of_training(run)
    contents |= {
        "samples.png": lambda: sample_sheet(images, options.seed, white=white),
        "metrics.json": lambda: metrics_json(run).encode(),
        "command.txt": lambda: (run.command() + "\n").encode(),
    }
    if run.predictions is not None:
        contents["predictions.safetensors"] = run.predictions.to_bytes
    contents |= _of_scores(run)
    contents["findings.png"] = lambda: exhibit_sheet(images, run.checks, white)
    if report:
        contents[REPORT] = lambda: _report(run)
    if run.interrupted:  # whoever interrupts does not wait for pictures
        contents = {name: made for name, made in contents.items() if not name.endswith(DRAWN)}
    with filling(parent, out) as hidden:
        folder = hidden / "run"
        folder.mkdir()
        for name, content in contents.items():
            made = _picture(name, content) if name.endswith(DRAWN) else content()
            if made is not None:
                write_bytes(folder / name, made)
        if run.model is not None:
            write_model(folder / FILE_NAME, run.model)
            _copy_backbone(run.task, folder / BACKBONE)
        return take_place(folder, out, parent / file_name(images.name))


def _copy_backbone(task: Task, folder: Path) -> None:
    """Link to the network whose output was fitted on, or copy it, with its files of weights."""
    needed = None if task.features is None else task.features.backbone
    if needed is None:
        return
    for name in (needed.file.name, *needed.others):
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        given = (needed.file.parent / name).resolve()
        try:
            os.link(given, place)
        except OSError:  # on another disk, say
            with given.open("rb") as source, place.open("wb") as copy:
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copy.fileno())


def _picture(name: str, draw: Callable[[], bytes | None]) -> bytes | None:
    """Return a picture; one that cannot be drawn is said, and does not cost the model."""
    try:
        return draw()
    except Exception as error:
        warnings.warn(
            f"{name} could not be drawn ({reason(error)}): the run is written without it",
            UserWarning,
            stacklevel=3,
        )
        return None


def _report(run: TrainResult | SweepResult) -> bytes | None:
    content = content_of(run)
    return None if content is None else page_of(content).encode()


def _of_training(run: TrainResult) -> dict[str, Callable[[], bytes | None]]:
    return {"weights.png": lambda: _weights(run.task, run.model)}


def _of_sweep(run: SweepResult) -> dict[str, Callable[[], bytes | None]]:
    contents: dict[str, Callable[[], bytes | None]] = {
        "sweep.csv": lambda: run.csv().encode(),
        "validation.png": lambda: validation_curve(run.path),
    }
    model = run.model
    if model is not None:
        contents["weights.png"] = lambda: _weights(run.task, model)
    return contents


def _of_scores(run: TrainResult | SweepResult) -> dict[str, Callable[[], bytes | None]]:
    """Return the pictures of what a run's scores are made of, by their names."""
    model, predictions, test = run.model, run.predictions, run.test
    if model is None or predictions is None or test is None:
        return {}
    names, parts = run.task.target.names, parts_of(predictions, run.pooled, test)
    return {
        "confusion.png": lambda: confusion_figure(test, names),
        "roc.png": lambda: roc_figure(parts, names, model.threshold),
        "precision-recall.png": lambda: precision_recall_figure(parts, names, model.threshold),
        # the last part is what the table of the terminal is about: out of fold, where there is one
        "calibration.png": lambda: calibration_figure(parts[-1], names),
    }


def _weights(task: Task, model: SavedModel) -> bytes | None:
    if model.features is not None:
        return None  # no pixel has a weight of its own
    target = task.target
    # two classes have one row of weights, which speaks for the second
    titles = target.names if len(model.coef) > 1 else target.names[1:]
    return weight_sheet(model.coef, task.image_set.image_shape, titles)


def metrics_json(run: TrainResult | SweepResult) -> str:
    """Return the metrics as JSON, the same text for the same result."""
    return to_printable_json(run.metrics, indent=2) + "\n"


def file_name(name: str) -> str:
    """Return a name fit for a folder's: what images are called may come from a stranger."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "images"


def take_place(folder: Path, out: Path | None, base: Path) -> Path:
    """Give the filled folder its name, which must be free."""
    if out is not None:
        refuse_place(out, "out")
        os.rename(folder, out)  # noqa: PTH104 - as below, a call that tests stop at
        return out
    for number in range(1, MOST_RUNS):
        place = base.with_name(f"{base.name}-{number}")
        if os.path.lexists(place):
            continue
        try:
            # onto a folder that another run has filled meanwhile, this fails
            os.rename(folder, place)  # noqa: PTH104
        except OSError:
            if os.path.lexists(place):
                continue
            raise
        return place
    raise OutputError(f"{base.parent} holds {MOST_RUNS - 1} runs. Remove some, or choose out=...")
